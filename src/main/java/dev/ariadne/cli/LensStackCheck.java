package dev.ariadne.cli;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.ariadne.model.ActivationCache;
import dev.ariadne.model.HookedTransformer;
import dev.ariadne.model.LogitAttrs;
import dev.ariadne.model.Logits;
import dev.ariadne.model.ResidStack;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Function;

/** Decompositions of gpt2-tiny's residual stream, their labels, attributions, losses and hook points, recorded from TransformerLens. */
final class LensStackCheck implements Conformance.Check {
    private static final double TOLERANCE = 1e-4;
    private static final long[] NONE = {};

    /** What is recorded under each name, with its labels. */
    private static final Map<String, Function<ActivationCache, ResidStack>> STACKS = new LinkedHashMap<>();

    static {
        STACKS.put("decompose_resid", ActivationCache::decomposeResid);
        STACKS.put("accumulated_resid_incl_mid", cache -> cache.accumulatedResid(o -> o.inclMid()));
        STACKS.put("accumulated_resid_apply_ln", cache -> cache.accumulatedResid(o -> o.applyLn()));
        STACKS.put("stack_head_results", ActivationCache::stackHeadResults);
        STACKS.put("full_lastpos", cache -> cache.fullResidDecomposition(o -> o.pos(-1)));
        STACKS.put(
                "full_layer1_mlp_input_apply_ln_whole_mlps",
                cache -> cache.fullResidDecomposition(
                        o -> o.layer(1).mlpInput().wholeMlps().applyLn().pos(2, 5)));
        STACKS.put(
                "neurons_5_to_9_remainder_apply_ln",
                cache -> cache.stackNeuronResults(
                        o -> o.neurons(5, 9).pos(3, 6).inclRemainder().applyLn()));
        STACKS.put(
                "heads_remainder_apply_ln",
                cache -> cache.stackHeadResults(o -> o.layer(1).inclRemainder().applyLn()));
        STACKS.put(
                "decompose_layer1_mlp_input_attn_apply_ln",
                cache -> cache.decomposeResid(
                        o -> o.layer(1).mlpInput().mode("attn").applyLn()));
        STACKS.put(
                "decompose_mlp_no_embeds",
                cache -> cache.decomposeResid(o -> o.mode("mlp").exclEmbeds()));
        STACKS.put(
                "accumulated_layer1_mid_mlp_input_apply_ln",
                cache -> cache.accumulatedResid(
                        o -> o.layer(1).inclMid().mlpInput().applyLn()));
    }

    @Override
    public boolean reads(String file) {
        return file.matches("transformerlens/([^/]+_(stacks\\.safetensors|labels\\.json)|hook_points_[^/]+\\.json)");
    }

    @Override
    public void compare(Path folder, String file, Comparison comparison) throws IOException {
        Path weights = folder.resolve("tl/gpt2-tiny");
        if (!Files.isDirectory(weights)) {
            throw new Conformance.Skip("its model is not there: " + folder.relativize(weights));
        }
        Path expected = folder.resolve(file);
        try (HookedTransformer model = HookedTransformer.load(weights.toString(), "cpu")) {
            if (file.endsWith(".safetensors")) {
                stacks(model, expected, comparison);
            } else if (file.endsWith("labels.json")) {
                labels(model, new ObjectMapper().readTree(expected.toFile()), comparison);
            } else {
                hookPoints(model, new ObjectMapper().readTree(expected.toFile()), comparison);
            }
        }
    }

    private static void labels(HookedTransformer model, JsonNode recorded, Comparison comparison) {
        try (ActivationCache cache = model.runWithCache(new long[][] {{1, 2, 3, 4, 5, 6, 7, 8, 9, 10}})) {
            recorded.properties().forEach(entry -> {
                try (ResidStack stack = made(entry.getKey()).apply(cache)) {
                    List<String> labels = new ArrayList<>();
                    entry.getValue().forEach(label -> labels.add(label.asText()));
                    comparison.same(entry.getKey(), stack.labels(), labels);
                }
            });
        }
    }

    private static Function<ActivationCache, ResidStack> made(String name) {
        Function<ActivationCache, ResidStack> stack = STACKS.get(name);
        if (stack == null) {
            throw new IllegalArgumentException("no stack is called '" + name + "'; there are " + STACKS.keySet());
        }
        return stack;
    }

