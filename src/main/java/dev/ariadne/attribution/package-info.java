/**
 * Attribution graphs: which features, tokens and errors push which features and output tokens (Ameisen et al. 2025, "Circuit tracing").
 *
 * <p>{@link dev.ariadne.attribution.GraphJson} is a graph as it is published and shared, {@link dev.ariadne.attribution.Annotations}
 * what a reader has added to one, and {@link dev.ariadne.attribution.GraphUrl} the same in the address of a graph on the web.
 *
 * <p>Start reading at {@link dev.ariadne.attribution.GraphJson}.
 */
@NullMarked
package dev.ariadne.attribution;

import org.jspecify.annotations.NullMarked;
