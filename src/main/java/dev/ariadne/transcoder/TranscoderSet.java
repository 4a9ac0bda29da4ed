package dev.ariadne.transcoder;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import dev.ariadne.model.Hook;
import dev.ariadne.model.HookedTransformer;
import dev.ariadne.model.weights.Checkpoint;
import dev.ariadne.view.View;
import dev.ariadne.view.WholeFile;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.concurrent.ConcurrentHashMap;
import java.util.stream.IntStream;

/**
 * A transcoder for each layer of a model, in circuit-tracer's layout: {@code config.yaml} and {@code layer_0.safetensors} … in a folder.
 *
 * <pre>{@code
 * try (var transcoders = TranscoderSet.load(Path.of("my-transcoders"))) {
 *     model.next(prompt, transcoders.hooks());        // all MLPs replaced, for this run
 *     model.next(prompt, transcoders.hooks(0));       // the first one only
 * }
 * }</pre>
 */
public final class TranscoderSet implements Transcoders {
    /** Where the library keeps its models. */
    static final String EMBEDDED = "/dev/ariadne/models/";

    static final String CONFIG = "config.yaml";

    private final TranscoderConfig config;
    private final List<TranscoderFile> layers;

    private TranscoderSet(TranscoderConfig config, List<TranscoderFile> layers) {
        this.config = config;
        this.layers = List.copyOf(layers);
    }

    /**
     * Puts transcoders together; they are closed with the set.
     *
     * @param modelName of the model whose MLPs they stand for
     * @param inputHook what each reads, without the block: "mlp.hook_in", "hook_resid_mid"
     * @param outputHook what each stands for: "mlp.hook_out", "hook_mlp_out"
     * @param transcoders one for each layer, of one width
     */
    public static TranscoderSet of(
            String modelName, String inputHook, String outputHook, List<Transcoder> transcoders) {
        if (transcoders.isEmpty()) {
            throw new IllegalArgumentException("a set has at least one transcoder, got none");
        }
        Activation first = transcoders.get(0).activation();
        boolean topK = first.kind() == Activation.Kind.TOP_K;
        for (Transcoder transcoder : transcoders) {
            if (transcoder.dModel() != transcoders.get(0).dModel()
                    || (topK
                            ? !transcoder.activation().equals(first)
                            : transcoder.activation().k() > 0)) {
                throw new IllegalArgumentException(
                        "the transcoders of a set have one width, and top-k ones one k; got " + transcoders);
            }
        }
        List<String> names = IntStream.range(0, transcoders.size())
                .mapToObj(TranscoderSet::fileName)
                .toList();
        return new TranscoderSet(
                new TranscoderConfig(modelName, inputHook, outputHook, names, first.k()),
                transcoders.stream().map(TranscoderFile::of).toList());
    }

    /**
     * All MLPs' own neurons as features: they explain each MLP without an error, where it is a layer of ReLU.
     *
     * @param model whose MLPs they are; not closed with the set
     * @throws IllegalArgumentException when its MLPs are gated or have another activation function
     */
    public static TranscoderSet ofNeurons(HookedTransformer model) {
        List<Transcoder> layers = IntStream.range(0, model.config().nLayers())
                .mapToObj(layer -> Transcoder.ofNeurons(model, layer, Activation.RELU))
                .toList();
        return of(model.name(), "mlp.hook_in", "mlp.hook_out", layers);
    }

    private static String fileName(int layer) {
        return "layer_" + layer + ".safetensors";
    }

    /**
     * Opens a folder: reads its configuration and the headers of its files, and checks their sizes. Files are circuit-tracer's, GemmaScope's
     * ({@code .npz}) or GemmaScope 2's. Weights are mapped where they can be, else read a piece at a time when they are used: see {@link
     * #readWhole}.
     *
     * @throws IOException naming the file and what is wrong with it
     */
    public static TranscoderSet load(Path folder) throws IOException {
        TranscoderConfig config = TranscoderConfig.read(folder.resolve(CONFIG));
        List<Path> files = new ArrayList<>();
        for (int layer = 0; layer < config.layers(folder); layer++) {
            files.add(config.resolve(folder, layer));
        }
        return open(config, files);
    }

