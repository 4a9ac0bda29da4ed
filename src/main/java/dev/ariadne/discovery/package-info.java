/**
 * How parts that matter are found: {@link dev.ariadne.discovery.ActivationPatching} puts one activation of one run into another and watches
 * the metric (Vig et al. 2020; Meng et al. 2022, causal tracing), {@link dev.ariadne.discovery.HeadAblation} takes one head away, and
 * {@link dev.ariadne.discovery.HeadDetector} finds heads by where they look (Olsson et al. 2022). Circuits are found edge by edge by {@link
 * dev.ariadne.discovery.Acdc}, ranked by gradients in {@link dev.ariadne.discovery.EdgeAttribution} and {@link
 * dev.ariadne.discovery.HeadImportance}, or trained by {@link dev.ariadne.discovery.SubnetworkProbing}.
 *
 * <p>Start reading at {@link dev.ariadne.discovery.ActivationPatching}.
 */
@NullMarked
package dev.ariadne.discovery;

import org.jspecify.annotations.NullMarked;
