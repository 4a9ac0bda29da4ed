package dev.ariadne.discovery;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.index.NDIndex;
import dev.ariadne.model.ActivationCache;
import dev.ariadne.model.Hook;
import dev.ariadne.model.HookedTransformer;
import dev.ariadne.model.Logits;
import dev.ariadne.task.Metric;
import dev.ariadne.view.View;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.concurrent.CancellationException;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

class ActivationPatchingTest {
    private static final long[][] CLEAN = {{5, 9, 3, 7, 30}, {8, 2, 40, 41, 9}};
    private static final long[][] CORRUPTED = {{5, 11, 3, 7, 30}, {8, 12, 40, 41, 9}};

    private final HookedTransformer model = HookedTransformer.load("gpt2-tiny", "cpu");
    private final Metric metric = Metric.logitDifference(new long[] {4, 6}, new long[] {17, 20});
    private final ActivationPatching patching = ActivationPatching.of(model, CLEAN, CORRUPTED, metric);

    @AfterEach
    void close() {
        model.close();
    }

    private double slow(String hook, String index) {
        return slow(model, hook, index);
    }

    /** The obvious way: one whole run per patch. */
    private double slow(HookedTransformer model, String hook, String index) {
        try (ActivationCache clean = model.runWithCache(CLEAN, hook)) {
            NDArray donor = clean.get(hook).array();
            Hook patch = Hook.at(hook, x -> {
                NDArray edited = x.duplicate();
                edited.set(new NDIndex(index), donor.get(new NDIndex(index)));
                return edited;
            });
            try (Logits logits = model.run(CORRUPTED, patch)) {
                return metric.apply(logits.array()).getFloat();
            }
        }
    }

    @Test
    void equalsOneWholeRunPerPatch() {
        for (String site : List.of("resid_pre", "resid_mid", "resid_post", "attn_out", "mlp_out")) {
            PatchGrid grid = patching.byPosition(site);
            for (int layer = 0; layer < 2; layer++) {
                for (int pos = 0; pos < 5; pos++) {
                    double expected = slow("blocks." + layer + ".hook_" + site, ":, " + pos);
                    assertThat(grid.value(layer, pos)).as(site).isCloseTo(expected, within(1e-5));
                }
            }
        }
        PatchGrid patterns = patching.byHead("pattern");
        PatchGrid heads = patching.byHeadAndPosition("q");
        PatchGrid looks = patching.attnHeadPatternByPos();
        assertThat(heads.rows()).startsWith("L0H0", "L0H1").endsWith("L1H3");
        for (int head = 0; head < 4; head++) {
            assertThat(patterns.value(1, head))
                    .isCloseTo(slow("blocks.1.attn.hook_pattern", ":, " + head), within(1e-5));
            assertThat(heads.value(4 + head, 4)).isCloseTo(slow("blocks.1.attn.hook_q", ":, 4, " + head), within(1e-5));
            assertThat(looks.value(4 + head, 3)) // the destination, not the source
                    .isCloseTo(slow("blocks.1.attn.hook_pattern", ":, " + head + ", 3"), within(1e-5));
        }
    }

    /** Sites with heads have them on different axes, in different numbers, under a long or a short name. */
    @Test
    void findsTheHeadsOfEverySite() {
        assertHeads(model, "attn_scores", "attn.hook_attn_scores", ":, %d", 4);
        assertHeads(model, "hook_pattern", "attn.hook_pattern", ":, %d", 4);
        assertHeads(model, "hook_z", "attn.hook_z", ":, :, %d", 4);
        try (HookedTransformer grouped = HookedTransformer.load("src/test/resources/models/llama-tiny", "cpu")) {
            assertHeads(grouped, "k", "attn.hook_k", ":, :, %d", 2);
            assertHeads(grouped, "hook_v", "attn.hook_v", ":, :, %d", 2);
            assertHeads(grouped, "rot_k", "attn.hook_rot_k", ":, :, %d", 2);
            assertHeads(grouped, "k_input", "hook_k_input", ":, :, %d", 2);
            assertHeads(grouped, "q_input", "hook_q_input", ":, :, %d", 4);
            assertHeads(grouped, "attn_scores", "attn.hook_attn_scores", ":, %d", 4);
            PatchGrid keys =
                    ActivationPatching.of(grouped, CLEAN, CORRUPTED, metric).byHeadAndPosition("hook_k");
            assertThat(keys.rows()).containsExactly("L0H0", "L0H1", "L1H0", "L1H1");
            assertThat(keys.value(3, 1)).isCloseTo(slow(grouped, "blocks.1.attn.hook_k", ":, 1, 1"), within(1e-5));
        }
    }

