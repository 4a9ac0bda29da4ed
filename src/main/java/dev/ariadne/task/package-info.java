/**
 * Behaviors: what a model is asked, and the number that says how well it does. So far the number: {@link dev.ariadne.task.Metric}.
 */
@NullMarked
package dev.ariadne.task;

import org.jspecify.annotations.NullMarked;
