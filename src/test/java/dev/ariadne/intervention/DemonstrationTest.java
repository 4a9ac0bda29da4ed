package dev.ariadne.intervention;

import static dev.ariadne.intervention.InterventionGraph.row;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import ai.djl.Device;
import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.Shape;
import dev.ariadne.attribution.ReplacementModel;
import dev.ariadne.model.weights.Checkpoint;
import dev.ariadne.tensor.Tensors;
import dev.ariadne.transcoder.Activation;
import dev.ariadne.transcoder.Transcoder;
import dev.ariadne.transcoder.TranscoderSet;
import dev.ariadne.view.View;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Objects;
import java.util.Random;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * The published demonstrations on random files in Gemma-2-2B's layout and names, 26 layers of width 16, with transcoders of 16,384 features; words are those
 * of the tutorial model, whose tokens have the demonstration's positions.
 */
class DemonstrationTest {
    private static final int LAYERS = 26;
    private static final int WIDTH = 16;
    private static final int FEATURES = 16_384;
    private static final Random random = new Random(5);

    @TempDir
    private static Path folder;

    private static ReplacementModel gemma;

    @BeforeAll
    static void write() throws IOException {
        for (String file : List.of("tokenizer.json", "tokenizer_config.json")) {
            try (InputStream in = Objects.requireNonNull(
                    DemonstrationTest.class.getResourceAsStream("/dev/ariadne/models/tutorial/" + file))) {
                Files.copy(in, folder.resolve(file));
            }
        }
        String config = Files.readString(Path.of("src/test/resources/models/gemma2-tiny/config.json"))
                .replace("\"num_hidden_layers\": 4", "\"num_hidden_layers\": " + LAYERS)
                .replace("\"hidden_size\": 32", "\"hidden_size\": " + WIDTH)
                .replace("\"vocab_size\": 96", "\"vocab_size\": 1295")
                .replace("\"bos_token_id\": 2", "\"bos_token_id\": 0");
        Files.writeString(folder.resolve("config.json"), config);
        try (NDManager manager = Tensors.engine().newBaseManager(Device.cpu())) {
            Checkpoint.write(folder.resolve("model.safetensors"), weights(manager), Map.of());
            List<Transcoder> layers = new ArrayList<>();
            for (int layer = 0; layer < LAYERS; layer++) {
                Map<String, NDArray> arrays = new LinkedHashMap<>();
                arrays.put("W_enc", random(manager, FEATURES, WIDTH));
                arrays.put("b_enc", manager.ones(new Shape(FEATURES)));
                arrays.put("W_dec", random(manager, FEATURES, WIDTH).mul(0.3));
                arrays.put("b_dec", random(manager, WIDTH));
                arrays.put("activation_function.threshold", manager.create(0.1f));
                layers.add(Transcoder.of(Activation.JUMP_RELU, arrays));
            }
            try (TranscoderSet set = TranscoderSet.of("gemma-2-2b", "ln2.hook_normalized", "hook_mlp_out", layers)) {
                set.save(folder.resolve("transcoders"), Map.of());
            }
        }
        gemma = ReplacementModel.load(folder.toString());
    }

    private static Map<String, NDArray> weights(NDManager manager) {
        Map<String, NDArray> arrays = new LinkedHashMap<>();
        arrays.put("model.embed_tokens.weight", random(manager, 1295, WIDTH));
        for (int layer = 0; layer < LAYERS; layer++) {
            String name = "model.layers." + layer + ".";
            arrays.put(name + "self_attn.q_proj.weight", random(manager, 32, WIDTH));
            arrays.put(name + "self_attn.k_proj.weight", random(manager, 16, WIDTH));
            arrays.put(name + "self_attn.v_proj.weight", random(manager, 16, WIDTH));
            arrays.put(name + "self_attn.o_proj.weight", random(manager, WIDTH, 32));
            arrays.put(name + "mlp.gate_proj.weight", random(manager, 48, WIDTH));
            arrays.put(name + "mlp.up_proj.weight", random(manager, 48, WIDTH));
            arrays.put(name + "mlp.down_proj.weight", random(manager, WIDTH, 48));
            for (String norm : List.of(
                    "input_layernorm",
                    "post_attention_layernorm",
                    "pre_feedforward_layernorm",
                    "post_feedforward_layernorm")) {
                arrays.put(name + norm + ".weight", random(manager, WIDTH));
            }
        }
        arrays.put("model.norm.weight", random(manager, WIDTH));
        return arrays;
    }

