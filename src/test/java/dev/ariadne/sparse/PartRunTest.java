package dev.ariadne.sparse;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.types.Shape;
import dev.ariadne.circuit.Ablation;
import dev.ariadne.model.Hook;
import dev.ariadne.model.HookedTransformer;
import dev.ariadne.model.Logits;
import dev.ariadne.model.ModelConfig.Extras;
import dev.ariadne.sparse.PartRun.Absent;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Against the model itself on the engine, with hooks that hold channels. */
class PartRunTest {
    private static final double TOLERANCE = 1e-4; // of logits up to 10: the engine computes in float32
    private static final Prompts PROMPTS =
            Prompts.of(MiniPython.task("bracket_counting", 6, 0).pairs());

    static List<Extras> extras() {
        return List.of(
                Extras.NONE,
                new Extras(0, true, false, List.of(0.0, 0.7)),
                new Extras(0, false, true, List.of()),
                new Extras(0.25, true, false, List.of(0.3, 0.0)));
    }

    private static Part some(Wiring wiring, long seed) {
        Random random = new Random(seed);
        Part part = Part.all(wiring);
        for (int i = 0; i < wiring.channels; i++) {
            part.channels()[i] = random.nextBoolean();
        }
        return part;
    }

    private static double[] values(Wiring wiring) {
        return new Random(8).doubles(wiring.channels, -1, 1).toArray();
    }

    @ParameterizedTest
    @MethodSource("extras")
    void allOnIsTheModel(Extras extras) {
        try (SparseTransformer trained = HandMade.random(extras, 1)) {
            Wiring wiring = new Wiring(trained.model());
            PartRun run = new PartRun(wiring, Part.all(wiring), Absent.constant(values(wiring)));
            assertThat(run.differences(PROMPTS)).containsExactly(engine(trained.model(), List.of()), within(TOLERANCE));
        }
    }

    @ParameterizedTest
    @MethodSource("extras")
    void whatIsOffHasItsValueAsUnderHooks(Extras extras) {
        try (SparseTransformer trained = HandMade.random(extras, 2)) {
            Wiring wiring = new Wiring(trained.model());
            double[] values = values(wiring);
            for (int seed = 0; seed < 3; seed++) {
                Part part = some(wiring, seed);
                double[] got = new PartRun(wiring, part, Absent.constant(values)).differences(PROMPTS);
                double[] expected = engine(trained.model(), hooks(wiring, part, values));
                assertThat(got).containsExactly(expected, within(TOLERANCE));
            }
        }
    }

    private static List<Hook> hooks(Wiring wiring, Part part, double[] values) {
        List<Hook> hooks = new ArrayList<>();
        for (int layer = 0; layer < 2; layer++) {
            for (Place place : Place.values()) {
                int first = wiring.first(layer, place);
                float[] on = new float[place.width(wiring.c)];
                float[] rest = new float[on.length];
                for (int i = 0; i < on.length; i++) {
                    on[i] = part.channels()[first + i] ? 1 : 0;
                    rest[i] = part.channels()[first + i] ? 0 : (float) values[first + i];
                }
                hooks.add(Hook.at(place.hook(layer), x -> {
                    Shape tail = x.getShape().slice(2);
                    NDArray kept = x.mul(x.getManager().create(on, tail));
                    return kept.add(x.getManager().create(rest, tail));
                }));
            }
        }
        return hooks;
    }

    private static double[] engine(HookedTransformer model, List<Hook> hooks) {
        double[] differences = new double[PROMPTS.count()];
        for (int p = 0; p < differences.length; p++) {
            try (Logits logits = model.next(new long[][] {PROMPTS.tokens()[p]}, hooks.toArray(Hook[]::new))) {
                float[] all = logits.array().toFloatArray();
                differences[p] = all[(int) PROMPTS.firstAnswers()[p]] - all[(int) PROMPTS.secondAnswers()[p]];
            }
        }
        return differences;
    }

    /** Everything held still, only the last token is left: its embedding and its row of bigrams. */
    @Test
    void allOffDependsOnTheLastTokenOnly() {
        try (SparseTransformer trained = HandMade.random(new Extras(0, true, false, List.of()), 3)) {
            Wiring wiring = new Wiring(trained.model());
            PartRun run = new PartRun(wiring, Part.none(wiring), Absent.constant(values(wiring)));
            Pair pair = new Pair(new long[] {0, 5, 9}, new long[] {7, 7, 3, 9}, 4, 6);
            double[] differences = run.differences(Prompts.of(List.of(pair)));
            assertThat(differences[0]).isEqualTo(differences[1]);
        }
    }

