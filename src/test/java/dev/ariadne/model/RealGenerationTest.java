package dev.ariadne.model;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.ariadne.model.Generation.Row;
import dev.ariadne.model.Generation.Token;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

/** SmolLM2's greedy continuations, recorded from transformers: one by one, and as one padded batch. */
@Tag("model")
class RealGenerationTest {
    @Test
    void continuesTextsAsTransformersDoes() throws IOException {
        JsonNode recorded = new ObjectMapper()
                .readTree(TestModels.RESOURCES
                        .resolve("generation/smollm2-greedy.json")
                        .toFile());
        List<String> prompts = new ArrayList<>();
        recorded.forEach(each -> prompts.add(each.get("text").asText()));
        Sampling sampling = Sampling.DEFAULT.withMaxNewTokens(24);
        try (HookedTransformer model =
                HookedTransformer.load(RealModels.smolLm2().toString(), "cpu")) {
            Generation batch = model.generate(prompts, sampling);
            Generation first = model.generate(prompts.get(0), sampling);
            assertRow(first.rows().get(0), recorded.get(0));
            for (int row = 0; row < prompts.size(); row++) {
                assertRow(batch.rows().get(row), recorded.get(row));
            }
        }
    }

    private static void assertRow(Row row, JsonNode recorded) {
        assertThat(row.prompt()).isEqualTo(recorded.get("text").asText());
        List<Long> ids = new ArrayList<>();
        recorded.get("ids").forEach(id -> ids.add(id.asLong()));
        // the closest race between two tokens was decided by 0.015, float32 errs by 1e-4
        assertThat(row.tokens()).extracting(Token::id).isEqualTo(ids);
        for (int i = 0; i < ids.size(); i++) {
            assertThat(row.tokens().get(i).logProbability())
                    .isCloseTo(recorded.get("logProbabilities").get(i).asDouble(), within(2e-4));
        }
    }

    @Test
    void writesChineseWithoutBrokenCharacters() {
        try (HookedTransformer model =
                HookedTransformer.load(RealModels.smolLm2().toString(), "cpu")) {
            for (int count = 1; count < 12; count++) {
                Row row = model.generate("北京是", Sampling.DEFAULT.withMaxNewTokens(count))
                        .rows()
                        .get(0);
                assertThat(row.tokens()).hasSize(count);
                assertThat(row.text()).doesNotContain("\uFFFD");
            }
        }
    }
}
