/**
 * Interventions: features are set, alone or in groups, and the model itself says what follows (Ameisen et al. 2025, "Circuit Tracing", Intervention).
 *
 * <p>Start with {@link dev.ariadne.intervention.Supernode} and {@link dev.ariadne.intervention.InterventionGraph}; below them lies {@link
 * dev.ariadne.intervention.FeaturePatcher}, which sets single features.
 */
@NullMarked
package dev.ariadne.intervention;

import org.jspecify.annotations.NullMarked;