    /** Opens one file for each layer. */
    static TranscoderSet open(TranscoderConfig config, List<Path> files) throws IOException {
        List<TranscoderFile> layers = new ArrayList<>();
        boolean opened = false;
        try {
            for (Path file : files) {
                TranscoderFile layer = TranscoderFile.open(file, config.k());
                layers.add(layer);
                if (layer.dModel() != layers.get(0).dModel()) {
                    throw new IOException(file + ": its transcoder has width " + layer.dModel()
                            + ", that of layer 0 has " + layers.get(0).dModel()
                            + "; the files of a set are of one model");
                }
            }
            TranscoderSet set = new TranscoderSet(config, layers);
            opened = true;
            return set;
        } finally {
            if (!opened) {
                layers.forEach(TranscoderFile::close);
            }
        }
    }

    /**
     * The transcoders that ship with the library for a model.
     *
     * @param model "tutorial"
     * @throws IllegalArgumentException when there are none for it
     */
    public static TranscoderSet embedded(String model) {
        List<Transcoder> all = new ArrayList<>();
        boolean whole = false;
        try {
            Path folder = Files.createTempDirectory("ariadne-transcoders");
            List<Path> files = new ArrayList<>(List.of(folder));
            try {
                files.add(copy(model, CONFIG, folder));
                int count = TranscoderConfig.read(files.get(1)).files().size();
                for (int layer = 0; layer < count; layer++) {
                    files.add(copy(model, fileName(layer), folder));
                }
                try (TranscoderSet set = load(folder)) {
                    for (int layer = 0; layer < count; layer++) {
                        Transcoder file = set.transcoder(layer);
                        all.add(Transcoder.of(file.activation(), file.stored())); // copied: the files go
                    }
                    whole = true;
                    return of(set.modelName(), set.inputHook(), set.outputHook(), all);
                }
            } finally {
                Collections.reverse(files);
                for (Path file : files) {
                    if (!file.toFile().delete()) {
                        file.toFile().deleteOnExit(); // a system that keeps mapped files
                    }
                }
            }
        } catch (IOException e) {
            throw new UncheckedIOException(e.getMessage(), e);
        } finally {
            if (!whole) {
                all.forEach(Transcoder::close);
            }
        }
    }

    private static Path copy(String model, String file, Path folder) throws IOException {
        String place = EMBEDDED + model + "/transcoders/" + file;
        try (InputStream in = TranscoderSet.class.getResourceAsStream(place)) {
            if (in == null) {
                throw new IllegalArgumentException("the library has no transcoders for '" + model
                        + "', only for 'tutorial'; give the folder of those that you have");
            }
            Files.copy(in, folder.resolve(file));
            return folder.resolve(file);
        }
    }

    /**
     * Writes the set, each file when it is whole, the configuration last.
     *
     * @param folder made if need be
     * @param notes metadata of each file
     */
    public void save(Path folder, Map<String, String> notes) throws IOException {
        Files.createDirectories(folder);
        for (int layer = 0; layer < size(); layer++) {
            Checkpoint.write(folder.resolve(fileName(layer)), transcoder(layer).stored(), notes);
        }
        List<String> names =
                IntStream.range(0, size()).mapToObj(TranscoderSet::fileName).toList();
        String yaml = new TranscoderConfig(modelName(), inputHook(), outputHook(), names, config.k()).toYaml();
        WholeFile.write(folder.resolve(CONFIG), temporary -> Files.writeString(temporary, yaml));
    }

    @Override
    public int size() {
        return layers.size();
    }

    @Override
    public int dModel() {
        return layers.get(0).dModel();
    }

    @Override
    public int features(int layer) {
        return file(layer).features();
    }

    @Override
    public Activation activation(int layer) {
        return file(layer).activation();
    }

    @Override
    public String modelName() {
        return config.modelName();
    }

