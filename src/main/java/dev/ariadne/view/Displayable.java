package dev.ariadne.view;

/**
 * Something that a notebook cell shows as a picture when it is the cell's last expression.
 *
 * <pre>{@code
 * record Tally(Map<String, String> counts) implements Displayable {
 *     public View view() {
 *         return new View.Facts("Tally", counts);
 *     }
 * }
 * }</pre>
 */
public interface Displayable {
    /**
     * Where displayable objects are shown. Its initialization registers the renderer with the kernel; because {@link
     * #show} is a default method, that happens when the first displayable class is initialized (JLS 12.4.1), so a
     * notebook calls nothing. On a plain JVM it does nothing.
     */
    DisplayHost HOST = DisplayHosts.find();

    /**
     * Returns what is to be seen, as plain data.
     *
     * @return the view
     */
    View view();

    /** Shows this object now, for a cell that has more than one thing to show. */
    default void show() {
        HOST.show(this);
    }
}
