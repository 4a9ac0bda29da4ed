package dev.ariadne.model;

import ai.djl.ndarray.NDManager;
import java.lang.ref.Cleaner;

/** Frees a result's arrays when it is closed, or when a notebook has lost it: native memory is invisible to the garbage collector. */
final class Leak implements AutoCloseable {
    private static final Cleaner CLEANER = Cleaner.create();

    private final Cleaner.Cleanable cleanable;

    private Leak(Cleaner.Cleanable cleanable) {
        this.cleanable = cleanable;
    }

    /** The action must not hold the result itself, or it would never be lost. */
    static Leak watch(Object result, NDManager owner) {
        return new Leak(CLEANER.register(result, owner::close));
    }

    @Override
    public void close() {
        cleanable.clean();
    }
}