    private static NDArray random(NDManager manager, long... sizes) {
        Shape shape = new Shape(sizes);
        float[] values = new float[(int) shape.size()];
        for (int i = 0; i < values.length; i++) {
            values[i] = (float) (0.25 * random.nextGaussian());
        }
        return manager.create(values, shape);
    }

    @AfterAll
    static void close() {
        gemma.close();
    }

    @Test
    void repeatsThePublishedInterventionsWithThePublishedMembers() {
        View.Table table = (View.Table) Demonstration.dallas().compare(gemma).view();
        assertThat(table.rows()).hasSize(8);
        assertThat(table.rows().get(0).get(3)).startsWith("Austin 42, not 6");
        assertThat(table.rows().get(5).get(0)).isEqualTo("Texas ×−2, California ×2 for Texas");
        assertThat(table.rows()).allSatisfy(row -> {
            assertThat(row.get(4)).isNotEmpty();
            assertThat(row.get(5)).isEqualTo("no"); // random weights do not say Austin
        });
        // by hand: Texas off
        Supernode texas =
                Supernode.of("Texas", "20_15589_9", "19_7477_9", "16_25_9", "4_13154_9", "14_2268_9", "7_6861_9");
        Supernode state = Supernode.of("state", "6_4012_7", "0_13727_7");
        Supernode sayAustin = Supernode.of("Say Austin", "23_12237_10");
        try (InterventionGraph graph =
                InterventionGraph.of(gemma, Demonstration.dallas().prompt(), row(state, texas), row(sayAustin))) {
            InterventionResult off = graph.intervene(texas.times(-2));
            assertThat(table.rows().get(3).get(2))
                    .contains(String.format(Locale.ROOT, "Say Austin %.0f", 100 * off.activation("Say Austin")))
                    .contains("state 100");
            assertThat(table.rows().get(3).get(4))
                    .startsWith(off.top().strip()
                            + String.format(
                                    Locale.ROOT,
                                    " %.0f",
                                    100 * off.top(1).get(0).probability()));
        }
    }

    @Test
    void movesTheSynonymToTheOppositesPlace() {
        Demonstration demo = Demonstration.opposites();
        View.Table table = (View.Table) demo.compare(gemma).view();
        assertThat(table.rows()).hasSize(5);
        assertThat(table.rows().get(4).get(0)).isEqualTo("opposite ×−2, synonym ×2 for opposite");
        assertThat(Objects.requireNonNull(demo.nodes().get("synonym")).placed())
                .allMatch(feature -> feature.position() == 2);
        assertThat(Objects.requireNonNull(demo.nodes().get("opposite")).features())
                .hasSize(12);
    }

    @Test
    void showsThePublishedFigures() {
        Map<String, Supernode> same = Demonstration.dallas().nodes();
        assertThat(((View.Table) Demonstration.dallas().view()).rows().get(1))
                .containsExactly(
                        "Say a capital ×−2",
                        "capital 100, state 100, Texas 100, Say Austin 0",
                        "Texas 45, the 8, called 5, not 5, known 3");
        assertThat(Objects.requireNonNull(same.get("state")).children())
                .extracting(Supernode::name)
                .containsExactly("Say a capital", "Texas");
    }

    @Test
    void theTutorialModelTakesItWithItsOwnMembers() {
        try (ReplacementModel tutorial = ReplacementModel.load("tutorial")) {
            Map<String, Supernode> own = TutorialMembers.of(tutorial).dallas();
            assertThat(own.keySet()).containsAll(Demonstration.dallas().nodes().keySet());
            View.Table table =
                    (View.Table) Demonstration.dallas().compare(tutorial, own).view();
            assertThat(table.rows().get(0).get(4)).startsWith("Austin 100");
            assertThat(table.rows().get(0).get(5)).isEqualTo("no"); // published: 42
            assertThat(table.rows().get(1).get(2)).isEqualTo("no features"); // no hub here
            assertThat(table.rows().get(5).get(4)).startsWith("Sacramento");
            assertThat(table.rows().get(6).get(4)).startsWith("Beijing");
            assertThat(table.rows().get(7).get(4)).startsWith("Victoria");
            assertThatThrownBy(() -> Demonstration.dallas().compare(tutorial).view())
                    .hasMessageContaining("which the transcoders do not have");
            own.remove("China");
            assertThatThrownBy(
                            () -> Demonstration.dallas().compare(tutorial, own).view())
                    .hasMessageContaining("sets 'China', which is not among");
        }
    }
}
