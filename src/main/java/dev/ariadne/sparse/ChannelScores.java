package dev.ariadne.sparse;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDArrays;
import ai.djl.ndarray.NDList;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.Shape;
import dev.ariadne.model.ActivationCache;
import dev.ariadne.model.Hook;
import dev.ariadne.model.HookedTransformer;
import dev.ariadne.model.Logits;
import dev.ariadne.tensor.Tensors;
import dev.ariadne.view.Progress;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Random;
import java.util.function.BiConsumer;
import java.util.stream.IntStream;

/** Which channels matter for a task, by gradients of the model on the engine. */
final class ChannelScores {
    private static final int ROWS = 64; // at once

    private final HookedTransformer model;
    private final Wiring wiring;
    private final List<String> hooks = new ArrayList<>(); // in the order of the channels

    ChannelScores(HookedTransformer model, Wiring wiring) {
        this.model = model;
        this.wiring = wiring;
        for (int layer = 0; layer < wiring.c.nLayers(); layer++) {
            for (Place place : Place.values()) {
                hooks.add(place.hook(layer));
            }
        }
    }

    /** The mean of each channel over texts and positions. */
    double[] means(List<long[]> texts) {
        double[] sums = new double[wiring.channels];
        long count = 0;
        for (int from = 0; from < texts.size(); from += ROWS) {
            long[][] some = texts.subList(from, Math.min(texts.size(), from + ROWS)).stream()
                    .map(text -> Arrays.copyOf(text, Math.min(text.length, wiring.c.nCtx())))
                    .toArray(long[][]::new);
            try (ActivationCache cache = model.runWithCache(some, hooks)) {
                add(sums, hook -> cache.get(hook).toFloatArray());
            }
            count += (long) some.length * some[0].length;
        }
        for (int i = 0; i < sums.length; i++) {
            sums[i] /= count;
        }
        return sums;
    }

    private interface Values {
        float[] of(String hook);
    }

    /** Adds values [batch, pos, channel] of all places to a sum per channel. */
    private void add(double[] sums, Values values) {
        int first = 0;
        for (String hook : hooks) {
            int width = width(first);
            float[] all = values.of(hook);
            for (int i = 0; i < all.length; i++) {
                sums[first + i % width] += all[i];
            }
            first += width;
        }
    }

    private int width(int first) {
        return wiring.channel(first).place().width(wiring.c);
    }

    /** The engine's loss of prompts, shorter ones padded: the mean −log of the right answer's probability among the two. */
    private static NDArray loss(NDArray logits, Prompts prompts, int[] rows, Calibration line) {
        NDManager scope = logits.getManager();
        long[] right = new long[rows.length];
        long[] wrong = new long[rows.length];
        float[] signs = new float[rows.length];
        for (int i = 0; i < rows.length; i++) {
            right[i] = prompts.firstAnswers()[rows[i]];
            wrong[i] = prompts.secondAnswers()[rows[i]];
            signs[i] = -Prompts.sign(rows[i]);
        }
        NDArray end = logits.get(":, -1"); // [prompt, dVocabOut]
        Shape column = new Shape(rows.length, 1);
        NDArray difference = end.gather(scope.create(right, column), 1)
                .sub(end.gather(scope.create(wrong, column), 1)); // [prompt, 1]
        NDArray z = Tensors.times(difference, line.scale())
                .add((float) line.shift())
                .mul(scope.create(signs, column));
        NDArray both = NDArrays.concat(new NDList(z, z.zerosLike()), 1); // [prompt, 2]
        return both.logSoftmax(1).get(":, 1").mean().neg(); // log(1 + e^z)
    }

    private static long[][] padded(Prompts prompts, int[] rows) {
        int pos = Arrays.stream(rows)
                .map(row -> prompts.tokens()[row].length)
                .max()
                .orElseThrow();
        long[][] all = new long[rows.length][pos];
        for (int i = 0; i < rows.length; i++) {
            long[] tokens = prompts.tokens()[rows[i]];
            Arrays.fill(all[i], HookedTransformer.PADDING);
            System.arraycopy(tokens, 0, all[i], pos - tokens.length, tokens.length);
        }
        return all;
    }

    /** How much the loss would change, to first order, if a channel had its mean instead: |Σ gradient · (value − mean)| over prompts and positions. */
    double[] attribution(Prompts prompts, double[] means) {
        double[] sums = new double[wiring.channels];
        for (int from = 0; from < prompts.count(); from += ROWS) {
            int[] rows = IntStream.range(from, Math.min(prompts.count(), from + ROWS))
                    .toArray();
            try (ActivationCache cache = model.runWithGradients(
                    padded(prompts, rows), logits -> loss(logits, prompts, rows, Calibration.NONE), hooks)) {
                addProducts(
                        sums,
                        means,
                        hook -> cache.grad(hook).toFloatArray(),
                        hook -> cache.get(hook).toFloatArray());
            }
        }
        return Arrays.stream(sums).map(Math::abs).toArray();
    }

    /** Adds gradient · (value − mean) to a sum per channel. */
    private void addProducts(double[] sums, double[] means, Values gradients, Values values) {
        int first = 0;
        for (String hook : hooks) {
            int width = width(first);
            float[] g = gradients.of(hook);
            float[] x = values.of(hook);
            for (int i = 0; i < g.length; i++) {
                int channel = first + i % width;
                sums[channel] += g[i] == 0 ? 0 : g[i] * (x[i] - means[channel]);
            }
            first += width;
        }
    }

