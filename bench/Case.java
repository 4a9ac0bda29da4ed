import java.io.IOException;

/** One thing to time. What costs once belongs in load; what is timed is one call of run. */
interface Case {

    /**
     * Makes everything ready and runs the work once.
     *
     * @return a figure that a peer doing the same work would find too, or NaN where there is none
     */
    double load() throws IOException, InterruptedException;

    /**
     * Does the work once.
     *
     * @return what it took, in ms
     */
    double run() throws IOException, InterruptedException;

    /** Frees what load made. */
    default void close() {}
}