    @Override
    public String inputHook() {
        return config.inputHook();
    }

    @Override
    public String outputHook() {
        return config.outputHook();
    }

    @Override
    public int lastWritten(int layer) {
        return layer;
    }

    /**
     * A layer's transcoder, wholly in memory or mapped from now on; closed with the set.
     *
     * @throws java.io.UncheckedIOException when its file cannot be read
     */
    public Transcoder transcoder(int layer) {
        return file(layer).transcoder();
    }

    /**
     * Reads all that is not mapped into memory: many runs are then faster, where it fits. Without it, only the rows of features that are
     * active are read of decoders, and encoders a piece at a time.
     *
     * @return this
     */
    public TranscoderSet readWhole() {
        IntStream.range(0, size()).forEach(this::transcoder);
        return this;
    }

    private TranscoderFile file(int layer) {
        if (layer < 0 || layer >= size()) {
            throw new IllegalArgumentException(
                    "layer must be from 0 to " + (size() - 1) + ", got " + layer + "; the set has " + size());
        }
        return layers.get(layer);
    }

    @Override
    public NDArray preactivations(int layer, NDArray x) {
        return file(layer).parts().encoder().preactivations(x);
    }

    @Override
    public NDArray activate(int layer, NDArray preactivations) {
        return file(layer).parts().encoder().activate(preactivations);
    }

    @Override
    public NDArray encode(int layer, NDArray x, long[] chosen) {
        return file(layer).parts().encoder().encode(x, chosen);
    }

    @Override
    public NDArray encoderRows(int layer, long[] features, NDManager owner) {
        return file(layer).parts().encoder().w().rows(features, owner);
    }

    @Override
    public NDArray encoderBias(int layer) {
        return file(layer).parts().encoder().b();
    }

    @Override
    public NDArray decoderRows(int layer, long[] features, int target, NDManager owner) {
        if (target != layer) {
            throw new IllegalArgumentException(
                    "a layer's features write to its own MLP output, " + layer + ", got " + target);
        }
        return file(layer).parts().decoder().rows(features, owner);
    }

    @Override
    public NDArray decoderBias(int layer) {
        return file(layer).parts().decoderBias();
    }

    @Override
    public Optional<NDArray> skip(int layer) {
        return Optional.ofNullable(file(layer).parts().skip());
    }

    @Override
    public Hook[] hooks(int... chosen) {
        int[] all = chosen.length > 0 ? chosen : IntStream.range(0, size()).toArray();
        List<Hook> hooks = new ArrayList<>();
        for (int layer : all) {
            Transcoder transcoder = transcoder(layer);
            Map<Thread, NDArray> read = new ConcurrentHashMap<>(); // a run is one thread's: several may use the hooks
            hooks.add(Hook.observe(input(layer).toString(), x -> read.put(Thread.currentThread(), x)));
            hooks.add(Hook.at(output(layer).toString(), out -> {
                NDArray x =
                        Objects.requireNonNull(read.remove(Thread.currentThread()), "a block reads before it writes");
                return transcoder
                        .reconstruct(x.toType(transcoder.encoder().getDataType(), false))
                        .toType(out.getDataType(), false);
            }));
        }
        return hooks.toArray(Hook[]::new);
    }

    @Override
    public TranscoderSet requireFits(HookedTransformer model) {
        Transcoders.super.requireFits(model);
        return this;
    }

    @Override
    public View view() {
        Map<String, String> facts = new LinkedHashMap<>();
        facts.put("model", modelName());
        facts.put("reads", inputHook());
        facts.put("stands for", outputHook());
        long features = 0;
        for (TranscoderFile layer : layers) {
            features += layer.features();
        }
        facts.put("features", String.format(Locale.ROOT, "%,d in %d layers", features, size()));
        facts.put("activation", layers.get(0).activation().toString());
        return new View.Facts("transcoders", facts);
    }

    @Override
    public String toString() {
        return "transcoders of " + size() + " layers for " + modelName();
    }

    @Override
    public void close() {
        layers.forEach(TranscoderFile::close);
    }
}
