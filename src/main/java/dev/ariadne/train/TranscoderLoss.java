package dev.ariadne.train;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.DataType;
import dev.ariadne.tensor.Tensors;
import dev.ariadne.train.TranscoderRecipe.Repair;
import dev.ariadne.train.TranscoderRecipe.Sparsity;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/**
 * The loss of a batch and its gradient in closed form: (Σ|ŷ − y|² + weight · Σ|ŷ_dead − (y − ŷ)|²) / (rows · variance), and for L1 the mean sum of
 * activations over the root of the variance.
 *
 * @param value the loss
 * @param gradients by parameter
 * @param active [feature]: the largest activation of each in the batch
 */
record TranscoderLoss(double value, Map<String, NDArray> gradients, NDArray active) {
    /** The parameters, as in a file. */
    static final String W_ENC = "W_enc";

    static final String B_ENC = "b_enc";
    static final String W_DEC = "W_dec";
    static final String B_DEC = "b_dec";

    /**
     * Computes them; all arrays belong to the batch's manager.
     *
     * @param p the parameters
     * @param x [row, dModel]
     * @param y [row, dModel]
     * @param variance of the outputs, about their mean
     * @param thresholds [feature], of what stays; null for what the recipe says
     * @param dead [feature], 1 for those that are to be repaired; null for none
     */
    static TranscoderLoss of(
            Map<String, NDArray> p,
            NDArray x,
            NDArray y,
            TranscoderRecipe recipe,
            double variance,
            @Nullable NDArray thresholds,
            @Nullable NDArray dead) {
        NDManager scope = x.getManager();
        long rows = x.getShape().get(0);
        NDArray encoder = get(p, W_ENC);
        NDArray decoder = Tensors.alias(get(p, W_DEC), scope);
        NDArray pre = Tensors.linear(x, encoder, get(p, B_ENC)); // [row, feature]
        NDArray relu = pre.getNDArrayInternal().relu();
        NDArray a = thresholds == null
                ? keep(recipe.sparsity(), pre, relu)
                : pre.mul(pre.gt(Tensors.alias(thresholds, scope)).toType(DataType.FLOAT32, false));
        NDArray error = a.matMul(decoder).add(get(p, B_DEC)).sub(y); // [row, dModel]
        double unit = rows * variance;
        double value = sum(error.mul(error)) / unit;
        NDArray out = error.mul(2 / unit); // d loss / d ŷ
        NDArray back = out.matMul(decoder.transpose()); // [row, feature]
        if (recipe.sparsity().kind() == Sparsity.Kind.L1) {
            double weight = recipe.sparsity().amount() / (rows * Math.sqrt(variance));
            value += weight * sum(a);
            back = back.add(weight);
        }
        back = back.mul(a.neq(0).toType(DataType.FLOAT32, false));
        NDArray decoderGradient = a.transpose().matMul(out);
        if (dead != null && recipe.repair().weight() > 0) {
            Repair repair = recipe.repair();
            NDArray k = scope.create((long) Math.min(repair.most(), recipe.features()));
            NDArray helping = Tensors.largest(relu.mul(dead), k);
            NDArray missed = helping.matMul(decoder).add(error); // ŷ_dead − (y − ŷ), where y − ŷ counts as given
            value += repair.weight() * sum(missed.mul(missed)) / unit;
            NDArray help = missed.mul(2 * repair.weight() / unit);
            back = back.add(help.matMul(decoder.transpose()).mul(helping.neq(0).toType(DataType.FLOAT32, false)));
            decoderGradient = decoderGradient.add(helping.transpose().matMul(help));
        }
        Map<String, NDArray> gradients = new LinkedHashMap<>();
        gradients.put(W_ENC, back.transpose().matMul(x));
        gradients.put(B_ENC, back.sum(new int[] {0}));
        gradients.put(W_DEC, decoderGradient);
        gradients.put(B_DEC, out.sum(new int[] {0}));
        return new TranscoderLoss(value, gradients, a.max(new int[] {0}));
    }

    /** The activations of a batch in training. */
    static NDArray keep(Sparsity sparsity, NDArray pre, NDArray relu) {
        long rows = pre.getShape().get(0);
        return switch (sparsity.kind()) {
            case L1 -> relu;
            case ROW_TOP_K -> Tensors.largest(relu, pre.getManager().create((long) sparsity.amount()));
            case TOP_K -> Tensors.largest(pre, pre.getManager().create((long) sparsity.amount()));
            case BATCH_TOP_K ->
                Tensors.largest(
                                relu.reshape(1, -1),
                                pre.getManager().create(Math.max(1, Math.round(rows * sparsity.amount()))))
                        .reshape(pre.getShape());
        };
    }

    private static NDArray get(Map<String, NDArray> parameters, String name) {
        return Objects.requireNonNull(parameters.get(name), name);
    }

    private static double sum(NDArray array) {
        return array.sum().toType(DataType.FLOAT64, false).getDouble();
    }
}
