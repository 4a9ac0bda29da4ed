/**
 * The seam to the engine: the one package that knows DJL's PyTorch classes.
 *
 * <p>It supplies what DJL's arrays lack (gradients with respect to any activation, tanh-GELU, RMS norm, rotary embedding), refuses what
 * would abort the process (dtypes the engine does not take, devices that are absent), and names all axes when a shape is wrong. Start
 * with {@link dev.ariadne.tensor.Tensors}.
 */
@NullMarked
package dev.ariadne.tensor;

import org.jspecify.annotations.NullMarked;
