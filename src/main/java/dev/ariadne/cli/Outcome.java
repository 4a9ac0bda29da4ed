package dev.ariadne.cli;

import java.util.List;
import java.util.Locale;

/**
 * What came of comparing one file.
 *
 * @param status whether all of it agreed
 * @param file the file, relative to the folder
 * @param error the largest absolute difference, relative to its tolerance's scale
 * @param tolerance what the error may be; 0 means exact
 * @param millis how long the comparison took
 * @param note what was compared, or why not
 */
record Outcome(Status status, String file, double error, double tolerance, long millis, String note) {
    /** Whether a file agreed. */
    enum Status {
        /** Everything within tolerance. */
        PASS,
        /** Something outside tolerance, or unreadable. */
        FAIL,
        /** Not compared. */
        SKIP
    }

    static long count(List<Outcome> outcomes, Status status) {
        return outcomes.stream().filter(o -> o.status == status).count();
    }

    @Override
    public String toString() {
        if (status == Status.SKIP) {
            return String.format(Locale.ROOT, "skip  %-58s %s", file, note);
        }
        return String.format(
                Locale.ROOT,
                "%-5s %-58s error %.2e  tolerance %.0e  %6d ms  %s",
                status.name().toLowerCase(Locale.ROOT),
                file,
                error,
                tolerance,
                millis,
                note);
    }
}
