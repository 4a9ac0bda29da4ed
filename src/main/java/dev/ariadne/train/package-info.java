/**
 * Trains small models: one loop that knows no task, its optimizer and learning rates, and the programs that made the models which ship with
 * the library.
 *
 * <p>Start with {@link dev.ariadne.train.Trainer}. What it fits is a {@link dev.ariadne.model.TrainableModel}; what it learns from are
 * {@link dev.ariadne.train.Batches} of {@link dev.ariadne.train.Example}s.
 */
@NullMarked
package dev.ariadne.train;

import org.jspecify.annotations.NullMarked;
