/**
 * Ariadne follows the thread through a transformer, from a Java notebook: what flows where, which parts a behavior needs,
 * and what happens when one of them is changed.
 *
 * <p>This package is empty; it says in which order to read the others. Each stands on those above it, never the other way
 * round, and a test keeps it so:
 *
 * <ol>
 *   <li>{@code view}: what a result offers to be looked at, as plain data; how long work reports and is interrupted.
 *   <li>{@code tensor}: the seam to the engine. Nothing else knows which engine it is.
 *   <li>{@code model.weights}: files of weights, by name and shape.
 *   <li>{@code model}: the hooked transformer, its tokens, hooks and cache. Start here if you read only one package, with
 *       {@code HookedTransformer}.
 *   <li>{@code task}: behaviors, and the number that says how well a model does.
 *   <li>{@code discovery}: which parts matter for that number, so far by activation patching.
 *   <li>{@code train}: fits the weights of a small model; stands on the model alone.
 *   <li>{@code sparse}: models almost all of whose weights are zero.
 *   <li>{@code display}: draws any view; sees nothing but views.
 *   <li>{@code notebook}: brings displays into a Java kernel; the only package that names one.
 *   <li>{@code cli}: the same from a shell.
 * </ol>
 *
 * <p>Hook names and shapes are those of TransformerLens, so that what was written for it can be followed here.
 */
@NullMarked
package dev.ariadne;

import org.jspecify.annotations.NullMarked;
