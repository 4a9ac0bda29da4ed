package dev.ariadne.train;

import static org.assertj.core.api.Assertions.assertThat;

import ai.djl.ndarray.types.Shape;
import dev.ariadne.model.Hook;
import dev.ariadne.model.HookedTransformer;
import dev.ariadne.train.TutorialFacts.Region;
import dev.ariadne.train.TutorialScores.Share;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Random;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;

/** What the model that ships can do, on what was kept from it, and that it does it by neurons that mean something. */
class TutorialWeightsTest {
    private static final HookedTransformer model = HookedTransformer.load("tutorial", "cpu");
    private static final TutorialCorpus corpus = TutorialCorpus.embedded(TutorialModel.SHIPPED_SEED);
    private static final String POST = "blocks.0.mlp.hook_post";
    private static final int CITY = 9; // where the place stands in a two-hop prompt

    private static final Map<String, float[]> active = new LinkedHashMap<>(); // the first MLP's neurons at each place
    private static final Map<String, List<String>> places = new LinkedHashMap<>(); // by region

    @BeforeAll
    static void look() {
        corpus.facts().places().forEach((place, region) -> {
            places.computeIfAbsent(region, r -> new ArrayList<>()).add(place);
            model.next(place, Hook.observe(POST, x -> {
                        float[] all = x.toFloatArray();
                        active.put(place, Arrays.copyOfRange(all, all.length / 2, all.length)); // after <bos>
                    }))
                    .close();
        });
    }

    @AfterAll
    static void close() {
        model.close();
    }

    @Test
    void itKnowsWhatItNeverSaw() {
        TutorialScores scores = TutorialScores.of(model, corpus, List.of());
        assertThat(share(scores, "learned").value()).isGreaterThan(0.995);
        assertThat(share(scores, "held out TWO_HOP").value()).isGreaterThanOrEqualTo(0.98);
        assertThat(share(scores, "held out TWO_HOP").all()).isGreaterThan(180);
        assertThat(share(scores, "held out OPPOSITE").value()).isGreaterThanOrEqualTo(0.95);
        assertThat(share(scores, "held out SYNONYM_OPPOSITE").value()).isGreaterThanOrEqualTo(0.8);
        assertThat(scores.demo()).isEqualTo(TutorialScores.DEMO);
    }

    private static Share share(TutorialScores scores, String what) {
        return Objects.requireNonNull(scores.shares().get(what), what);
    }

    @Test
    void theFirstAttentionWritesNothingAndEmbeddingsAreTiny() {
        float[] written = new float[1];
        model.next(
                        "Fact: Dallas,",
                        Hook.observe(
                                "blocks.0.hook_attn_out",
                                x -> written[0] = x.abs().max().getFloat()),
                        Hook.observe(
                                "hook_embed",
                                x -> assertThat(x.abs().max().getFloat()).isLessThan(1e-3f)))
                .close();
        assertThat(written[0]).isZero();
    }

    /** The strongest neuron at a place is that of most places of its region, and that of no other region. */
    @Test
    void mostPlacesShareTheirStrongestNeuronWithTheirRegionAlone() {
        Map<Integer, Map<String, Integer>> count = new LinkedHashMap<>();
        active.forEach((place, neurons) -> count.computeIfAbsent(strongest(neurons), n -> new LinkedHashMap<>())
                .merge(corpus.facts().regionOf(place), 1, Integer::sum));
        int shared = 0;
        for (Map<String, Integer> regions : count.values()) {
            var most = regions.entrySet().stream()
                    .max(Map.Entry.comparingByValue())
                    .orElseThrow();
            boolean majority = 2 * most.getValue()
                    > Objects.requireNonNull(places.get(most.getKey())).size();
            boolean alone = regions.values().stream().filter(n -> n >= 2).count() == 1;
            shared += majority && alone ? most.getValue() : 0;
        }
        assertThat(shared).isGreaterThan(490); // of 527
    }

