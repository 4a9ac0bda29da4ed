/**
 * How parts that matter are found. So far by {@link dev.ariadne.discovery.ActivationPatching}: put one activation of one run into another
 * and watch the metric (Vig et al. 2020; Meng et al. 2022, causal tracing).
 */
@NullMarked
package dev.ariadne.discovery;

import org.jspecify.annotations.NullMarked;
