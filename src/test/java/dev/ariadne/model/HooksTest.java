package dev.ariadne.model;

import static dev.ariadne.model.TestModels.TOKENS;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.types.DataType;
import java.util.ArrayList;
import java.util.List;
import org.assertj.core.api.ThrowableAssert.ThrowingCallable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class HooksTest {
    private final HookedTransformer model = TestModels.gpt2();

    @AfterEach
    void close() {
        model.close();
    }

    private float[] logits(Hook... hooks) {
        try (Logits logits = model.run(TOKENS, hooks)) {
            return logits.array().toFloatArray();
        }
    }

    @Test
    void aHookLivesForOneRun() {
        float[] plain = logits();
        float[] hooked = logits(Hook.at("blocks.1.hook_mlp_out", x -> x.mul(0)));
        assertThat(hooked).isNotEqualTo(plain);
        assertThat(logits()).isEqualTo(plain);
    }

    @ParameterizedTest
    @ValueSource(strings = {"gpt2", "llama"})
    void theDecomposedPathEqualsTheFusedOne(String family) {
        try (HookedTransformer any = family.equals("gpt2") ? TestModels.gpt2() : TestModels.llama()) {
            List<Hook> identities = any.hookNames().stream()
                    .map(HookName::toString)
                    .filter(name -> !name.endsWith("hook_attn_in"))
                    .map(name -> Hook.at(name, x -> x))
                    .toList();
            try (Logits fused = any.run(TOKENS);
                    Logits decomposed = any.run(TOKENS, identities.toArray(Hook[]::new))) {
                // another order of summation in float32
                assertThat(decomposed.array().toFloatArray())
                        .containsExactly(fused.array().toFloatArray(), within(2e-5f));
            }
        }
    }

    @Test
    void attnInFeedsQueriesKeysAndValuesTogether() {
        float[] together = logits(Hook.at("blocks.1.hook_attn_in", x -> x.mul(0.5)));
        float[] apart = logits(
                Hook.at("blocks.1.hook_q_input", x -> x.mul(0.5)),
                Hook.at("blocks.1.hook_k_input", x -> x.mul(0.5)),
                Hook.at("blocks.1.hook_v_input", x -> x.mul(0.5)));
        assertThat(together).containsExactly(apart, within(1e-5f));
        assertThat(together).isNotEqualTo(logits());
    }

    @Test
    void anEditedResultHeadEqualsAnEditedZ() {
        float[] byResult = logits(Hook.at("blocks.0.attn.hook_result", x -> zeroHead(x, 2)));
        float[] byZ = logits(Hook.at("blocks.0.attn.hook_z", x -> zeroHead(x, 2)));
        assertThat(byResult).containsExactly(byZ, within(1e-5f));
    }

    private static NDArray zeroHead(NDArray x, int head) {
        NDArray edited = x.duplicate();
        edited.set(new ai.djl.ndarray.index.NDIndex(":, :, " + head), 0);
        return edited;
    }

    @Test
    void hooksOnOnePointRunInTheOrderGiven() {
        List<String> order = new ArrayList<>();
        logits(
                Hook.observe("blocks.0.attn.hook_z", x -> order.add("first")),
                Hook.observe("blocks.0.attn.hook_z", x -> order.add("second")));
        assertThat(order).containsExactly("first", "second");
    }

    @Test
    void namesMayBePatternsOrShort() {
        List<String> seen = new ArrayList<>();
        logits(Hook.at("blocks.*.hook_mlp_out", (x, name) -> {
            seen.add(name.toString());
            return x;
        }));
        logits(Hook.at("z", (x, name) -> {
            seen.add(name.toString());
            return x;
        }));
        assertThat(seen)
                .containsExactly(
                        "blocks.0.hook_mlp_out",
                        "blocks.1.hook_mlp_out",
                        "blocks.0.attn.hook_z",
                        "blocks.1.attn.hook_z");
    }

    @Test
    void offersTheNearestNamesForAnUnknownOne() {
        assertThatThrownBy(() -> logits(Hook.at("blocks.0.attn.hook_zz", x -> x)))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining("'blocks.0.attn.hook_zz'")
                .hasMessageContaining("blocks.0.attn.hook_z")
                .hasMessageContaining("model.hookNames()");
        assertThatThrownBy(() -> logits(Hook.at("blocks.7.hook_resid_pre", x -> x)))
                .hasMessageContaining("'blocks.7.hook_resid_pre'");
        assertThatThrownBy(() -> HookName.of("resid_prae", 0)).hasMessageContaining("blocks.0.hook_resid_pre");
    }

    @Test
    void refusesAWrongShapeAndNamesTheAxes() {
        assertThatThrownBy(() -> logits(Hook.at("blocks.0.attn.hook_z", x -> x.sum(new int[] {3}))))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining("blocks.0.attn.hook_z")
                .hasMessageContaining("(2, 5, 4, 8)")
                .hasMessageContaining("batch, pos, head, dHead")
                .hasMessageContaining("(2, 5, 4)");
        assertThatThrownBy(() -> logits(Hook.at("blocks.0.attn.hook_z", x -> x.toType(DataType.FLOAT64, true))))
                .hasMessageContaining("float64");
    }

    @Test
    @SuppressWarnings("NullAway") // what a notebook's lambda may do
    void refusesNull() {
        assertThatThrownBy(() -> logits(Hook.at("blocks.0.attn.hook_z", x -> null)))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining("return the activation itself");
    }

    @Test
    void mayReturnAnArrayOfAnotherRun() {
        float[] clean = logits();
        try (ActivationCache cache = model.runWithCache(TOKENS, "resid_post")) {
            NDArray last = cache.get("resid_post", 1).array();
            long[][] other = {{1, 1, 1, 1, 1}, {2, 2, 2, 2, 2}};
            int before = model.arrayCount();
            try (Logits logits = model.run(other, Hook.at("blocks.1.hook_resid_post", x -> last))) {
                assertThat(logits.array().toFloatArray()).containsExactly(clean, within(1e-6f));
            }
            assertThat(model.arrayCount()).isEqualTo(before);
            assertThat(last.toFloatArray()).hasSize(2 * 5 * 32); // still open
        }
    }

    @Test
    void editingTheEmbeddingInPlaceLeavesTheWeightsAlone() {
        float[] plain = logits();
        logits(Hook.at("hook_pos_embed", x -> x.muli(0)));
        logits(Hook.at("hook_embed", x -> x.muli(0)));
        assertThat(logits()).isEqualTo(plain);
    }

    @Test
    void theCacheHoldsWhatTheHooksLeft() {
        Hook zero = Hook.at("blocks.0.hook_attn_out", x -> x.mul(0));
        try (ActivationCache cache = model.runWithCache(TOKENS, List.of("attn_out", "resid_mid", "resid_pre"), zero)) {
            assertThat(cache.get("attn_out", 0).array().abs().max().getFloat()).isZero();
            assertThat(cache.get("resid_mid", 0).toFloatArray())
                    .isEqualTo(cache.get("resid_pre", 0).toFloatArray());
        }
    }

    @Test
    void theCacheKeepsAllButTheExpensiveForms() {
        try (ActivationCache cache = model.runWithCache(TOKENS)) {
            assertThat(cache.names()).hasSize(2 + 2 * 17 + 2);
            assertThat(cache.names().toString()).doesNotContain("hook_result").doesNotContain("_input");
            assertThat(cache.get("blocks.0.attn.hook_pattern").shape()).containsExactly(2, 4, 5, 5);
            assertThatThrownBy(() -> cache.get("blocks.0.attn.hook_result")).hasMessageContaining("hook_result");
        }
        try (ActivationCache cache = model.runWithCache(TOKENS, "blocks.*.attn.hook_result")) {
            assertThat(cache.names().toString()).isEqualTo("[blocks.0.attn.hook_result, blocks.1.attn.hook_result]");
        }
    }

    @Test
    void runsFromTheMiddle() {
        float[] whole = logits();
        try (ActivationCache cache = model.runWithCache(TOKENS, "resid_pre");
                Logits rest = model.runFrom(cache.get("resid_pre", 1).array(), 1, false)) {
            assertThat(rest.array().toFloatArray()).containsExactly(whole, within(1e-6f));
            assertThatThrownBy(() -> model.runFrom(cache.get("resid_pre", 1).array(), 3, false))
                    .hasMessageContaining("from 0 to 2, got 3");
        }
    }

    @Test
    void whatIsGivenIsNotComputedUnlessItIsLookedAt() {
        List<String> seen = new ArrayList<>();
        try (ActivationCache cache = model.runWithCache(TOKENS, "pattern", "z")) {
            Hook given = Hook.given(
                    "blocks.0.attn.hook_pattern", cache.get("pattern", 0).array());
            for (String point : List.of("blocks.0.attn.hook_q", "blocks.0.attn.hook_v")) {
                try (ActivationCache again =
                        model.runWithCache(TOKENS, List.of("z"), given, Hook.observe(point, x -> seen.add(point)))) {
                    assertThat(again.get("z", 0).array().toFloatArray())
                            .containsExactly(cache.get("z", 0).array().toFloatArray(), within(1e-6f));
                }
            }
            assertThat(seen).containsExactly("blocks.0.attn.hook_q", "blocks.0.attn.hook_v");
            NDArray fewer = cache.get("pattern", 0).array().get(":, :, 1:");
            assertThatThrownBy(() -> model.run(TOKENS, Hook.given("blocks.0.attn.hook_pattern", fewer)))
                    .hasMessageContaining("must keep the shape");
        }
    }

    @Test
    void aRunOfTheLastTokensRefusesWhatItCannotKnow() {
        try (ActivationCache two = model.runWithCache(TOKENS, "resid_pre");
                ActivationCache one = model.runWithCache(new long[][] {TOKENS[0]}, "resid_pre")) {
            NDArray stream = one.get("resid_pre", 1).array();
            assertThatThrownBy(() -> two.runFrom(stream, 1, true)).hasMessageContaining("a cache of " + TOKENS.length);
            assertThatThrownBy(() -> one.runFrom(stream.get(":, 1:"), 1, true))
                    .hasMessageContaining("'blocks.1.attn.hook_k' was not kept");
            assertThatThrownBy(() -> one.runFrom(stream.concat(stream, 1), 1, true))
                    .hasMessageContaining("of the last tokens of one prompt");
            try (Logits all = one.runFrom(stream, 1, true)) { // all tokens: nothing is needed of the past
                assertThat(all.array().toFloatArray())
                        .containsExactly(one.logits().array().get(":, -1").toFloatArray(), within(1e-5f));
            }
        }
    }

    @Test
    void aRunFromTheMiddleRefusesWhatItNeverReaches() {
        try (ActivationCache cache = model.runWithCache(TOKENS, "resid_pre")) {
            NDArray stream = cache.get("resid_pre", 1).array();
            for (String name : List.of("blocks.0.hook_mlp_out", "hook_embed")) {
                assertThatThrownBy(() -> model.runFrom(stream, 1, false, Hook.at(name, x -> x)))
                        .isInstanceOf(IllegalArgumentException.class)
                        .hasMessageContaining("from layer 1 never reaches '" + name + "'");
            }
            assertThatThrownBy(() -> model.runFrom(stream.toType(DataType.FLOAT64, true), 1, false))
                    .hasMessageContaining("float32");
        }
    }

    @Test
    void attnInRefusesSplitInputsBesideIt() {
        assertThatThrownBy(() ->
                        logits(Hook.at("blocks.1.hook_attn_in", x -> x), Hook.at("blocks.1.hook_v_input", x -> x)))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining("blocks.1.hook_attn_in");
    }

    @Test
    void everyActivationShowsItselfAlsoWithAHeadAxisInTheNorm() {
        List<String> all = model.hookNames().stream()
                .map(HookName::toString)
                .filter(name -> !name.endsWith("attn_in"))
                .toList();
        try (ActivationCache cache = model.runWithCache(TOKENS, all)) {
            for (String name : all) {
                assertThat(cache.get(name).view().title()).as(name).isNotEmpty();
            }
            assertThat(cache.get("blocks.0.ln1.hook_scale").toString())
                    .isEqualTo("blocks.0.ln1.hook_scale [batch 2, pos 5, head 4, 1 1]");
        }
    }

    @Test
    void saysWhatWasNotKept() {
        try (ActivationCache cache = model.runWithCache(TOKENS, "pattern")) {
            assertThatThrownBy(() -> cache.get("z", 0))
                    .isInstanceOf(IllegalArgumentException.class)
                    .hasMessageContaining("'blocks.0.attn.hook_z' was not kept")
                    .hasMessageContaining("filter");
            assertThatThrownBy(() -> cache.get("blocks.0.attn.hook_zz")).hasMessageContaining("no hook named");
            assertThatThrownBy(() -> HookName.of("scale", 0)).hasMessageContaining("several hooks");
        }
    }

    @Test
    void aHookThatClosesWhatTheRunNeedsIsNamed() {
        assertThatThrownBy(() -> model.run(TOKENS, Hook.observe("blocks.1.hook_mlp_out", NDArray::close)))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining("'blocks.1.hook_mlp_out' closed the activation that it was given; leave it open");
        Hook own = Hook.at("blocks.1.hook_mlp_out", x -> {
            NDArray twice = x.add(x);
            twice.close();
            return twice;
        });
        assertThatThrownBy(() -> model.run(TOKENS, own))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining("'blocks.1.hook_mlp_out' returned an array that is closed");
    }

    @Test
    void whatIsClosedSaysSo() {
        Logits logits = model.run(TOKENS);
        logits.close();
        assertThatThrownBy(logits::array)
                .isInstanceOf(IllegalStateException.class)
                .hasMessageContaining("closed");
        assertThatThrownBy(() -> logits.top(1)).isInstanceOf(IllegalStateException.class);
        ActivationCache cache = model.runWithCache(TOKENS, "z");
        Activation z = cache.get("z", 0);
        cache.close();
        assertThatThrownBy(z::array).isInstanceOf(IllegalStateException.class).hasMessageContaining("closed");
        assertThatThrownBy(() -> cache.get("z", 0)).isInstanceOf(IllegalStateException.class);
        for (ThrowingCallable use :
                List.<ThrowingCallable>of(logits::shape, logits::view, cache::view, z::shape, z::view)) {
            assertThatThrownBy(use)
                    .isInstanceOf(IllegalStateException.class)
                    .hasMessageContaining("run the model again");
        }
        assertThat(logits).hasToString("Logits (2, 5, 96), closed");
        assertThat(z.toString()).startsWith("blocks.0.attn.hook_z [");
        HookedTransformer other = TestModels.gpt2();
        Logits left = other.run(TOKENS);
        ActivationCache kept = other.runWithCache(TOKENS, "z");
        other.close();
        for (ThrowingCallable use :
                List.<ThrowingCallable>of(left::shape, left::view, kept::view, () -> kept.get("z", 0))) {
            assertThatThrownBy(use)
                    .isInstanceOf(IllegalStateException.class)
                    .hasMessageContaining("'gpt2-tiny' is closed; load it again");
        }
        assertThatThrownBy(() -> other.run(TOKENS))
                .isInstanceOf(IllegalStateException.class)
                .hasMessageContaining("'gpt2-tiny' is closed; load it again");
    }

    @Test
    void theLastPositionAloneEqualsTheLastOfAll() {
        try (Logits all = model.run(TOKENS);
                Logits next = model.next(TOKENS)) {
            assertThat(next.shape()).containsExactly(2, 1, 96);
            assertThat(next.array().toFloatArray())
                    // another shape of product, another order of summation: logits of 8 to a few units in the last
                    // place
                    .containsExactly(all.array().get(":, -1:").toFloatArray(), within(1e-5f));
        }
    }
}
