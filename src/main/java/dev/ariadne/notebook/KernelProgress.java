package dev.ariadne.notebook;

import dev.ariadne.display.Display;
import dev.ariadne.view.DisplayHost.Live;
import dev.ariadne.view.Displayable;
import dev.ariadne.view.View;
import java.util.LinkedHashMap;
import java.util.Locale;
import java.util.Map;
import java.util.UUID;

/** A progress bar in a notebook: one display, updated under one identifier. */
final class KernelProgress implements Live {
    private static final View NOTHING = new View.Text("", "");

    private final Kernel kernel;
    private final String id = UUID.randomUUID().toString();
    private boolean shown;
    private View below = NOTHING; // what has been made so far

    KernelProgress(Kernel kernel) {
        this.kernel = kernel;
    }

    @Override
    public void update(double fraction, String line) {
        String bar = String.format(
                Locale.ROOT,
                "<progress value=\"%.4f\" max=\"1\" style=\"width:240px;vertical-align:middle\"></progress> ",
                fraction);
        put(bar, line);
    }

    @Override
    public void update(double fraction, String line, Displayable soFar) {
        below = soFar.view();
        update(fraction, line);
    }

    @Override
    public void finish(String line) {
        if (shown) {
            send("", ""); // a display cannot be taken back, only emptied
        }
    }

    @Override
    public void stop(String line) {
        put("", line);
    }

    private void put(String bar, String line) {
        String html = "<div style=\"margin:4px\">" + bar + "<span>" + escape(line) + "</span></div>";
        boolean more = !below.equals(NOTHING);
        send(more ? html + Display.html(below) : html, more ? line + "\n" + Display.text(below) : line);
    }

    private void send(String html, String text) {
        Map<String, String> bundle = new LinkedHashMap<>();
        bundle.put("text/html", html);
        bundle.put("text/plain", text);
        if (shown) {
            kernel.update(id, bundle);
        } else {
            kernel.open(id, bundle);
            shown = true;
        }
    }

    private static String escape(String text) {
        return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;");
    }
}
