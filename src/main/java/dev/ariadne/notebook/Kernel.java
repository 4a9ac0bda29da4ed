package dev.ariadne.notebook;

import java.util.Map;

/** What this library needs of a kernel. */
interface Kernel {
    /** Returns the name that {@link Notebook#init} answers. */
    String name();

    /** Registers the renderers; calling it again changes nothing. */
    void install();

    /** Shows an object as a cell's last expression is shown. */
    void show(Object value);

    /** Opens a display under an identifier. */
    void open(String id, Map<String, String> bundle);

    /** Replaces what the display with that identifier shows. */
    void update(String id, Map<String, String> bundle);
}
