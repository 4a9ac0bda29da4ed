package dev.ariadne.cli;

import ai.djl.ndarray.index.NDIndex;
import dev.ariadne.model.ActivationCache;
import dev.ariadne.model.Hook;
import dev.ariadne.model.HookName;
import dev.ariadne.model.HookedTransformer;
import dev.ariadne.model.Logits;
import dev.ariadne.tensor.Tensors;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;

/** One sender at a time replaced by its corrupted or by no output: KL divergence and logit difference afterwards. */
final class NodePatchCheck implements Conformance.Check {
    private static final double TOLERANCE = 5e-6;

    @Override
    public boolean reads(String file) {
        return file.matches("edges/[^/]+/node_patching\\.csv");
    }

    @Override
    public void compare(Path folder, String file, Comparison comparison) throws IOException {
        Path lens = folder.resolve("tl").resolve(file.split("/", -1)[1]);
        if (!Files.isDirectory(lens)) {
            throw new Conformance.Skip("its model is not there: " + folder.relativize(lens));
        }
        List<String> lines = Files.readAllLines(folder.resolve(file));
        try (HookedTransformer model = HookedTransformer.load(lens.toString(), "cpu");
                Reference data = new Reference(lens.resolve("acdc_data.safetensors"));
                ActivationCache corrupted = model.runWithCache(data.tokens("corrupt_tokens"), senders(model))) {
            long[][] clean = data.tokens("clean_tokens");
            Metrics metrics = new Metrics(last(model, clean), data.longs("correct"), data.longs("wrong"));
            for (String line : lines.subList(1, lines.size())) {
                String[] cells =
                        line.split(",", -1); // node, kl_corrupted, logitdiff_corrupted, kl_zero, logitdiff_zero
                for (int i = 0; i < 2; i++) {
                    double[][] after = last(model, clean, replace(cells[0], corrupted, i == 1));
                    String what = cells[0] + (i == 1 ? " zero" : " corrupted");
                    double kl = Double.parseDouble(cells[1 + 2 * i]);
                    double difference = Double.parseDouble(cells[2 + 2 * i]);
                    comparison.add("kl of " + what, Math.abs(metrics.kl(after) - kl), TOLERANCE);
                    comparison.add(
                            "logit difference of " + what,
                            Math.abs(metrics.logitDifference(after) - difference),
                            TOLERANCE);
                }
            }
        }
    }

    private static String[] senders(HookedTransformer model) {
        return model.config().attnOnly()
                ? new String[] {"blocks.0.hook_resid_pre", "result"}
                : new String[] {"blocks.0.hook_resid_pre", "result", "mlp_out"};
    }

    /** A node is written a1.2 (a head), m1 (an MLP), or resid_pre (the embedding). */
    private static Hook replace(String node, ActivationCache corrupted, boolean zero) {
        String[] parts = node.substring(1).split("\\.", -1);
        String hook = node.equals("resid_pre")
                ? "blocks.0.hook_resid_pre"
                : HookName.of(node.startsWith("m") ? "mlp_out" : "result", Integer.parseInt(parts[0]))
                        .toString();
        String where = node.startsWith("a") ? ":, :, " + parts[1] : ":";
        return Hook.at(hook, x -> {
            var edited = x.duplicate();
            var other = zero ? x.zerosLike() : Tensors.alias(corrupted.get(hook).array(), x.getManager());
            edited.set(new NDIndex(where), other.get(where));
            return edited;
        });
    }

    /** Logits at the last position, [batch][dVocab]. */
    private static double[][] last(HookedTransformer model, long[][] tokens, Hook... hooks) {
        try (Logits logits = model.next(tokens, hooks)) {
            float[] flat = logits.array().toFloatArray();
            int width = flat.length / tokens.length;
            double[][] rows = new double[tokens.length][width];
            for (int i = 0; i < flat.length; i++) {
                rows[i / width][i % width] = flat[i];
            }
            return rows;
        }
    }

    /** The two numbers that are recorded, means over the batch, in plain Java. */
    @SuppressWarnings("ArrayRecordComponent") // never leaves this class
    private record Metrics(double[][] clean, long[] correct, long[] wrong) {
        double logitDifference(double[][] rows) {
            double sum = 0;
            for (int i = 0; i < rows.length; i++) {
                sum += rows[i][(int) correct[i]] - rows[i][(int) wrong[i]];
            }
            return sum / rows.length;
        }

        double kl(double[][] rows) {
            double sum = 0;
            for (int i = 0; i < rows.length; i++) {
                double[] p = logProbabilities(clean[i]);
                double[] q = logProbabilities(rows[i]);
                for (int j = 0; j < p.length; j++) {
                    sum += Math.exp(p[j]) * (p[j] - q[j]);
                }
            }
            return sum / rows.length;
        }

        private static double[] logProbabilities(double[] logits) {
            double max = Arrays.stream(logits).max().orElse(0);
            double log = max
                    + Math.log(Arrays.stream(logits).map(x -> Math.exp(x - max)).sum());
            return Arrays.stream(logits).map(x -> x - log).toArray();
        }
    }
}
