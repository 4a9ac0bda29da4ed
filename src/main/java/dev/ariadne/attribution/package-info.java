/**
 * Attribution graphs: which features, tokens and errors push which features and output tokens of a prompt, with transcoders in the place of
 * MLPs (Ameisen et al. 2025, "Circuit Tracing"; Dunefsky et al. 2024).
 *
 * <p>{@link dev.ariadne.attribution.GraphJson} is a graph as it is published and shared, {@link dev.ariadne.attribution.Annotations}
 * what a reader has added to one, and {@link dev.ariadne.attribution.GraphUrl} the same in the address of a graph on the web.
 *
 * <p>Start with {@link dev.ariadne.attribution.ReplacementModel}: a model with its transcoders.
 */
@NullMarked
package dev.ariadne.attribution;

import org.jspecify.annotations.NullMarked;