    /**
     * What a small change of each mask does to the loss of a masked model: d loss / d mask = Σ gradient · (value − mean), where a channel is
     * mask · value + (1 − mask) · mean.
     *
     * @param mask [channel], any numbers
     * @return the derivatives [channel]
     */
    double[] maskGradient(Prompts prompts, int[] rows, double[] mask, double[] means, Calibration line) {
        double[] sums = new double[wiring.channels];
        Map<String, NDArray> before = new LinkedHashMap<>(); // what each place would be without its mask
        try (NDManager owner = model.newOwner();
                ActivationCache cache = model.runWithGradients(
                        padded(prompts, rows),
                        logits -> loss(logits, prompts, rows, line),
                        hooks,
                        masks(mask, means, (hook, x) -> {
                            NDArray kept = x.stopGradient();
                            kept.attach(owner);
                            before.put(hook, kept);
                        }))) {
            addProducts(
                    sums,
                    means,
                    hook -> cache.grad(hook).toFloatArray(),
                    hook -> Objects.requireNonNull(before.get(hook)).toFloatArray());
        }
        return sums;
    }

    /** The loss of a masked model, by the engine. */
    double maskedLoss(Prompts prompts, int[] rows, double[] mask, double[] means, Calibration line) {
        try (Logits logits = model.next(padded(prompts, rows), masks(mask, means, (hook, x) -> {}))) {
            return loss(logits.array(), prompts, rows, line).getFloat();
        }
    }

    /** Hooks that mask all places, and show somebody what each would be without. */
    private Hook[] masks(double[] mask, double[] means, BiConsumer<String, NDArray> look) {
        List<Hook> edits = new ArrayList<>();
        int first = 0;
        for (String hook : hooks) {
            int width = width(first);
            float[] on = new float[width];
            float[] rest = new float[width];
            for (int i = 0; i < width; i++) {
                on[i] = (float) mask[first + i];
                rest[i] = (float) ((1 - mask[first + i]) * means[first + i]);
            }
            edits.add(Hook.at(hook, x -> {
                look.accept(hook, x);
                Shape tail = x.getShape().slice(2);
                NDManager scope = x.getManager();
                return x.mul(scope.create(on, tail)).add(scope.create(rest, tail));
            }));
            first += width;
        }
        return edits.toArray(Hook[]::new);
    }

    /** Numbers of the recipe for learned masks that works for small models. */
    private static final class Recipe {
        static final int STEPS = 150;
        static final int PAIRS = 32;
        static final double RATE = 0.015;
        static final double BIAS = 0.3;
        static final double NOISE = 0.01;
        static final double TEMPERATURE = 0.3;
        static final double PENALTY = 2e-3; // per channel that is on, in nats
        static final double DECAY = 1e-3;
        static final double BETA1 = 0.9;
        static final double BETA2 = 0.95;
    }

    /** The slope that stands in for that of a step at 0: the derivative of the logistic function, in units of the temperature. */
    static double surrogate(double tau) {
        double s = 1 / (1 + Math.exp(-tau / Recipe.TEMPERATURE));
        return s * (1 - s) / Recipe.TEMPERATURE;
    }

    /**
     * Learns which channels to keep: a number for each, which is on where it is above 0; backward, the step is a logistic curve. Scale and shift
     * of the logits are fitted anew at each step.
     */
    double[] learned(Judge judge, double[] means) {
        Prompts prompts = judge.prompts;
        Random random = new Random(judge.config.seed() + 17);
        double[] tau = new double[wiring.channels];
        Arrays.setAll(tau, i -> Recipe.BIAS + Recipe.NOISE * random.nextGaussian());
        double[] m = new double[tau.length];
        double[] v = new double[tau.length];
        int pairs = prompts.count() / 2;
        try (Progress progress = Progress.of("learning masks", Recipe.STEPS)) {
            for (int step = 0; step < Recipe.STEPS; step++) {
                int[] rows = random.ints(0, pairs)
                        .distinct()
                        .limit(Math.min(Recipe.PAIRS, pairs))
                        .flatMap(pair -> IntStream.of(2 * pair, 2 * pair + 1))
                        .toArray();
                double[] mask = Arrays.stream(tau).map(t -> t > 0 ? 1 : 0).toArray();
                double[] gradient = maskGradient(prompts, rows, mask, means, line(judge, mask));
                for (int i = 0; i < tau.length; i++) {
                    gradient[i] = (gradient[i] + Recipe.PENALTY) * surrogate(tau[i]);
                }
                update(tau, gradient, m, v, step);
                progress.step(Arrays.stream(mask).sum() + " channels");
            }
        }
        return tau;
    }

    private Calibration line(Judge judge, double[] mask) {
        if (!judge.config.calibrate()) {
            return Calibration.NONE;
        }
        Part part = Part.all(wiring);
        for (int i = 0; i < mask.length; i++) {
            part.channels()[i] = mask[i] > 0;
        }
        return judge.of(part).calibration();
    }

    private static void update(double[] tau, double[] gradient, double[] m, double[] v, int step) {
        double norm = Math.sqrt(Arrays.stream(gradient).map(g -> g * g).sum());
        double rate = Recipe.RATE * (1 - (double) step / Recipe.STEPS);
        for (int i = 0; i < tau.length; i++) {
            double g = gradient[i] / Math.max(1, norm);
            m[i] = Recipe.BETA1 * m[i] + (1 - Recipe.BETA1) * g;
            v[i] = Recipe.BETA2 * v[i] + (1 - Recipe.BETA2) * g * g;
            double first = m[i] / (1 - Math.pow(Recipe.BETA1, step + 1));
            double second = v[i] / (1 - Math.pow(Recipe.BETA2, step + 1));
            double next = tau[i] * (1 - rate * Recipe.DECAY) - rate * first / (Math.sqrt(second) + 1e-8);
            tau[i] = Math.min(1, Math.max(-1, next));
        }
    }
}
