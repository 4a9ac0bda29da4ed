/**
 * The hooked transformer: load a model, run it, look at any activation, replace any activation, take gradients.
 *
 * <p>Start with {@link dev.ariadne.model.HookedTransformer}; the forward pass itself is one file, {@code Forward}, in the order in which
 * Vaswani et al. (2017) and Radford et al. (2019) describe it. Hook names and shapes are TransformerLens's.
 */
@NullMarked
package dev.ariadne.model;

import org.jspecify.annotations.NullMarked;
