package dev.ariadne.notebook;

import dev.ariadne.display.Display;
import dev.ariadne.view.DisplayHost.Live;
import dev.ariadne.view.Displayable;
import java.io.PrintStream;

/** A progress bar in a terminal: one line that overwrites itself. */
final class ConsoleProgress implements Live {
    private static final int BAR = 20;
    private static final int WIDTH = 100;

    private final PrintStream err;
    private int last;

    ConsoleProgress(PrintStream err) {
        this.err = err;
    }

    @Override
    public void update(double fraction, String line) {
        int full = (int) Math.round(fraction * BAR);
        put("[" + "#".repeat(full) + "-".repeat(BAR - full) + "] " + line);
        err.flush();
    }

    /** Shows the end of what has been made, as much as the line has room for. */
    @Override
    public void update(double fraction, String line, Displayable soFar) {
        String text = Display.text(soFar).strip();
        int room = Math.max(0, WIDTH - BAR - "[] : …".length() - line.length());
        boolean fits = text.length() <= room;
        update(fraction, line + ": " + (fits ? text : "…" + text.substring(text.length() - room)));
    }

    @Override
    public void finish(String line) {
        put(line);
        err.println();
    }

    @Override
    public void stop(String line) {
        finish(line);
    }

    private void put(String line) {
        String text = line.replaceAll("\\p{Cntrl}", " ");
        text = text.length() > WIDTH ? text.substring(0, WIDTH - 1) + "…" : text;
        err.print("\r" + text + " ".repeat(Math.max(0, last - text.length())));
        last = text.length();
    }
}
