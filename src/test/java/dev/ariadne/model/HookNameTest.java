package dev.ariadne.model;

import static dev.ariadne.model.TestModels.TOKENS;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class HookNameTest {
    private static final HookedTransformer model = TestModels.gpt2();

    @AfterAll
    static void close() {
        model.close();
    }

    /** What get_act_name of TransformerLens 2.16.1 returns for the same words. */
    @ParameterizedTest
    @CsvSource({
        "k 6 a, blocks.6.attn.hook_k",
        "pre 2, blocks.2.mlp.hook_pre",
        "embed, hook_embed",
        "normalized 27 ln2, blocks.27.ln2.hook_normalized",
        "k6, blocks.6.attn.hook_k",
        "scale4ln1, blocks.4.ln1.hook_scale",
        "pre5, blocks.5.mlp.hook_pre",
        "attn 3, blocks.3.attn.hook_pattern",
        "key 0, blocks.0.attn.hook_k",
        "query 1, blocks.1.attn.hook_q",
        "value 2, blocks.2.attn.hook_v",
        "mlp_post 1, blocks.1.mlp.hook_post",
        "mlp_pre 1, blocks.1.mlp.hook_pre",
        "attn_logits 4, blocks.4.attn.hook_attn_scores",
        "scale, ln_final.hook_scale",
        "normalized, ln_final.hook_normalized",
        "pos_embed, hook_pos_embed",
        "resid_mid 3, blocks.3.hook_resid_mid",
        "mlp_out 0, blocks.0.hook_mlp_out",
        "attn_out 2, blocks.2.hook_attn_out",
        "rot_q 1, blocks.1.attn.hook_rot_q",
        "result 9, blocks.9.attn.hook_result",
        "z 0 attn, blocks.0.attn.hook_z",
        "q_input 2, blocks.2.hook_q_input",
        "attn_in 1, blocks.1.hook_attn_in",
        "resid_post 0, blocks.0.hook_resid_post",
        "hook_embed, hook_embed",
        "blocks.1.attn.hook_z, blocks.1.attn.hook_z",
        "pre_linear 3, blocks.3.mlp.hook_pre_linear",
        "scale 1 ln1_post, blocks.1.ln1_post.hook_scale",
        "resid_pre 2 b, blocks.2.hook_resid_pre",
        "v 1 attention, blocks.1.attn.hook_v",
        // not TransformerLens's, whose rule gives names of no hook here
        "scale 0 q_norm, blocks.0.attn.q_norm.hook_scale",
        "scale 0 ln_final, ln_final.hook_scale",
        "resid_mid7, blocks.7.hook_resid_mid",
        "k6a, blocks.6.attn.hook_k"
    })
    void namesAreThoseOfGetActName(String words, String expected) {
        String[] parts = words.split(" ", -1);
        HookName name = switch (parts.length) {
            case 1 -> HookName.of(parts[0]);
            case 2 -> HookName.of(parts[0], Integer.parseInt(parts[1]));
            default -> HookName.of(parts[0], Integer.parseInt(parts[1]), parts[2]);
        };
        assertThat(name).hasToString(expected);
    }

    @Test
    void saysWhatAnAmbiguousNameMayMean() {
        assertThatThrownBy(() -> HookName.of("scale", 2))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining("'scale' means several hooks: blocks.2.ln1.hook_scale, ")
                .hasMessageContaining("blocks.2.ln2_post.hook_scale")
                .hasMessageContaining("(\"scale\", 2, \"ln1\")");
        assertThatThrownBy(() -> HookName.of("pattern"))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining("'pattern' is in every block, as blocks.0.attn.hook_pattern")
                .hasMessageContaining("pattern0");
        assertThatThrownBy(() -> HookName.of("k", 1, "mlp"))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining("no hook named 'k'; the nearest are blocks.1.attn.hook_k, ");
        assertThatThrownBy(() -> HookName.of("z", -1)).hasMessageContaining("layer must be 0 or more, got -1");
        assertThatThrownBy(() -> HookName.of("patern3")).hasMessageContaining("blocks.3.attn.hook_pattern");
    }

    @Test
    void theCacheTakesShortNamesTuplesAndNegativeLayers() {
        try (ActivationCache cache = model.runWithCache(TOKENS)) {
            assertThat(cache.get("k1").name()).hasToString("blocks.1.attn.hook_k");
            assertThat(cache.get("attn", -1).name()).hasToString("blocks.1.attn.hook_pattern");
            assertThat(cache.get("normalized", 1, "ln2").name()).hasToString("blocks.1.ln2.hook_normalized");
            assertThat(cache.get("scale").name()).hasToString("ln_final.hook_scale");
            assertThat(cache.get("embed").name()).hasToString("hook_embed");
            assertThat(cache.get("mlp_post", 0).toFloatArray())
                    .isEqualTo(cache.get("blocks.0.mlp.hook_post").toFloatArray());
        }
        try (ActivationCache cache = model.runWithGradients(TOKENS, logits -> logits.sum(), List.of("value"))) {
            assertThat(cache.grad("value", -2).toFloatArray())
                    .isEqualTo(cache.grad("v", 0, "a").toFloatArray());
        }
    }

    @Test
    void filtersAndHooksTakeAliasesToo() {
        try (ActivationCache cache = model.runWithCache(TOKENS, "attn", "q1", "scale", "embed")) {
            assertThat(cache.names().stream().map(HookName::toString))
                    .containsExactly(
                            "hook_embed",
                            "blocks.0.ln1.hook_scale",
                            "blocks.0.attn.hook_pattern",
                            "blocks.0.ln2.hook_scale",
                            "blocks.1.ln1.hook_scale",
                            "blocks.1.attn.hook_q",
                            "blocks.1.attn.hook_pattern",
                            "blocks.1.ln2.hook_scale",
                            "ln_final.hook_scale");
        }
        List<String> seen = new ArrayList<>();
        for (String point : List.of("key", "mlp_post1", "scale0ln2")) {
            model.run(TOKENS, Hook.at(point, (x, name) -> {
                        seen.add(name.toString());
                        return x;
                    }))
                    .close();
        }
        assertThat(seen)
                .containsExactly(
                        "blocks.0.attn.hook_k",
                        "blocks.1.attn.hook_k",
                        "blocks.1.mlp.hook_post",
                        "blocks.0.ln2.hook_scale");
        assertThatThrownBy(() -> model.run(TOKENS, Hook.at("k7", x -> x)))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining("no hook named 'k7'");
    }

    @Test
    void aPaddedPromptCanBeShown() {
        long[][] padded = {{HookedTransformer.PADDING, HookedTransformer.PADDING, 5, 9}, {8, 2, 40, 41}};
        try (ActivationCache cache = model.runWithCache(padded, "pattern")) {
            assertThat(cache.get("pattern", 0).tokens().get(0))
                    .startsWith("·", "·")
                    .hasSize(4);
            assertThat(cache.get("pattern", 0).view().title()).isNotEmpty();
        }
    }
}
