package dev.ariadne.model;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import dev.ariadne.model.Logits.Prediction;
import dev.ariadne.view.View;
import java.util.List;
import java.util.stream.IntStream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

class LogitsTest {
    private static final String PROMPT = "Dallas is in";

    private final HookedTransformer model = TestModels.gpt2();
    private final Logits next = model.next(PROMPT);

    @AfterEach
    void close() {
        next.close();
        model.close();
    }

    @Test
    void ranksAllTokensByLogit() {
        float[] logits = next.array().toFloatArray();
        List<Long> expected = IntStream.range(0, logits.length)
                .boxed()
                .sorted((a, b) -> Float.compare(logits[b], logits[a]))
                .map(Integer::longValue)
                .toList();
        List<Prediction> all = next.top(1000);
        assertThat(all).extracting(Prediction::id).isEqualTo(expected);
        assertThat(all)
                .extracting(Prediction::rank)
                .isEqualTo(IntStream.rangeClosed(1, 96).boxed().toList());
        assertThat(all.stream().mapToDouble(Prediction::probability).sum()).isCloseTo(1, within(1e-6));
        assertThat(next.top(3)).isEqualTo(all.subList(0, 3));
        assertThatThrownBy(() -> next.top(0)).hasMessageContaining("at least 1, got 0");
    }

    @Test
    void ratesOneToken() {
        Prediction best = next.top(1).get(0);
        assertThat(next.of(best.token())).isEqualTo(best);
        Prediction t = next.of("T");
        assertThat(next.logitDifference(best.token(), "T")).isCloseTo(best.logit() - t.logit(), within(1e-6));
        assertThatThrownBy(() -> next.of("Texas"))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining("Texas");
        assertThatThrownBy(() -> next.of(1, "T")).hasMessageContaining("from 0 to 0, got 1");
    }

    @Test
    void isATableAndBars() {
        assertThat(next.table(5).columnNames()).containsExactly("rank", "id", "token", "logit", "probability");
        assertThat(next.table(5).rowCount()).isEqualTo(5);
        assertThat(next.view()).isInstanceOfSatisfying(View.Bars.class, bars -> {
            assertThat(bars.title()).contains(PROMPT);
            assertThat(bars.bars()).hasSize(10);
            assertThat(bars.bars().get(0).value()).isEqualTo(next.top(1).get(0).probability());
        });
    }

    @Test
    void comparesTwoRuns() {
        try (Logits other = model.next(PROMPT, Hook.at("blocks.1.hook_mlp_out", x -> x.mul(0)))) {
            assertThat(next.compare(other)).isInstanceOfSatisfying(View.Table.class, table -> {
                assertThat(table.rows()).hasSizeBetween(10, 20);
                Prediction best = next.top(1).get(0);
                assertThat(table.rows().get(0).get(0)).isEqualTo(best.token());
                assertThat(table.rows().get(0).get(4)).isEqualTo("1");
                assertThat(table.rows().get(0).get(5))
                        .isEqualTo(Integer.toString(other.of(best.token()).rank()));
            });
        }
    }

    @Test
    void showsEveryPromptOfABatch() {
        try (Logits batch = model.next(TestModels.TOKENS)) {
            assertThat(batch.view())
                    .isInstanceOfSatisfying(
                            View.Panels.class,
                            panels -> assertThat(panels.panels()).hasSize(2));
        }
    }

    @Test
    void activationsShowMapsAndNorms() {
        try (ActivationCache cache = model.runWithCache(PROMPT)) {
            assertThat(cache.get("pattern", 0).view())
                    .isInstanceOfSatisfying(
                            View.Panels.class,
                            panels -> assertThat(panels.panels()).hasSize(4));
            View.HeatMap head = cache.get("pattern", 1).head(0, 2);
            assertThat(head.rows()).hasSize(PROMPT.length()).startsWith("D", "a");
            for (int q = 0; q < head.rows().size(); q++) {
                double sum = 0;
                for (int k = 0; k <= q; k++) {
                    sum += head.value(q, k);
                }
                assertThat(sum).isCloseTo(1, within(1e-5));
            }
            assertThat(cache.get("resid_post", 1).view()).isInstanceOf(View.Tokens.class);
            assertThat(cache.view())
                    .isInstanceOfSatisfying(
                            View.Table.class, table -> assertThat(table.rows()).hasSize(38));
            assertThatThrownBy(() -> cache.get("z", 0).head(0, 0)).hasMessageContaining("hook_pattern");
            assertThatThrownBy(() -> cache.get("pattern", 0).head(0, 4)).hasMessageContaining("from 0 to 3, got 4");
            assertThat(cache.get("z", 0).toString())
                    .isEqualTo("blocks.0.attn.hook_z [batch 1, pos 12, head 4, dHead 8]");
        }
    }

    @Test
    void theModelShowsWhatItIsMadeOf() {
        assertThat(model.view()).isInstanceOfSatisfying(View.Facts.class, facts -> {
            assertThat(facts.facts()).containsEntry("parameters", "33,760").containsEntry("layers", "2");
            assertThat(facts.facts()).containsEntry("heads", "4 × 8").containsKey("device");
        });
    }
}