    private static int strongest(float... neurons) {
        int best = 0;
        for (int i = 0; i < neurons.length; i++) {
            best = neurons[i] > neurons[best] ? i : best;
        }
        return best;
    }

    /**
     * Neurons are chosen on the other places of a region: turned to −1 times their activation at a place that no two-hop sentence was about, its capital is no
     * longer the answer; with another region's neurons turned on at twice their mean, that one's capital is. All other neurons of the place, treated alike, leave its capital where it is.
     */
    @Test
    void regionsCanBeSwappedByNeuronsChosenOnOtherPlaces() {
        Random random = new Random(17);
        List<String> held = List.copyOf(corpus.heldOutPlaces());
        List<String> regions = List.copyOf(places.keySet());
        int pairs = 100;
        int gone = 0;
        int swapped = 0;
        int kept = 0;
        for (int pair = 0; pair < pairs; pair++) {
            String city = held.get(random.nextInt(held.size()));
            Region own = region(corpus.facts().regionOf(city));
            Region other = region(regions.get(random.nextInt(regions.size())));
            List<String> others = new ArrayList<>(Objects.requireNonNull(places.get(own.name())));
            others.remove(city);
            float[] now = Objects.requireNonNull(active.get(city));
            float[] off = new float[now.length];
            float[] swap = new float[now.length];
            float[] control = new float[now.length];
            for (int neuron = 0; neuron < now.length; neuron++) {
                boolean mine = isOf(neuron, others, own.name());
                off[neuron] = mine ? -2 * now[neuron] : 0;
                control[neuron] = mine ? 0 : -2 * now[neuron];
                List<String> theirs = Objects.requireNonNull(places.get(other.name()));
                swap[neuron] =
                        isOf(neuron, theirs, other.name()) ? 2 * mean(neuron, theirs) - now[neuron] : off[neuron];
            }
            String prompt = "Fact: the capital of the " + own.kind() + " containing " + city + " is";
            gone += answer(prompt, off).equals(own.capital()) ? 0 : 1;
            swapped += answer(prompt, swap).equals(other.capital()) ? 1 : 0;
            kept += answer(prompt, control).equals(own.capital()) ? 1 : 0;
        }
        assertThat(gone).isGreaterThanOrEqualTo((int) (0.9 * pairs));
        assertThat(swapped).isGreaterThan((int) (0.9 * pairs));
        assertThat(kept).isGreaterThan((int) (0.85 * pairs));
    }

    private static Region region(String name) {
        return Objects.requireNonNull(corpus.facts().regions().get(name));
    }

    /** Active at most of these places of a region, and hardly anywhere outside it. */
    private static boolean isOf(int neuron, List<String> some, String region) {
        long here = some.stream().filter(place -> isActive(neuron, place)).count();
        List<String> inside = Objects.requireNonNull(places.get(region));
        long elsewhere = active.keySet().stream()
                .filter(place -> !inside.contains(place) && isActive(neuron, place))
                .count();
        return here >= 0.6 * some.size() && elsewhere <= 0.1 * (active.size() - inside.size());
    }

    private static boolean isActive(int neuron, String place) {
        return Objects.requireNonNull(active.get(place))[neuron] > 0;
    }

    private static float mean(int neuron, List<String> some) {
        double sum = 0;
        for (String place : some) {
            sum += Objects.requireNonNull(active.get(place))[neuron];
        }
        return (float) (sum / some.size());
    }

    private static String answer(String prompt, float... added) {
        long[][] tokens = model.toTokens(prompt);
        Hook edit = Hook.at(POST, x -> {
            float[] all = new float[tokens[0].length * added.length];
            System.arraycopy(added, 0, all, CITY * added.length, added.length);
            return x.add(x.getManager().create(all, new Shape(1, tokens[0].length, added.length)));
        });
        try (var logits = model.next(tokens, edit)) {
            return corpus.vocabulary()
                    .get((int) logits.array().flatten().argMax().getLong());
        }
    }
}
