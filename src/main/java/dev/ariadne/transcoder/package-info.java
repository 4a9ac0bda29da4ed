/**
 * Features: what an MLP does, written as a sparse sum of directions, each switched on by one encoder (Dunefsky et al. 2024).
 *
 * <p>Start with {@link dev.ariadne.transcoder.TranscoderSet}: one {@link dev.ariadne.transcoder.Transcoder} for each layer, read from and
 * written in circuit-tracer's layout; its {@code hooks} put reconstructions in the place of MLPs for one run. {@code train} makes them.
 */
@NullMarked
package dev.ariadne.transcoder;

import org.jspecify.annotations.NullMarked;
