package dev.ariadne.attribution;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDArrays;
import ai.djl.ndarray.NDList;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.Shape;
import dev.ariadne.model.HookedTransformer;
import dev.ariadne.model.Logits;
import dev.ariadne.model.Weight;
import dev.ariadne.tensor.Tensors;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/**
 * The targets of a graph, found on a run.
 *
 * @param list the targets
 * @param vectors the direction of each, of what is unembedded [target, dModel]: a token's row of the unembedding less the mean of all rows
 * @param constants what each gets from the unembedding's bias [target]
 */
@SuppressWarnings("ArrayRecordComponent") // package-private, not shared
record Outputs(List<Target> list, NDArray vectors, double[] constants) {
    static Outputs of(ReplacementModel replacement, CleanRun run, Targets wanted, NDManager owner) {
        HookedTransformer model = replacement.model();
        Logits logits = run.cache().logits();
        if (wanted instanceof Targets.Salient salient) {
            return tokens(model, logits, salient(model, logits, salient), owner);
        } else if (wanted instanceof Targets.Tokens tokens) {
            return tokens(
                    model,
                    logits,
                    tokens.texts().stream()
                            .map(text -> model.tokenizer().toSingleToken(text))
                            .toList(),
                    owner);
        } else if (wanted instanceof Targets.Ids ids) {
            return tokens(model, logits, ids.ids(), owner);
        } else if (wanted instanceof Targets.Directions directions) {
            return directions(model, run, directions, owner);
        }
        throw new AssertionError("unhandled targets " + wanted);
    }

    private static List<Long> salient(HookedTransformer model, Logits logits, Targets.Salient wanted) {
        List<Long> ids = new ArrayList<>();
        double mass = 0;
        for (Logits.Prediction each :
                logits.top(Math.min(wanted.most(), model.config().dVocabOut()))) {
            ids.add(each.id());
            mass += each.probability();
            if (mass >= wanted.mass()) {
                break;
            }
        }
        return ids;
    }

    private static Outputs tokens(HookedTransformer model, Logits logits, List<Long> ids, NDManager owner) {
        int vocabulary = model.config().dVocabOut();
        for (long id : ids) {
            if (id < 0 || id >= vocabulary) {
                throw new IllegalArgumentException(
                        "target " + id + " is out of range: the model predicts tokens 0 to " + (vocabulary - 1));
            }
        }
        double[] probabilities = probabilities(logits);
        List<Target> targets = ids.stream()
                .map(id -> new Target(
                        model.hasTokenizer() ? model.tokenizer().toSingleString(id) : "#" + id,
                        id,
                        probabilities[id.intValue()]))
                .toList();
        long[] rows = ids.stream().mapToLong(id -> id).toArray();
        try (NDManager scope = owner.newSubManager();
                Weight matrix = model.weights().get("unembed.W_U");
                Weight bias = model.weights().get("unembed.b_U")) {
            NDArray unembed = Tensors.alias(matrix.array(), scope).transpose(); // [dVocab, dModel], a view
            NDArray mean = unembed.mean(new int[] {0}, true);
            NDArray vectors = Tensors.embedding(scope.create(rows), unembed).sub(mean); // [target, dModel]
            vectors.attach(owner);
            double[] biases = CleanRun.doubles(Tensors.alias(bias.array(), scope));
            double center = Arrays.stream(biases).average().orElseThrow();
            double[] constants = new double[rows.length];
            for (int i = 0; i < rows.length; i++) {
                constants[i] = biases[(int) rows[i]] - center;
            }
            return new Outputs(targets, vectors, constants);
        }
    }

    /** Of each token at the last position. */
    private static double[] probabilities(Logits logits) {
        double[] values;
        try (NDArray last = logits.array().get(0, logits.shape()[1] - 1)) {
            values = CleanRun.doubles(last);
        }
        double most = Arrays.stream(values).max().orElseThrow();
        double sum = Arrays.stream(values).map(value -> Math.exp(value - most)).sum();
        return Arrays.stream(values).map(value -> Math.exp(value - most) / sum).toArray();
    }

    private static Outputs directions(
            HookedTransformer model, CleanRun run, Targets.Directions wanted, NDManager owner) {
        List<Target> targets = new ArrayList<>();
        int dModel = model.config().dModel();
        try (NDManager scope = owner.newSubManager()) {
            NDList rows = new NDList();
            for (Targets.Direction each : wanted.directions()) {
                float[] vector = each.vector();
                if (vector.length != dModel) {
                    throw new IllegalArgumentException("direction '" + each.label() + "' must have " + dModel
                            + " numbers, as wide as the model's stream, got " + vector.length);
                }
                targets.add(
                        new Target(each.label(), (long) model.config().dVocabOut() + targets.size(), each.weight()));
                rows.add(scope.create(vector, new Shape(1, dModel)).toType(run.type(), false));
            }
            NDArray vectors = NDArrays.concat(rows, 0);
            vectors.attach(owner);
            return new Outputs(targets, vectors, new double[targets.size()]);
        }
    }
}
