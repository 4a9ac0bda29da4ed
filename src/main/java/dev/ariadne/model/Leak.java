package dev.ariadne.model;

import java.lang.ref.Cleaner;

/** Frees the arrays of a model or a result when it is closed, or when a notebook has lost it: native memory is invisible to the garbage collector. */
final class Leak implements AutoCloseable {
    private static final Cleaner CLEANER = Cleaner.create();

    private final Cleaner.Cleanable cleanable;

    private Leak(Cleaner.Cleanable cleanable) {
        this.cleanable = cleanable;
    }

    /** The action must not hold the result itself, or it would never be lost. */
    static Leak watch(Object result, Runnable free) {
        return new Leak(CLEANER.register(result, free));
    }

    @Override
    public void close() {
        cleanable.clean();
    }
}
