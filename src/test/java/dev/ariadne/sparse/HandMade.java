package dev.ariadne.sparse;

import ai.djl.ndarray.NDArray;
import dev.ariadne.model.Initialization;
import dev.ariadne.model.ModelConfig;
import dev.ariadne.model.ModelConfig.Extras;
import dev.ariadne.model.ModelConfig.Norm;
import dev.ariadne.model.ModelConfig.Positions;
import dev.ariadne.model.TrainableModel;
import dev.ariadne.tensor.Tensors;
import java.util.List;
import java.util.Random;

/** Models whose circuits are known. */
final class HandMade {
    static final List<long[]> TEXTS = MiniPython.corpus(40, 0);

    private HandMade() {}

    static ModelConfig config(Extras extras) {
        return ModelConfig.builder()
                .nLayers(2)
                .dModel(8)
                .heads(2, 4)
                .dMlp(12)
                .dVocab(54)
                .nCtx(32)
                .norm(Norm.RMS_PRE)
                .positions(Positions.NONE)
                .extras(extras)
                .build();
    }

    /** Random weights, about half of them zero, biases, bigrams and sinks included. */
    static SparseTransformer random(Extras extras, long seed) {
        try (TrainableModel model = TrainableModel.random(config(extras), Initialization.fanIn(2, 1), seed, "cpu")) {
            Random random = new Random(seed);
            model.parameters().forEach((name, array) -> {
                float[] values = array.toFloatArray();
                for (int i = 0; i < values.length; i++) {
                    values[i] = random.nextBoolean() ? 0 : values[i] == 0 ? (float) random.nextGaussian() : values[i];
                }
                set(array, values);
            });
            return SparseTransformer.of(model.snapshot(), TEXTS);
        }
    }

    /**
     * Tells quotes apart by three channels and two weights: {@code 0.attn.act_in.0 -> 0.attn.v.1 -> 0.attn.resid_delta.2}; many other weights
     * move what does not matter.
     */
    static SparseTransformer quotes() {
        return quotes(false);
    }

    /** The same, and if asked a second way beside it: {@code 0.attn.act_in.1 -> 0.attn.v.5 -> 0.attn.resid_delta.3}. */
    static SparseTransformer quotes(boolean twice) {
        Extras extras = new Extras(0, true, false, List.of());
        try (TrainableModel model = TrainableModel.random(config(extras), Initialization.fanIn(0.3, 0), 1, "cpu")) {
            float[] embed = new float[54 * 8];
            Random random = new Random(2);
            for (int token = 0; token < 54; token++) {
                embed[8 * token + 5] = 1 + random.nextFloat();
                embed[8 * token + 6] = random.nextFloat();
            }
            embed[(int) (8 * MiniPython.id("('"))] = 4;
            embed[(int) (8 * MiniPython.id("(\""))] = -4;
            if (twice) {
                embed[(int) (8 * MiniPython.id("('") + 1)] = 4;
                embed[(int) (8 * MiniPython.id("(\"") + 1)] = -4;
            }
            set(model.parameter("embed.W_E"), embed);
            float[] unembed = new float[54 * 8];
            unembed[(int) (8 * MiniPython.id("')") + 2)] = 9;
            unembed[(int) (8 * MiniPython.id("\")") + 2)] = -9;
            for (int channel = 2; twice && channel < 4; channel++) { // each enough by itself
                unembed[(int) (8 * MiniPython.id("')") + channel)] = 40;
                unembed[(int) (8 * MiniPython.id("\")") + channel)] = -40;
            }
            set(model.parameter("unembed.W_U"), unembed);
            for (int layer = 0; layer < 2; layer++) {
                String block = "blocks." + layer + ".";
                float[] qkv = zeroed(model, block + "attn.W_QKV", 8, twice);
                float[] out = zeroed(model, block + "attn.W_O", 8, twice);
                if (layer == 0) {
                    qkv[8 * (8 + 8 + 1)] = 3;
                    out[8 * 2 + 1] = 3;
                    if (twice) {
                        qkv[8 * (8 + 8 + 5) + 1] = 3;
                        out[8 * 3 + 5] = 3;
                    }
                }
                set(model.parameter(block + "attn.W_QKV"), qkv);
                set(model.parameter(block + "attn.W_O"), out);
                set(model.parameter(block + "mlp.W_in"), zeroed(model, block + "mlp.W_in", 8, twice));
                set(model.parameter(block + "mlp.W_out"), zeroed(model, block + "mlp.W_out", 12, twice));
            }
            return SparseTransformer.of(model.snapshot(), TEXTS);
        }
    }

    /** A matrix that neither reads nor writes the channels of the circuit. */
    private static float[] zeroed(TrainableModel model, String name, int columns, boolean twice) {
        float[] values = model.parameter(name).toFloatArray();
        boolean writes = name.endsWith("W_O") || name.endsWith("W_out");
        for (int i = 0; i < values.length; i++) {
            int channel = writes ? i / columns : i % columns;
            values[i] = channel == 0 || channel == 2 || (twice && channel < 4) ? 0 : values[i];
        }
        return values;
    }

    private static void set(NDArray array, float[] values) {
        Tensors.recording(false, () -> {
            array.set(values);
            return array;
        });
    }
}