    private void assertHeads(HookedTransformer model, String site, String hook, String index, int heads) {
        PatchGrid grid = ActivationPatching.of(model, CLEAN, CORRUPTED, metric).byHead(site);
        assertThat(grid.columns()).as(site).hasSize(heads);
        for (int layer = 0; layer < 2; layer++) {
            for (int head = 0; head < heads; head++) {
                double expected = slow(model, "blocks." + layer + "." + hook, String.format(Locale.ROOT, index, head));
                assertThat(grid.value(layer, head)).as(site).isCloseTo(expected, within(1e-5));
            }
        }
        assertThat(grid.value(0, 0)).as(site + " matters").isNotCloseTo(grid.corrupted(), within(1e-6));
    }

    @Test
    void readyGridsAreTheSitesTheyAreNamedFor() {
        PatchGrids every = patching.attnHeadAllPosEvery();
        assertThat(every.grids().keySet()).containsExactly("out", "q", "k", "v", "pattern");
        assertThat(every.get("out")).isEqualTo(patching.attnHeadOutAllPos()).isEqualTo(patching.byHead("z"));
        assertThat(every.get("k")).isEqualTo(patching.attnHeadKAllPos());
        assertThat(every.get("v")).isEqualTo(patching.attnHeadVAllPos()).isNotEqualTo(patching.attnHeadQAllPos());
        assertThat(every.get("pattern")).isEqualTo(patching.attnHeadPatternAllPos());
        PatchGrids byPos = patching.attnHeadByPosEvery();
        assertThat(byPos.get("out")).isEqualTo(patching.attnHeadOutByPos());
        assertThat(byPos.get("q")).isEqualTo(patching.attnHeadQByPos());
        assertThat(byPos.get("k")).isEqualTo(patching.attnHeadKByPos());
        assertThat(byPos.get("v")).isEqualTo(patching.attnHeadVByPos());
        PatchGrids blocks = patching.blockEvery();
        assertThat(blocks.get("resid_pre")).isEqualTo(patching.residPre());
        assertThat(blocks.get("attn_out")).isEqualTo(patching.attnOut());
        assertThat(blocks.get("mlp_out")).isEqualTo(patching.mlpOut()).isNotEqualTo(patching.residMid());
        try (HookedTransformer attention = HookedTransformer.load("src/test/resources/tl/attn-only-tiny", "cpu")) {
            assertThat(ActivationPatching.of(attention, CLEAN, CORRUPTED, metric)
                            .blockEvery()
                            .grids())
                    .containsOnlyKeys("resid_pre", "attn_out");
        }
    }

    @Test
    void patchesWhatAFunctionSays() {
        PatchGrid neurons = patching.patch("post", "neuron", List.of("3", "90"), (x, column, from) -> {
            String at = ":, :, " + (column == 0 ? 3 : 90);
            x.set(new NDIndex(at), from.get(at));
            return x;
        });
        assertThat(neurons.columns()).containsExactly("3", "90");
        for (int layer = 0; layer < 2; layer++) {
            String hook = "blocks." + layer + ".mlp.hook_post";
            assertThat(neurons.value(layer, 1)).isCloseTo(slow(hook, ":, :, 90"), within(1e-5));
        }
        PatchGrid nothing = patching.patch("z", "none", List.of(""), (x, column, from) -> x);
        assertThat(nothing.value(1, 0)).isCloseTo(nothing.corrupted(), within(1e-6));
    }

