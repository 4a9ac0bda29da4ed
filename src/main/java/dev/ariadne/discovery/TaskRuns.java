package dev.ariadne.discovery;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import dev.ariadne.model.ActivationCache;
import dev.ariadne.model.Hook;
import dev.ariadne.model.HookedTransformer;
import dev.ariadne.model.Logits;
import dev.ariadne.task.Metric;
import dev.ariadne.task.Task;
import dev.ariadne.tensor.Tensors;
import java.util.List;

/** Runs of a task's model on its clean prompts that differentiate its metric. */
final class TaskRuns implements AutoCloseable {
    private final Task task;
    private final NDManager owner;
    private final Metric metric;

    /** Runs the full model first, where the metric compares with it. */
    TaskRuns(Task task) {
        this.task = task;
        this.owner = task.model().newOwner();
        if (!task.metric().needsReference()) {
            this.metric = task.metric();
            return;
        }
        try (Logits full = task.model().run(task.clean())) {
            NDArray read = task.select(Tensors.alias(full.array(), owner), 0).duplicate();
            read.attach(owner);
            this.metric = task.metric().against(read);
        }
    }

    HookedTransformer model() {
        return task.model();
    }

    /** Keeps what the filter names, with the gradient of the metric, the mean over prompts. */
    ActivationCache gradients(List<String> filter, List<Hook> hooks) {
        return task.model()
                .runWithGradients(
                        task.clean(),
                        logits -> metric.perPrompt(task.select(logits, 0)).mean(),
                        filter,
                        hooks.toArray(Hook[]::new));
    }

    @Override
    public void close() {
        owner.close();
    }
}
