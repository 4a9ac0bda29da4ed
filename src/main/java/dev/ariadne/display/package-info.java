/**
 * Turns views into pictures: HTML that survives a notebook's sanitizer, SVG, PNG and plain text.
 *
 * <p>It knows no kernel and no model; what it gets is a {@link dev.ariadne.view.View}. Tables and bars become HTML that
 * inherits the theme's text color; heat maps become one SVG inside an {@code img}, on a light card, so that both read
 * well in light and dark themes. The PNG is painted from the same {@code Scene} as the SVG.
 *
 * <p>Start reading at {@link dev.ariadne.display.Display}.
 */
@NullMarked
package dev.ariadne.display;

import org.jspecify.annotations.NullMarked;
