package dev.ariadne.view;

import java.util.Locale;
import java.util.Objects;
import java.util.Optional;
import java.util.concurrent.CancellationException;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.LongSupplier;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/**
 * Says how far a long loop has come, and lets the user interrupt it.
 *
 * <p>Nothing appears for work that is quickly done: the display opens after half a second, if the work is estimated to
 * last more than two seconds in all, and changes at most four times a second. {@link #step} may be called by any
 * thread, but only the thread that opened the progress draws: a kernel drops what other threads print.
 *
 * <pre>{@code
 * try (Progress progress = Progress.of("patching", layers)) {
 *     for (int layer = 0; layer < layers; layer++) {
 *         patch(layer);
 *         progress.step("layer " + layer);
 *     }
 * }
 * }</pre>
 */
public final class Progress implements AutoCloseable {
    private static final long MILLI = 1_000_000;
    private static final long QUIET_NANOS = 500 * MILLI;
    private static final long WORTH_NANOS = 2_000 * MILLI;
    private static final long FRAME_NANOS = 250 * MILLI;

    private final String task;
    private long total;
    private final LongSupplier clock;
    private final Supplier<DisplayHost> host;
    private final Thread owner = Thread.currentThread();
    private final AtomicLong done = new AtomicLong();
    private final long start;
    private DisplayHost.@Nullable Live live;
    private boolean opened; // also when the host had nothing to open
    private boolean closed;
    private long lastFrame;
    private @Nullable Supplier<? extends Displayable> made;

    Progress(String task, long total, LongSupplier clock, Supplier<DisplayHost> host) {
        if (total < 0) {
            throw new IllegalArgumentException("total of '" + task + "' must be >= 0 steps, got " + total
                    + "; pass the number of times step() will be called");
        }
        this.task = Objects.requireNonNull(task, "task");
        this.total = total;
        this.clock = clock;
        this.host = host;
        this.start = clock.getAsLong();
    }

    /**
     * Starts the clock of a piece of work.
     *
     * @param task what is being done, such as "patching 30 x 12"
     * @param total how many steps there are
     * @return the progress, to be closed when the work ends
     */
    public static Progress of(String task, long total) {
        return new Progress(task, total, System::nanoTime, () -> Displayable.HOST);
    }

    /**
     * Stops the work if the user has asked for it; for loops that know no number of steps.
     *
     * @param task what is being done, for the message
     * @throws CancellationException if the thread is interrupted
     */
    public static void checkInterrupted(String task) {
        if (Thread.currentThread().isInterrupted()) {
            throw new CancellationException("interrupted during " + task + "; run the cell again to start over");
        }
    }

    /**
     * Counts one step as done.
     *
     * @throws CancellationException if the thread is interrupted
     */
    public void step() {
        step("");
    }

    /**
     * Counts one step as done.
     *
     * @param note what was done, in a few words, shown beside the bar
     * @throws CancellationException if the thread is interrupted
     */
    public void step(String note) {
        step(note, null);
    }

    /**
     * Counts one step as done, and shows what has been made so far.
     *
     * @param note what was done, in a few words, shown beside the bar
     * @param soFar what to show below the bar; asked only when the display changes, and when the work is cut short: then it stays
     * @throws CancellationException if the thread is interrupted
     */
    public void step(String note, @Nullable Supplier<? extends Displayable> soFar) {
        step(1, note, soFar);
    }

    /**
     * Counts several steps as done, that were one piece of work.
     *
     * @param count how many
     * @param note what was done, in a few words, shown beside the bar
     * @param soFar what to show below the bar, as in {@link #step(String, Supplier)}
     * @throws CancellationException if the thread is interrupted
     */
    public void step(int count, String note, @Nullable Supplier<? extends Displayable> soFar) {
        long now = done.addAndGet(count);
        if (Thread.currentThread() == owner) {
            made = soFar;
        }
        if (Thread.currentThread().isInterrupted()) {
            throw new CancellationException("interrupted after " + now + " of " + total + " steps of " + task
                    + "; run the cell again to start over");
        }
        if (Thread.currentThread() == owner && !closed) {
            draw(now, note);
        }
    }

    /** Says that the work is done, in fewer steps than it might have taken. */
    public void complete() {
        total = done.get();
    }

    /** Ends the work: the display, if there is one, goes, or says how far the work came. */
    @Override
    public void close() {
        if (closed) {
            return;
        }
        closed = true;
        if (live != null && Thread.currentThread() == owner) {
            String took = seconds(clock.getAsLong() - start);
            if (done.get() >= total) {
                live.finish(task + ": " + total + " of " + total + " in " + took);
            } else {
                String line = task + ": stopped after " + done.get() + " of " + total + ", " + took;
                if (made != null) {
                    live.update((double) done.get() / total, line, made.get()); // all of it, not what a frame caught
                }
                live.stop(line);
            }
        }
    }

    private void draw(long now, String note) {
        long time = clock.getAsLong();
        long elapsed = time - start;
        double estimate = (double) elapsed * Math.max(total, now) / now;
        if (!opened) {
            if (elapsed < QUIET_NANOS || estimate <= WORTH_NANOS) {
                return;
            }
            opened = true;
            Optional<DisplayHost.Live> display = host.get().open();
            live = display.orElse(null);
        } else if (time - lastFrame < FRAME_NANOS) {
            return;
        }
        lastFrame = time;
        if (live != null) {
            String left = seconds((long) (estimate - elapsed)) + " left";
            String line = task + ": " + now + "/" + total + ", " + left + (note.isEmpty() ? "" : ", " + note);
            double fraction = total == 0 ? 1 : Math.min(1, (double) now / total);
            if (made == null) {
                live.update(fraction, line);
            } else {
                live.update(fraction, line, made.get());
            }
        }
    }

    /** Writes a duration as "0.4 s", "12 s" or "3 min 20 s". */
    static String seconds(long nanos) {
        double seconds = nanos / 1e9;
        if (seconds < 9.95) {
            return String.format(Locale.ROOT, "%.1f s", seconds);
        }
        long whole = Math.round(seconds);
        return whole < 120 ? whole + " s" : whole / 60 + " min " + whole % 60 + " s";
    }
}
