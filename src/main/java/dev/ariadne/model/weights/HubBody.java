package dev.ariadne.model.weights;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.Flow;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;

/**
 * The body of a response, taken piece by piece. Unlike a stream, waiting for a piece ends when the thread is interrupted,
 * and when nothing has come for too long.
 */
final class HubBody implements Flow.Subscriber<List<ByteBuffer>>, AutoCloseable {
    private static final int PIECES_AHEAD = 16;

    /** A connection that broke: worth another try. */
    static final class Dropped extends IOException {
        private static final long serialVersionUID = 1;

        Dropped(String message) {
            super(message);
        }

        Dropped(String message, Throwable cause) {
            super(message, cause);
        }
    }

    private record Piece(
            List<ByteBuffer> bytes, boolean last, @Nullable Throwable failure) {}

    private final BlockingQueue<Piece> pieces = new LinkedBlockingQueue<>();
    private final Duration timeout;
    private volatile Flow.@Nullable Subscription subscription;
    private volatile boolean closed;

    HubBody(Duration timeout) {
        this.timeout = timeout;
    }

    /** The next bytes; an empty list at the end. */
    List<ByteBuffer> next() throws IOException, InterruptedException {
        Piece piece = pieces.poll(timeout.toMillis(), TimeUnit.MILLISECONDS);
        if (piece == null) {
            throw new Dropped("nothing came for " + timeout.toMillis() + " ms");
        }
        if (piece.failure() != null) {
            throw new Dropped("the connection broke: " + piece.failure().getMessage(), piece.failure());
        }
        Flow.Subscription from = subscription;
        if (from != null && !piece.last()) {
            from.request(1);
        }
        return piece.bytes();
    }

    @Override
    public void onSubscribe(Flow.Subscription from) {
        subscription = from;
        if (closed) {
            from.cancel();
        } else {
            from.request(PIECES_AHEAD);
        }
    }

    @Override
    public void onNext(List<ByteBuffer> bytes) {
        pieces.add(new Piece(bytes, false, null));
    }

    @Override
    public void onError(Throwable failure) {
        pieces.add(new Piece(List.of(), true, failure));
    }

    @Override
    public void onComplete() {
        pieces.add(new Piece(List.of(), true, null));
    }

    /** Drops what has not been taken. */
    @Override
    public void close() {
        closed = true;
        Flow.Subscription from = subscription;
        if (from != null) {
            from.cancel();
        }
    }
}
