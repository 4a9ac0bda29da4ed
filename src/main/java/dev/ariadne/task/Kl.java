package dev.ariadne.task;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.types.Shape;
import dev.ariadne.tensor.Tensors;
import org.jspecify.annotations.Nullable;

/** KL(full model || circuit), the mean over the positions read, or over those that count (Conmy et al. 2023, §3.1). */
record Kl(@Nullable Mask mask, @Nullable NDArray reference) implements Metric {
    @Override
    public String name() {
        return "KL divergence";
    }

    @Override
    public String unit() {
        return "nats";
    }

    @Override
    public boolean higherIsBetter() {
        return false;
    }

    @Override
    public boolean needsReference() {
        return true;
    }

    @Override
    public Metric against(NDArray full) {
        if (mask != null) {
            mask.require(full.getShape());
        }
        return new Kl(mask, full.logSoftmax(2));
    }

    @Override
    public boolean readsDivergence() {
        return true;
    }

    @Override
    public NDArray perPromptOfDivergence(NDArray kl) {
        return mask == null ? kl.mean(new int[] {1}) : mask.mean(kl);
    }

    @Override
    public NDArray perPrompt(NDArray logits) {
        NDArray full = reference;
        if (full == null) {
            throw new IllegalStateException("KL compares with the full model; call against(logits) first");
        }
        Shape shape = logits.getShape();
        Shape one = full.getShape();
        NDArray log =
                logits.logSoftmax(2).reshape(-1, one.get(0), one.get(1), one.get(2)); // [copy, batch, pos, dVocab]
        NDArray p = Tensors.alias(full, logits.getManager()).exp(); // [batch, pos, dVocab]
        NDArray kl = log.sub(full).mul(p).sum(new int[] {3}).neg(); // [copy, batch, pos]
        return perPromptOfDivergence(kl.reshape(shape.get(0), one.get(1)));
    }

    @Override
    public String toString() {
        return name() + " in " + unit();
    }
}