    @Test
    void severalGridsAreOneTableAndOnePicture() {
        PatchGrids blocks = patching.blockEvery();
        assertThat(blocks.table().rowCount()).isEqualTo(30);
        assertThat(blocks.table().columnNames()).startsWith("patched", "layer", "position");
        assertThat(blocks.table().stringColumn("patched").get(10)).isEqualTo("attn_out");
        assertThat(blocks.view())
                .isInstanceOfSatisfying(
                        View.Panels.class,
                        panels -> assertThat(panels.panels())
                                .extracting(View::title)
                                .containsExactly("resid_pre", "attn_out", "mlp_out"));
        assertThat(blocks.toString()).contains("resid_pre, attn_out, mlp_out (gpt2-tiny");
        assertThatThrownBy(() -> blocks.get("z")).hasMessageContaining("[resid_pre, attn_out, mlp_out]");
        assertThatThrownBy(() -> new PatchGrids("none", Map.of())).hasMessageContaining("got none");
    }

    @Test
    void saysWhereAGridComesFrom() {
        assertThat(patching.byHead("z").provenance()).contains("gpt2-tiny").contains("and 1 more pairs");
        assertThat(ActivationPatching.of(model, "ab", "ac", Metric.logitDifference(new long[] {4}, new long[] {5}))
                        .byHead("z"))
                .asString()
                .contains("clean \"ab\", corrupted \"ac\"");
    }

    @Test
    void patchingTheOnlyDifferenceRecoversEverything() {
        PatchGrid grid = patching.byPosition("resid_pre");
        assertThat(grid.clean()).isNotCloseTo(grid.corrupted(), within(1e-3));
        assertThat(grid.recovered(0, 1)).isCloseTo(1, within(1e-4));
        assertThat(grid.recovered(0, 0)).isCloseTo(0, within(1e-4)); // the same in both prompts
    }

    @Test
    void isATableAndAHeatMap() {
        PatchGrid grid = patching.byPosition("resid_pre");
        assertThat(grid.table().rowCount()).isEqualTo(10);
        assertThat(grid.table().doubleColumn("recovered").get(1)).isCloseTo(1, within(1e-4));
        assertThat(grid.view()).isInstanceOfSatisfying(View.HeatMap.class, map -> {
            assertThat(map.rows()).containsExactly("L0", "L1");
            assertThat(map.value(0, 1)).isCloseTo(1, within(1e-4f));
        });
    }

    @Test
    void refusesPromptsOfDifferentLengthAndUnfitSites() {
        assertThatThrownBy(() -> ActivationPatching.of(model, "abc", "abcd", metric))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining("3 tokens [a, b, c]")
                .hasMessageContaining("4 tokens [a, b, c, d]");
        assertThatThrownBy(() -> ActivationPatching.of(model, new long[][] {{1}}, new long[][] {{1, 2}}, metric))
                .hasMessageContaining("1 tokens")
                .hasMessageContaining("in pair 0 2 tokens")
                .hasMessageContaining("split alike");
        assertThatThrownBy(() ->
                        ActivationPatching.of(model, new long[][] {{1}, {1, 2}}, new long[][] {{1}, {1, 3}}, metric))
                .hasMessageContaining("in pair 1 2 tokens");
        assertThatThrownBy(() -> ActivationPatching.of(
                        model, model.toTokens(List.of("abc", "abcd")), model.toTokens(List.of("xbc", "abce")), metric))
                .hasMessageContaining("without padding")
                .hasMessageContaining("pair 0 has [-1, ");
        assertThatThrownBy(() -> patching.byPosition("z")).hasMessageContaining("head");
        assertThatThrownBy(() -> patching.byHead("resid_pre")).hasMessageContaining("no heads");
        assertThatThrownBy(() -> Metric.logitDifference(new long[] {1, 2}, new long[] {3}))
                .hasMessageContaining("1 for 2");
    }

    @Test
    void stopsWhenInterrupted() {
        Thread.currentThread().interrupt();
        try {
            assertThatThrownBy(() -> patching.byPosition("resid_pre")).isInstanceOf(CancellationException.class);
        } finally {
            assertThat(Thread.interrupted()).isTrue();
        }
    }
}
