package dev.ariadne.model;

import ai.djl.huggingface.tokenizers.HuggingFaceTokenizer;
import java.lang.ref.Reference;
import java.util.Optional;
import java.util.concurrent.locks.ReadWriteLock;
import java.util.concurrent.locks.ReentrantReadWriteLock;
import java.util.function.Supplier;
import java.util.regex.Pattern;

/**
 * The native part of a tokenizer, shared by all its copies and all models that use it: freed when the last of them is
 * gone, or when one of them is closed. Closing waits for calls that other threads have under way.
 */
final class TokenizerEngine implements AutoCloseable {
    private static final Pattern BLANKS = Pattern.compile("\\s+", Pattern.UNICODE_CHARACTER_CLASS);
    private static final Pattern EDGES = Pattern.compile("\\b", Pattern.UNICODE_CHARACTER_CLASS);

    private final HuggingFaceTokenizer engine;
    private final Leak leak;
    private final ReadWriteLock lock = new ReentrantReadWriteLock(); // to read is to call, to write is to free

    TokenizerEngine(HuggingFaceTokenizer engine) {
        this.engine = engine;
        this.leak = Leak.watch(this, engine::close);
    }

    long[] encode(String text) {
        try {
            return encoded(text);
        } catch (RuntimeException e) {
            if (isUnknownWord(e)) {
                throw new IllegalArgumentException(
                        "the word '" + TokenizerJson.shown(unknownWord(text))
                                + "' is not in the vocabulary, which is one"
                                + " of whole words without a token for unknown ones; use words it has",
                        e);
            }
            throw e;
        }
    }

    private long[] encoded(String text) {
        return call(() -> engine.encode(text, false, false).getIds());
    }

    /** The native part says that there is no token for unknown words, but not which word is one. */
    private static boolean isUnknownWord(RuntimeException e) {
        return String.valueOf(e.getMessage()).startsWith("WordLevel error");
    }

    private String unknownWord(String text) {
        String word = firstRefused(BLANKS.split(text)).orElse(text);
        return firstRefused(EDGES.split(word)).orElse(word); // without its punctuation, if that is known
    }

    private Optional<String> firstRefused(String... parts) {
        for (String part : parts) {
            try {
                encoded(part);
            } catch (RuntimeException e) {
                if (isUnknownWord(e)) {
                    return Optional.of(part);
                }
                throw e;
            }
        }
        return Optional.empty();
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
