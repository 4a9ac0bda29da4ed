/**
 * The computational graph of a transformer, and the exact evaluation of any part of it.
 *
 * <p>A {@link dev.ariadne.circuit.ComputationalGraph} says which {@link dev.ariadne.circuit.Edge}s there are (Conmy et al. 2023, §3 and
 * appendix), an {@link dev.ariadne.circuit.EdgePatcher} what a model does when only some of them are present, and a {@link
 * dev.ariadne.circuit.Circuit} is what remains. Start with {@link dev.ariadne.circuit.ComputationalGraph}.
 */
@NullMarked
package dev.ariadne.circuit;

import org.jspecify.annotations.NullMarked;
