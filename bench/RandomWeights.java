import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.SplittableRandom;
import java.util.stream.Collectors;

/** GPT-2 models with random weights, as folders in Hugging Face's layout; both sides of a comparison read them. */
final class RandomWeights {

    private static final int CHUNK = 1 << 20; // bytes written at a time

    private RandomWeights() {}

    /** Sizes of a GPT-2; the hidden layer of its MLP is four times as wide as the model. */
    private record Size(String name, int nLayers, int dModel, int nHeads, int dVocab, int nContext) {}

    static void writeAll(Path folder) throws IOException {
        write(folder, new Size("tiny", 2, 64, 4, 96, 64));
        write(folder, new Size("gpt2", 12, 768, 12, 50257, 1024));
    }

    /** The model that others are compared with: 4 layers, width 128, 4 heads. */
    static final String BASE = "4L-128-4H";

    /** Models of which one thing is twice as large. */
    static List<String> growth(Path folder) throws IOException {
        var sizes = List.of(
                new Size(BASE, 4, 128, 4, 1000, 64),
                new Size("8L-128-4H", 8, 128, 4, 1000, 64),
                new Size("4L-128-8H", 4, 128, 8, 1000, 64),
                new Size("4L-256-4H", 4, 256, 4, 1000, 64));
        for (Size size : sizes) {
            write(folder, size);
        }
        return sizes.stream().map(Size::name).toList();
    }

    /** A small model that takes 2,048 tokens. */
    static Path longContext(Path folder) throws IOException {
        var size = new Size("4L-64-2H-long", 4, 64, 2, 1000, 2048);
        write(folder, size);
        return folder.resolve(size.name());
    }

    private static void write(Path folder, Size size) throws IOException {
        Path target = folder.resolve(size.name());
        if (Files.exists(target.resolve("model.safetensors"))) {
            return;
        }
        Files.createDirectories(target);
        Files.writeString(target.resolve("config.json"), config(size));
        Path half = target.resolve("model.safetensors.part");
        writeTensors(half, tensors(size));
        Files.move(half, target.resolve("model.safetensors"), StandardCopyOption.ATOMIC_MOVE);
    }

    private static String config(Size size) {
        return String.format(
                Locale.ROOT,
                "{\"architectures\": [\"GPT2LMHeadModel\"], \"model_type\": \"gpt2\", \"torch_dtype\": \"float32\","
                        + " \"vocab_size\": %d, \"n_positions\": %d, \"n_embd\": %d, \"n_layer\": %d, \"n_head\": %d,"
                        + " \"n_inner\": null, \"activation_function\": \"gelu_new\", \"layer_norm_epsilon\": 1e-05,"
                        + " \"bos_token_id\": 0, \"eos_token_id\": 0}%n",
                size.dVocab(),
                size.nContext(),
                size.dModel(),
                size.nLayers(),
                size.nHeads());
    }

    /** Name to shape, in the order of the file. */
    private static Map<String, int[]> tensors(Size size) {
        int d = size.dModel();
        var shapes = new LinkedHashMap<String, int[]>();
        shapes.put("transformer.wte.weight", new int[] {size.dVocab(), d});
        shapes.put("transformer.wpe.weight", new int[] {size.nContext(), d});
        for (int layer = 0; layer < size.nLayers(); layer++) {
            String block = "transformer.h." + layer + ".";
            norm(shapes, block + "ln_1", d);
            linear(shapes, block + "attn.c_attn", d, 3 * d);
            linear(shapes, block + "attn.c_proj", d, d);
            norm(shapes, block + "ln_2", d);
            linear(shapes, block + "mlp.c_fc", d, 4 * d);
            linear(shapes, block + "mlp.c_proj", 4 * d, d);
        }
        norm(shapes, "transformer.ln_f", d);
        return shapes;
    }

    private static void norm(Map<String, int[]> shapes, String name, int d) {
        shapes.put(name + ".weight", new int[] {d});
        shapes.put(name + ".bias", new int[] {d});
    }

    private static void linear(Map<String, int[]> shapes, String name, int in, int out) {
        shapes.put(name + ".weight", new int[] {in, out}); // GPT-2 stores [in, out]
        shapes.put(name + ".bias", new int[] {out});
    }

    private static void writeTensors(Path file, Map<String, int[]> shapes) throws IOException {
        var entries = new LinkedHashMap<String, String>();
        long offset = 0;
        for (var tensor : shapes.entrySet()) {
            long end = offset + 4L * elements(tensor.getValue());
            entries.put(
                    tensor.getKey(),
                    String.format(
                            Locale.ROOT,
                            "\"%s\": {\"dtype\": \"F32\", \"shape\": %s, \"data_offsets\": [%d, %d]}",
                            tensor.getKey(),
                            Arrays.toString(tensor.getValue()),
                            offset,
                            end));
            offset = end;
        }
        String header = entries.values().stream().collect(Collectors.joining(", ", "{", "}"));
        header += " ".repeat((8 - header.length() % 8) % 8); // the data starts aligned
        try (var channel = FileChannel.open(
                file, StandardOpenOption.CREATE, StandardOpenOption.WRITE, StandardOpenOption.TRUNCATE_EXISTING)) {
            var head = ByteBuffer.allocate(8 + header.length()).order(ByteOrder.LITTLE_ENDIAN);
            head.putLong(header.length()).put(header.getBytes(StandardCharsets.US_ASCII)).flip();
            writeFully(channel, head);
            var random = new SplittableRandom(1);
            for (var tensor : shapes.entrySet()) {
                boolean gain = tensor.getKey().matches(".*ln_.\\.weight"); // a norm's gain is about 1
                writeNormal(channel, elements(tensor.getValue()), gain ? 1 : 0, random);
            }
        }
    }

    private static int elements(int[] shape) {
        return Arrays.stream(shape).reduce(1, Math::multiplyExact);
    }

    /** Standard deviation 0.02, as GPT-2 was initialized. */
    private static void writeNormal(FileChannel channel, int count, float mean, SplittableRandom random)
            throws IOException {
        var chunk = ByteBuffer.allocateDirect(CHUNK).order(ByteOrder.LITTLE_ENDIAN);
        for (int i = 0; i < count; i++) {
            chunk.putFloat(mean + (float) (0.02 * random.nextGaussian()));
            if (!chunk.hasRemaining() || i == count - 1) {
                writeFully(channel, chunk.flip());
                chunk.clear();
            }
        }
    }

    private static void writeFully(FileChannel channel, ByteBuffer bytes) throws IOException {
        while (bytes.hasRemaining()) {
            channel.write(bytes);
        }
    }
}