    /** Both lists: names and shapes of every hook point, with the per-head inputs and with the joint one. */
    private static void hookPoints(HookedTransformer model, JsonNode recorded, Comparison comparison) {
        for (JsonNode list : recorded) {
            Map<String, String> shapes = new LinkedHashMap<>();
            list.forEach(pair -> shapes.put(pair.get(0).asText(), pair.get(1).toString()));
            try (ActivationCache cache =
                    model.runWithCache(new long[6][10], shapes.keySet().toArray(String[]::new))) {
                shapes.forEach((name, shape) -> comparison.same(
                        name, Arrays.toString(cache.get(name).shape()).replace(" ", ""), shape));
            }
        }
    }

    private static void stacks(HookedTransformer model, Path path, Comparison comparison) throws IOException {
        try (Reference reference = new Reference(path)) {
            long[][] tokens = reference.tokens("tokens");
            long[] correct = reference.longs("correct");
            long[] wrong = reference.longs("wrong");
            try (ActivationCache cache = model.runWithCache(tokens);
                    ResidStack heads = cache.stackHeadResults();
                    ResidStack last = cache.decomposeResid(o -> o.pos(-1));
                    ResidStack input = cache.decomposeResid(o -> o.layer(1).mlpInput());
                    ResidStack scaled = cache.applyLnToStack(input, 1, true)) {
                compare(cache, reference, comparison);
                attributions(
                        "logit_attrs_heads_token_7",
                        cache.logitAttrs(heads, new long[] {7}, NONE),
                        reference,
                        comparison);
                attributions(
                        "logit_attrs_decompose_pairs", cache.logitAttrs(last, correct, wrong), reference, comparison);
                String apply = "apply_ln_to_stack_layer1_mlp_input";
                comparison.close(apply, scaled.toFloatArray(), reference.floats(apply), TOLERANCE);
                comparison.add(
                        "accuracy",
                        Math.abs(cache.logits().accuracy() - reference.floats("accuracy")[0]),
                        TOLERANCE);
            }
            comparison.leave(reference.unread());
        }
    }

    /** Every stack that the file has. */
    private static void compare(ActivationCache cache, Reference reference, Comparison comparison) {
        STACKS.forEach((name, stack) -> {
            if (reference.file().contains(name)) {
                try (ResidStack made = stack.apply(cache)) {
                    comparison.close(name, made.toFloatArray(), reference.floats(name), TOLERANCE);
                }
            }
        });
    }

    private static void attributions(String name, LogitAttrs actual, Reference reference, Comparison comparison) {
        double[] flat = Arrays.stream(actual.values())
                .flatMap(Arrays::stream)
                .flatMapToDouble(Arrays::stream)
                .toArray();
        comparison.close(name, floats(flat), reference.floats(name), TOLERANCE);
    }

    private static float[] floats(double[] values) {
        float[] narrow = new float[values.length];
        for (int i = 0; i < values.length; i++) {
            narrow[i] = (float) values[i];
        }
        return narrow;
    }

    /** What the cache's own file holds besides activations and grids. */
    static void besides(HookedTransformer model, Reference reference, Comparison comparison) {
        long[][] tokens = reference.tokens("tokens");
        try (Logits logits = model.run(tokens)) {
            double[] losses = Arrays.stream(logits.lossPerToken().values())
                    .flatMapToDouble(Arrays::stream)
                    .toArray();
            comparison.close("loss_per_token", floats(losses), reference.floats("loss_per_token"), TOLERANCE);
            comparison.add("loss", Math.abs(logits.loss() - reference.floats("loss")[0]), TOLERANCE);
        }
        long[] correct = reference.longs("patching.correct");
        long[] wrong = reference.longs("patching.wrong");
        try (ActivationCache cache = model.runWithCache(tokens);
                ResidStack last = cache.decomposeResid(o -> o.pos(-1));
                ResidStack scaled = cache.applyLnToStack(last)) {
            compare(cache, reference, comparison);
            String apply = "apply_ln_to_stack_decompose_lastpos";
            comparison.close(apply, scaled.toFloatArray(), reference.floats(apply), TOLERANCE);
            attributions(
                    "logit_attrs_decompose_correct_vs_wrong",
                    cache.logitAttrs(last, correct, wrong),
                    reference,
                    comparison);
        }
    }
}
