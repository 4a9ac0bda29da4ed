package dev.ariadne.attribution;

import ai.djl.Device;
import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.Shape;
import dev.ariadne.model.HookedTransformer;
import dev.ariadne.tensor.Tensors;
import dev.ariadne.transcoder.Activation;
import dev.ariadne.transcoder.CrossLayerTranscoder;
import dev.ariadne.transcoder.Transcoder;
import dev.ariadne.transcoder.TranscoderSet;
import dev.ariadne.transcoder.Transcoders;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;

/** Transcoders of random weights for any model. */
final class RandomTranscoders {
    private final HookedTransformer model;
    private final Random random;
    private final double size;
    private final int features;
    private boolean biased = true;

    RandomTranscoders(HookedTransformer model, int features, long seed) {
        this.model = model;
        this.features = features;
        this.random = new Random(seed);
        this.size = 1 / Math.sqrt(model.config().dModel());
    }

    RandomTranscoders unbiased() {
        biased = false;
        return this;
    }

    Transcoders perLayer(String input, String output, Activation activation, boolean skip) {
        int width = model.config().dModel();
        List<Transcoder> all = new ArrayList<>();
        try (NDManager manager = Tensors.engine().newBaseManager(Device.cpu())) {
            for (int layer = 0; layer < model.config().nLayers(); layer++) {
                Map<String, NDArray> arrays = new LinkedHashMap<>();
                arrays.put("W_enc", random(manager, features, width));
                arrays.put("b_enc", bias(manager, features));
                arrays.put("W_dec", random(manager, features, width));
                arrays.put("b_dec", bias(manager, width));
                if (activation.kind() == Activation.Kind.JUMP_RELU) {
                    arrays.put("activation_function.threshold", manager.create(0.2f));
                }
                if (skip) {
                    arrays.put("W_skip", random(manager, width, width));
                }
                all.add(Transcoder.of(activation, arrays));
            }
        }
        return TranscoderSet.of(model.name(), input, output, all);
    }

    Transcoders crossLayer(String input, String output, boolean skip) {
        int layers = model.config().nLayers();
        int width = model.config().dModel();
        List<Map<String, NDArray>> all = new ArrayList<>();
        try (NDManager manager = Tensors.engine().newBaseManager(Device.cpu())) {
            for (int layer = 0; layer < layers; layer++) {
                Map<String, NDArray> arrays = new LinkedHashMap<>();
                arrays.put("W_enc", random(manager, features, width));
                arrays.put("b_enc", bias(manager, features));
                arrays.put("W_dec", random(manager, features, layers - layer, width));
                arrays.put("b_dec", bias(manager, width));
                if (skip) {
                    arrays.put("W_skip", random(manager, width, width));
                }
                all.add(arrays);
            }
            return CrossLayerTranscoder.of(model.name(), input, output, all);
        }
    }

    private NDArray bias(NDManager manager, long width) {
        return biased ? random(manager, width) : manager.zeros(new Shape(width));
    }

    private NDArray random(NDManager manager, long... sizes) {
        Shape shape = new Shape(sizes);
        float[] values = new float[(int) shape.size()];
        for (int i = 0; i < values.length; i++) {
            values[i] = (float) (size * random.nextGaussian());
        }
        return manager.create(values, shape);
    }
}
