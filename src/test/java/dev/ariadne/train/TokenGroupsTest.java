package dev.ariadne.train;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import dev.ariadne.model.Hook;
import dev.ariadne.model.HookedTransformer;
import dev.ariadne.model.Initialization;
import dev.ariadne.model.ModelConfig;
import dev.ariadne.model.ModelConfig.Activation;
import dev.ariadne.model.TrainableModel;
import dev.ariadne.tensor.Tensors;
import java.util.stream.IntStream;
import java.util.stream.LongStream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

class TokenGroupsTest {
    private static final int TOKENS = 24;
    private static final int WIDTH = 32;
    private static final ModelConfig CONFIG = ModelConfig.builder()
            .nLayers(1)
            .dModel(WIDTH)
            .heads(2, 16)
            .dMlp(48)
            .dVocab(TOKENS)
            .nCtx(4)
            .activation(Activation.RELU)
            .positions(ModelConfig.Positions.NONE)
            .build();
    private static final long[] ALL = LongStream.range(0, TOKENS).toArray();

    private final TrainableModel model = TrainableModel.random(CONFIG, Initialization.fanIn(1, 1), 3, "cpu");

    @BeforeEach
    void silenceAttention() {
        Tensors.recording(false, () -> model.parameter("blocks.0.attn.W_O").muli(0));
    }

    @AfterEach
    void close() {
        model.close();
    }

    /** What the MLP writes at each token, and its neurons there: [0] is [token][dModel], [1] is [token][neuron]. */
    private float[][][] look() {
        float[][][] seen = new float[2][TOKENS][];
        try (HookedTransformer now = model.snapshot()) {
            for (int token = 0; token < TOKENS; token++) {
                int at = token;
                now.next(
                                new long[][] {{token}},
                                Hook.observe("blocks.0.hook_mlp_out", x -> seen[0][at] = x.toFloatArray()),
                                Hook.observe("blocks.0.mlp.hook_post", x -> seen[1][at] = x.toFloatArray()))
                        .close();
            }
        }
        return seen;
    }

    @Test
    void eachGroupGetsANeuronThatWritesItsMean() {
        float[][] before = look()[0];
        int[][] groups = TokenGroups.rewrite(model, ALL, 7, 6);
        float[][][] after = look();
        float[][] means = means(before, groups[0]);
        float[][] left = new float[TOKENS][WIDTH];
        for (int token = 0; token < TOKENS; token++) {
            for (int i = 0; i < WIDTH; i++) {
                left[token][i] = before[token][i] - means[token][i];
            }
        }
        float[][] leftMeans = means(left, groups[1]);
        for (int token = 0; token < TOKENS; token++) {
            int strongest = 0;
            for (int neuron = 0; neuron < after[1][token].length; neuron++) {
                strongest = after[1][token][neuron] > after[1][token][strongest] ? neuron : strongest;
            }
            assertThat(strongest).isEqualTo(groups[0][token]);
            for (int i = 0; i < WIDTH; i++) {
                assertThat(after[0][token][i]).isCloseTo(means[token][i] + leftMeans[token][i], within(0.1f));
            }
        }
    }

    /** The mean of each vector's group, by slow sums. */
    private static float[][] means(float[][] vectors, int... groups) {
        float[][] means = new float[vectors.length][WIDTH];
        for (int token = 0; token < vectors.length; token++) {
            int group = groups[token];
            for (int i = 0; i < WIDTH; i++) {
                int component = i;
                means[token][i] = (float) IntStream.range(0, vectors.length)
                        .filter(other -> groups[other] == group)
                        .mapToDouble(other -> vectors[other][component])
                        .average()
                        .orElseThrow();
            }
        }
        return means;
    }

    @Test
    void asManyGroupsAsTokensChangeNothing() {
        float[][] before = look()[0];
        TokenGroups.rewrite(model, ALL, TOKENS, 1);
        float[][] after = look()[0];
        for (int token = 0; token < TOKENS; token++) {
            for (int i = 0; i < WIDTH; i++) {
                assertThat(after[token][i]).isCloseTo(before[token][i], within(0.05f));
            }
        }
    }

    @Test
    void refusesMoreGroupsThanNeurons() {
        assertThatThrownBy(() -> TokenGroups.rewrite(model, ALL, 40, 9)).hasMessageContaining("48 neurons");
    }
}
