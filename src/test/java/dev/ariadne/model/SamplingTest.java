package dev.ariadne.model;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

class SamplingTest {
    private static final double[] LOGS = logs(0.5, 0.25, 0.125, 0.0625, 0.0625);

    private static double[] logs(double... probabilities) {
        return Arrays.stream(probabilities).map(Math::log).toArray();
    }

    private static double[] weights(Sampling sampling, double... logs) {
        return new Sampler(sampling, 0).weights(logs);
    }

    private static Sampling at(double temperature) {
        return Sampling.DEFAULT.withTemperature(temperature);
    }

    @Test
    void filtersAsTransformersDoes() throws IOException {
        JsonNode cases = new ObjectMapper()
                .readTree(
                        TestModels.RESOURCES.resolve("generation/filters.json").toFile());
        assertThat(cases).hasSize(20);
        for (JsonNode each : cases) {
            Sampling sampling = at(each.get("temperature").asDouble())
                    .withTopK(each.get("topK").asInt())
                    .withTopP(each.get("topP").asDouble());
            double[] got = weights(sampling, doubles(each.get("logits")));
            double total = Arrays.stream(got).sum();
            double[] expected = doubles(each.get("probabilities"));
            for (int id = 0; id < expected.length; id++) {
                // float32 there
                assertThat(got[id] / total).as(sampling + ", id " + id).isCloseTo(expected[id], within(1e-6));
                assertThat(got[id] > 0).as(sampling + " keeps " + id).isEqualTo(expected[id] > 0);
            }
        }
    }

    private static double[] doubles(JsonNode array) {
        return IntStream.range(0, array.size())
                .mapToDouble(i -> array.get(i).asDouble())
                .toArray();
    }

    @Test
    void temperatureComesBeforeTheOthers() {
        assertThat(weights(at(1).withTopP(0.7), LOGS)).containsExactly(new double[] {1, 0.5, 0, 0, 0}, within(1e-12));
        // at half the temperature the first alone has 0.25 / 0.3359 = 0.74
        assertThat(weights(at(0.5).withTopP(0.7), LOGS)).containsExactly(1, 0, 0, 0, 0);
        // of the two kept by topK, the first has two thirds
        assertThat(weights(at(1).withTopK(2).withTopP(0.6), LOGS)).containsExactly(1, 0, 0, 0, 0);
        assertThat(weights(at(1).withTopP(0.6), LOGS)).containsExactly(new double[] {1, 0.5, 0, 0, 0}, within(1e-12));
    }

    @Test
    void tiesWithTheLastOfTopKAreKept() {
        assertThat(weights(at(1).withTopK(4), LOGS)).doesNotContain(0);
        assertThat(weights(at(1).withTopK(3), LOGS)).endsWith(0, 0);
        assertThat(weights(at(1).withTopK(99), LOGS)).isEqualTo(weights(at(1), LOGS));
    }

    @Test
    void drawsAsOftenAsTheProbabilitiesSay() {
        Sampler sampler = new Sampler(at(1).withSeed(11), 0);
        int[] counts = new int[5];
        for (int i = 0; i < 40_000; i++) {
            counts[sampler.choose(LOGS)]++;
        }
        for (int id = 0; id < 5; id++) {
            // four standard deviations of the rarest and commonest are below 0.011
            assertThat(counts[id] / 40_000.0).isCloseTo(Math.exp(LOGS[id]), within(0.011));
        }
    }

    @Test
    void theSameSeedDrawsTheSameEverywhere() {
        List<Integer> drawn = new ArrayList<>();
        Sampler sampler = new Sampler(at(1).withSeed(42), 0);
        for (int i = 0; i < 24; i++) {
            drawn.add(sampler.choose(LOGS));
        }
        // recorded: another number here means that seeds in saved notebooks mean another text
        assertThat(drawn).hasToString("[1, 0, 0, 0, 0, 2, 0, 2, 0, 1, 0, 0, 1, 1, 1, 0, 0, 0, 0, 1, 4, 0, 1, 1]");
        Sampler second = new Sampler(at(1).withSeed(41), 1); // the second row of a batch
        assertThat(drawn).allSatisfy(id -> assertThat(second.choose(LOGS)).isEqualTo(id));
    }

    @Test
    void withoutTemperatureTheMostProbableIsTaken() {
        Sampler sampler = new Sampler(Sampling.DEFAULT, 0);
        assertThat(sampler.choose(logs(0.2, 0.4, 0.4))).isEqualTo(1);
        assertThat(new Sampler(at(1).withTopK(1), 0).choose(logs(0.3, 0.7))).isEqualTo(1);
        assertThat(new Sampler(at(1).withTopP(1e-9), 0).choose(logs(0.3, 0.7))).isEqualTo(1);
        assertThat(new Sampler(at(1e-300), 0).choose(logs(0.3, 0.7))).isEqualTo(1);
    }

    @Test
    void refusesSettingsWithoutAMeaning() {
        for (double bad : new double[] {Double.NaN, -0.1, Double.POSITIVE_INFINITY}) {
            assertThatThrownBy(() -> at(bad))
                    .isInstanceOf(IllegalArgumentException.class)
                    .hasMessageContaining("temperature")
                    .hasMessageContaining("got " + bad);
        }
        for (double bad : new double[] {Double.NaN, 0, -1, 1.01}) {
            assertThatThrownBy(() -> Sampling.DEFAULT.withTopP(bad))
                    .isInstanceOf(IllegalArgumentException.class)
                    .hasMessageContaining("topP")
                    .hasMessageContaining("got " + bad);
        }
        assertThatThrownBy(() -> Sampling.DEFAULT.withTopK(-1))
                .hasMessageContaining("topK")
                .hasMessageContaining("-1");
        assertThatThrownBy(() -> Sampling.DEFAULT.withMaxNewTokens(0))
                .hasMessageContaining("maxNewTokens must be at least 1, got 0");
        assertThatThrownBy(() -> Sampling.DEFAULT.withStop("a", ""))
                .hasMessageContaining("empty")
                .hasMessageContaining("number 1");
    }

    @Test
    void eachWithChangesOneSetting() {
        Sampling all = Sampling.DEFAULT
                .withMaxNewTokens(3)
                .withTemperature(0.5)
                .withTopK(4)
                .withTopP(0.6)
                .withStop("x")
                .withSeed(8)
                .withStopAtEos(false)
                .withUseCache(false);
        assertThat(all).isEqualTo(new Sampling(3, 0.5, 4, 0.6, List.of("x"), 8, false, false));
        assertThat(all).hasToString("temperature 0.5, topK 4, topP 0.6, seed 8");
        assertThat(Sampling.DEFAULT).hasToString("greedy");
    }
}