    /** A channel that is off gives its value to all weights out of it, so switching off these weights is the same. */
    @ParameterizedTest
    @ValueSource(booleans = {false, true})
    void weightsThatAreOffPassWhatTheirChannelWouldBeGiven(boolean sinks) {
        try (SparseTransformer trained = HandMade.random(new Extras(0, false, sinks, List.of(0.2, 0.0)), 4)) {
            Wiring wiring = new Wiring(trained.model());
            Absent absent = Absent.constant(values(wiring));
            for (Place place : List.of(Place.ATTN_IN, Place.V, Place.MLP_IN, Place.NEURON)) {
                int channel = wiring.first(0, place) + 1;
                Part without = Part.all(wiring);
                without.channels()[channel] = false;
                Part cut = Part.all(wiring);
                for (int e = 0; e < wiring.edges(); e++) {
                    cut.edges()[e] = wiring.from[e] != channel;
                }
                assertThat(new PartRun(wiring, cut, absent).differences(PROMPTS))
                        .as(place.toString())
                        .containsExactly(new PartRun(wiring, without, absent).differences(PROMPTS), within(1e-9));
                assertThat(without.edgeCount(wiring)).isLessThanOrEqualTo(cut.edgeCount(wiring));
            }
        }
    }

    /** What is off has the value of a run on the other prompt: with everything off at the last place, that is the other prompt's result. */
    @Test
    void corruptedAblationGivesWhatTheOtherPromptHas() {
        try (SparseTransformer trained = HandMade.random(Extras.NONE, 5)) {
            CircuitPruner pruner = CircuitPruner.of(trained, PruneConfig.DEFAULT.withAblation(Ablation.CORRUPTED));
            List<Pair> pairs =
                    MiniPython.task("set_or_string_fixedvarname", 5, 0).pairs(); // one last token
            Judge judge = pruner.judge(pairs);
            double[] all = judge.differences(Part.all(pruner.wiring()));
            double[] none = judge.differences(Part.none(pruner.wiring()));
            double[] swapped = new double[all.length];
            Arrays.setAll(swapped, i -> all[i ^ 1]);
            assertThat(none).containsExactly(swapped, within(1e-9));
            assertThat(all[0]).isNotCloseTo(all[1], within(1e-3));
        }
    }

    @Test
    void channelsAndWeightsAreNumberedThrough() {
        try (SparseTransformer trained = HandMade.random(Extras.NONE, 6)) {
            Wiring wiring = new Wiring(trained.model());
            assertThat(wiring.channels).isEqualTo(2 * (5 * 8 + 2 * 8 + 12));
            for (int i = 0; i < wiring.channels; i++) {
                assertThat(wiring.number(wiring.channel(i))).isEqualTo(i);
                assertThat(Channel.parse(wiring.channel(i).toString())).isEqualTo(wiring.channel(i));
            }
            int matrices = trained.nonzeros().entrySet().stream()
                    .filter(entry -> entry.getKey().matches("blocks.*W_.*"))
                    .mapToInt(Map.Entry::getValue)
                    .sum();
            assertThat(wiring.edges()).isEqualTo(matrices);
            Connection one = wiring.connection(7);
            assertThat(wiring.edge(wiring.number(one.from()), wiring.number(one.to())))
                    .isEqualTo(7);
            assertThat(new Channel(10, Place.V, 1312).inHead(16)).isEqualTo("10.attn.v.head82.ch0");
            assertThatThrownBy(() -> Channel.parse("0.attn.k")).hasMessageContaining("'0.attn.k.34'");
            assertThatThrownBy(() -> wiring.number(new Channel(0, Place.Q, 8))).hasMessageContaining("8 channels");
        }
    }

    @Test
    void otherKindsOfModelsAreRefused() {
        try (HookedTransformer gpt2 = HookedTransformer.load("gpt2-tiny", "cpu")) {
            assertThatThrownBy(() -> new Wiring(gpt2)).hasMessageContaining("norm is LAYER, not RMS_PRE");
        }
    }

    /** Heads compete for the activations that are kept, so no head can be computed alone. */
    @Test
    void edgesBetweenHeadsAreRefusedWhereActivationsCompete() {
        try (SparseTransformer trained = HandMade.random(new Extras(0.5, true, false, List.of()), 7)) {
            HookedTransformer model = trained.model();
            assertThatThrownBy(() -> model.components(4))
                    .isInstanceOf(IllegalArgumentException.class)
                    .hasMessageContaining("keeps 0.5 of its activations")
                    .hasMessageContaining("CircuitPruner");
        }
    }
}
