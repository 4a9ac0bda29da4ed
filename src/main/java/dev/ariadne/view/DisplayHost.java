package dev.ariadne.view;

import java.util.Optional;

/** The place where views appear: a notebook kernel, or the console of a plain JVM; found as a service. */
public interface DisplayHost {
    /** Makes the kernel that is running, if any, show displayable objects; calling it again changes nothing. */
    void install();

    /**
     * Shows an object now, as its view says.
     *
     * @param displayable what to show
     */
    void show(Displayable displayable);

    /**
     * Opens one display that can be updated in place.
     *
     * @return the display, or empty where nobody is looking
     */
    Optional<Live> open();

    /** One display that is updated in place, on the thread that opened it. */
    interface Live {
        /**
         * Replaces what the display says.
         *
         * @param fraction how much is done, in [0, 1]
         * @param line one line of text beside the bar
         */
        void update(double fraction, String line);

        /**
         * Replaces what the display says, and shows below it what has been made so far; a display that has no room for it leaves it out.
         *
         * @param fraction how much is done, in [0, 1]
         * @param line one line of text beside the bar
         * @param soFar what has been made; it stays where the work is cut short
         */
        default void update(double fraction, String line, Displayable soFar) {
            update(fraction, line);
        }

        /**
         * Ends the display of work that is done. A console keeps the line; a notebook removes the display, because the
         * time the work took would make every saved copy differ from the last.
         *
         * @param line what was done, and how long it took
         */
        void finish(String line);

        /**
         * Ends the display of work that was cut short, without a bar.
         *
         * @param line one line of text that stays
         */
        void stop(String line);
    }
}
