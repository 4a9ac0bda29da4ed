package dev.ariadne.cli;

import ai.djl.ndarray.index.NDIndex;
import dev.ariadne.discovery.ActivationPatching;
import dev.ariadne.discovery.HeadAblation;
import dev.ariadne.discovery.HeadDetector;
import dev.ariadne.discovery.PatchGrid;
import dev.ariadne.discovery.PatchGrids;
import dev.ariadne.model.HookedTransformer;
import dev.ariadne.task.Metric;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/** Patching grids by head and position, head ablation, and head detectors, as TransformerLens gives them. */
final class LensHeadsCheck implements Conformance.Check {
    private static final double TOLERANCE = 1e-4;
    private static final double ROUNDED = 5.1e-4; // "abs" is recorded with three decimals

    @Override
    public boolean reads(String file) {
        return file.matches("transformerlens/[^/]+_heads\\.safetensors");
    }

    @Override
    public void compare(Path folder, String file, Comparison comparison) throws IOException {
        Path expected = folder.resolve(file);
        String model = expected.getFileName()
                .toString()
                .replace("_heads.safetensors", "")
                .replace('_', '-');
        Path weights = folder.resolve("tl").resolve(model);
        if (!Files.isDirectory(weights)) {
            throw new Conformance.Skip("its model is not there: " + folder.relativize(weights));
        }
        try (HookedTransformer lens = HookedTransformer.load(weights.toString(), "cpu");
                Reference reference = new Reference(expected)) {
            grids(lens, reference, comparison);
            detectors(lens, reference, comparison);
            comparison.leave(reference.unread());
        }
    }

    private static void grids(HookedTransformer model, Reference reference, Comparison comparison) {
        long[] correct = reference.longs("correct");
        long[] wrong = reference.longs("wrong");
        long[][] clean = reference.tokens("tokens");
        long[][] corrupted = reference.tokens("corrupt_tokens");
        Metric metric = Metric.logitDifference(correct, wrong);
        ActivationPatching patching = ActivationPatching.of(model, clean, corrupted, metric);
        stacked("patching.attn_head_all_pos_every", patching.attnHeadAllPosEvery(), model, reference, comparison);
        stacked("patching.attn_head_by_pos_every", patching.attnHeadByPosEvery(), model, reference, comparison);
        stacked("patching.block_every", patching.blockEvery(), model, reference, comparison);
        LensCacheCheck.grid("patching.resid_mid", patching.residMid().values(), reference, comparison);
        HeadAblation ablation = HeadAblation.of(model, clean, metric);
        LensCacheCheck.grid("ablation.zero", ablation.zero().values(), reference, comparison);
        LensCacheCheck.grid("ablation.mean", ablation.mean().values(), reference, comparison);

        Metric first = Metric.logitDifference(new long[] {correct[0]}, new long[] {wrong[0]});
        int pos = clean[0].length;
        List<String> cells = new ArrayList<>();
        for (int cell = 0; cell < model.config().nHeads() * pos * pos; cell++) {
            cells.add(Integer.toString(cell));
        }
        PatchGrid entries = ActivationPatching.of(model, new long[][] {clean[0]}, new long[][] {corrupted[0]}, first)
                .patch("pattern", "entry", cells, (x, cell, donor) -> {
                    String at = "0, " + cell / (pos * pos) + ", " + cell / pos % pos + ", " + cell % pos;
                    x.set(new NDIndex(at), donor.get(at));
                    return x;
                });
        LensCacheCheck.grid("patching.attn_head_pattern_dest_src_pos", entries.values(), reference, comparison);
    }

    /** Grids that are recorded behind each other, positions before heads. */
    private static void stacked(
            String name, PatchGrids grids, HookedTransformer model, Reference reference, Comparison comparison) {
        List<double[]> rows = new ArrayList<>();
        for (PatchGrid grid : grids.grids().values()) {
            rows.addAll(
                    List.of(grid.rowName().equals("head") ? LensCacheCheck.positionFirst(grid, model) : grid.values()));
        }
        LensCacheCheck.grid(name, rows.toArray(double[][]::new), reference, comparison);
    }

    private static void detectors(HookedTransformer model, Reference reference, Comparison comparison) {
        HeadDetector plain = HeadDetector.of(model, reference.tokens("detect.tokens"));
        HeadDetector repeated = HeadDetector.of(model, reference.tokens("detect.repeated_tokens"));
        for (String kind : List.of("previous_token_head", "duplicate_token_head", "induction_head")) {
            for (String measure : List.of("mul", "abs")) {
                HeadDetector detector = plain.errorMeasure(measure);
                String name = kind + "." + measure;
                detected(name, detector.detect(kind).values(), reference, comparison);
                detected(
                        name + ".exclude_bos",
                        detector.excludeBos().detect(kind).values(),
                        reference,
                        comparison);
                detected(
                        name + ".exclude_current_token",
                        detector.excludeCurrentToken().detect(kind).values(),
                        reference,
                        comparison);
                detected(
                        name + ".exclude_bos.exclude_current_token",
                        detector.excludeBos().excludeCurrentToken().detect(kind).values(),
                        reference,
                        comparison);
            }
            detected("repeated." + kind + ".mul", repeated.detect(kind).values(), reference, comparison);
        }
        long[] shape = reference.file().shape("detect.own");
        float[] flat = reference.floats("detect.own");
        float[][] own = new float[(int) shape[0]][(int) shape[1]];
        for (int i = 0; i < flat.length; i++) {
            own[i / own.length][i % own.length] = flat[i];
        }
        detected("own.abs", plain.errorMeasure("abs").detect(own).values(), reference, comparison);
    }

    private static void detected(String name, double[][] values, Reference reference, Comparison comparison) {
        double tolerance = name.contains("abs") ? ROUNDED : TOLERANCE;
        LensCacheCheck.grid("detect." + name, values, tolerance, reference, comparison);
    }
}
