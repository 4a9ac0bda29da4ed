/**
 * What a result offers to be looked at, as plain data, and how long work reports and is interrupted.
 *
 * <p>A domain type implements {@link dev.ariadne.view.Displayable} and builds one of the records of {@link
 * dev.ariadne.view.View}; it never writes HTML. Package {@code display} turns a view into a picture, package {@code
 * notebook} hands the picture to the kernel, and neither is known here: both are found through the service {@link
 * dev.ariadne.view.DisplayHost}.
 *
 * <p>Start reading at {@link dev.ariadne.view.View}.
 */
@NullMarked
package dev.ariadne.view;

import org.jspecify.annotations.NullMarked;
