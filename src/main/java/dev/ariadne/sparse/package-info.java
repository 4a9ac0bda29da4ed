/**
 * Weight-sparse transformers and their circuits (Gao et al. 2025): models almost all of whose weights are zero, so that the part that does
 * a task is small enough to read.
 *
 * <p>Start with {@link dev.ariadne.sparse.SparseTrainer}, which trains one on texts of {@link dev.ariadne.sparse.MiniPython}, and
 * {@link dev.ariadne.sparse.CircuitPruner}, which cuts a task's circuit out of it.
 */
@NullMarked
package dev.ariadne.sparse;

import org.jspecify.annotations.NullMarked;
