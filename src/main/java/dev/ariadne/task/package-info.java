/**
 * Behaviors: what a model is asked, and the number that says how well it does. {@link dev.ariadne.task.Tasks} makes those of the literature for
 * the model at hand, {@link dev.ariadne.task.Task} is one of them, {@link dev.ariadne.task.Metric} the number. The measures are those of Conmy et
 * al. 2023, §3 and appendices.
 */
@NullMarked
package dev.ariadne.task;

import org.jspecify.annotations.NullMarked;
