package dev.ariadne.model;

import ai.djl.huggingface.tokenizers.HuggingFaceTokenizer;
import java.lang.ref.Reference;
import java.util.concurrent.locks.ReadWriteLock;
import java.util.concurrent.locks.ReentrantReadWriteLock;
import java.util.function.Supplier;

/**
 * The native part of a tokenizer, shared by all its copies and all models that use it: freed when the last of them is
 * gone, or when one of them is closed. Closing waits for calls that other threads have under way.
 */
final class TokenizerEngine implements AutoCloseable {
    private final HuggingFaceTokenizer engine;
    private final Leak leak;
    private final ReadWriteLock lock = new ReentrantReadWriteLock(); // to read is to call, to write is to free

    TokenizerEngine(HuggingFaceTokenizer engine) {
        this.engine = engine;
        this.leak = Leak.watch(this, engine::close);
    }

    long[] encode(String text) {
        return call(() -> engine.encode(text, false, false).getIds());
    }

    String decode(long... ids) {
        return call(() -> engine.decode(ids, false));
    }

    private <T> T call(Supplier<T> nativeCall) {
        lock.readLock().lock();
        try {
            if (engine.isReleased()) {
                throw new IllegalStateException("the tokenizer is closed; load it again");
            }
            return nativeCall.get();
        } finally {
            lock.readLock().unlock();
            Reference.reachabilityFence(this); // else the memory may be freed before the call returns
        }
    }

    @Override
    public void close() {
        lock.writeLock().lock();
        try {
            leak.close();
        } finally {
            lock.writeLock().unlock();
        }
    }
}
