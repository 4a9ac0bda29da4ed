package dev.ariadne.transcoder;

import java.io.IOException;
import java.nio.charset.CharacterCodingException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.IntStream;

/**
 * The {@code config.yaml} of a set of transcoders: flat keys with a text, a number or a list of texts, which is all of YAML that is read.
 *
 * @param modelName the model
 * @param inputHook what is read, without the block
 * @param outputHook what is stood for, without the block
 * @param files one for each layer
 * @param k of top-k transcoders, else 0
 */
record TranscoderConfig(String modelName, String inputHook, String outputHook, List<String> files, int k) {
    private static final List<String> ENDINGS = List.of(".safetensors", ".npz");
    private static final long MOST_BYTES = 1 << 20;
    private static final Pattern ENTRY = Pattern.compile("([A-Za-z_][A-Za-z0-9_]*):(?:\\s+(.*))?");
    private static final Pattern ITEM = Pattern.compile("\\s*-\\s+(.*)");
    private static final Pattern LAST_PART = Pattern.compile("[^/\\\\?#]+(?=(\\?[^/]*)?$)");

    TranscoderConfig {
        files = List.copyOf(files);
    }

    private static final String SET = "transcoder_set";
    private static final String CROSS_LAYER = "cross_layer_transcoder";

    /** Reads the configuration of transcoders per layer. */
    static TranscoderConfig read(Path file) throws IOException {
        Map<String, List<String>> entries = entries(file);
        String kind = one(file, entries, "model_kind", SET);
        if (!kind.equals(SET)) {
            throw new IOException(file + ": model_kind is '" + kind + "'; what is read is '" + SET + "'");
        }
        return of(file, entries);
    }

    /** Reads the configuration of a cross-layer transcoder, which need not name its files. */
    static TranscoderConfig readCrossLayer(Path file) throws IOException {
        TranscoderConfig config = of(file, entries(file));
        if (config.k() > 0) {
            throw new IOException(
                    file + ": a cross-layer transcoder is ReLU or JumpReLU, got topk with k " + config.k());
        }
        return config;
    }

    /** Whether it is that of a cross-layer transcoder. */
    static boolean isCrossLayer(Path file) throws IOException {
        return one(file, entries(file), "model_kind", SET).equals(CROSS_LAYER);
    }

    private static Map<String, List<String>> entries(Path file) throws IOException {
        if (!Files.isRegularFile(file)) {
            throw new IOException(
                    file + ": there is no such file; a set of transcoders is a folder with a config.yaml");
        }
        if (Files.size(file) > MOST_BYTES) {
            throw new IOException(
                    file + ": it has " + Files.size(file) + " bytes; a configuration has at most " + MOST_BYTES);
        }
        List<String> lines;
        try {
            lines = Files.readAllLines(file);
        } catch (CharacterCodingException e) {
            throw new IOException(file + ": it is not UTF-8 text", e);
        }
        return parse(file, lines);
    }

    private static TranscoderConfig of(Path file, Map<String, List<String>> entries) throws IOException {
        List<String> files = entries.getOrDefault("transcoders", List.of());
        String activation = one(file, entries, "activation", "");
        String k = one(file, entries, "k", "0");
        if (!k.matches("\\d{1,9}") || (activation.equals("topk") != !k.equals("0"))) {
            throw new IOException(file + ": activation is '" + activation + "' and k is '" + k
                    + "'; 'topk' wants a k of at least 1, and nothing else has one");
        }
        return new TranscoderConfig(
                one(file, entries, "model_name", "unknown"),
                one(file, entries, "feature_input_hook", "mlp.hook_in"),
                one(file, entries, "feature_output_hook", "mlp.hook_out"),
                files,
                Integer.parseInt(k));
    }

    private static Map<String, List<String>> parse(Path file, List<String> lines) throws IOException {
        Map<String, List<String>> entries = new LinkedHashMap<>();
        List<String> open = new ArrayList<>();
        for (int i = 0; i < lines.size(); i++) {
            String line = lines.get(i).replaceFirst("(^|\\s+)#.*", "").stripTrailing();
            Matcher entry = ENTRY.matcher(line);
            Matcher item = ITEM.matcher(line);
            if (item.matches() && !entries.isEmpty()) {
                open.add(plain(item.group(1)));
            } else if (entry.matches()) {
                open = new ArrayList<>();
                if (entries.put(entry.group(1), open) != null) {
                    throw new IOException(file + ": line " + (i + 1) + " gives '" + entry.group(1) + "' a second time");
                }
                String value = entry.group(2) == null ? "" : entry.group(2).strip();
                if (value.startsWith("[") && value.endsWith("]")) {
                    for (String each : value.substring(1, value.length() - 1).split(",", -1)) {
                        open.add(plain(each.strip()));
                    }
                } else if (!value.isEmpty()) {
                    open.add(plain(value));
                }
            } else if (!line.isBlank() && !line.equals("---")) {
                throw new IOException(file + ": line " + (i + 1) + " is '" + line
                        + "'; what is read is 'key: value', and '- value' below a key");
            }
        }
        return entries;
    }

    private static String plain(String value) {
        boolean quoted = value.length() > 1
                && (value.charAt(0) == '"' || value.charAt(0) == '\'')
                && value.charAt(value.length() - 1) == value.charAt(0);
        return quoted ? value.substring(1, value.length() - 1) : value;
    }

    private static String one(Path file, Map<String, List<String>> entries, String key, String otherwise)
            throws IOException {
        List<String> values = entries.getOrDefault(key, List.of());
        if (values.size() > 1) {
            throw new IOException(file + ": '" + key + "' has " + values.size() + " values, it takes one: " + values);
        }
        return values.isEmpty() || values.get(0).equals("null") ? otherwise : values.get(0);
    }

    /**
     * The file of a layer: the one that is named, in this folder, or the one of the usual name where a file elsewhere is named.
     *
     * @throws IOException when there is neither
     */
    Path resolve(Path folder, int layer) throws IOException {
        String usual = "layer_" + layer + ".safetensors";
        List<String> names = files.isEmpty() ? List.of(usual) : names(layer, usual);
        for (String name : names) { // plain names only: nothing outside the folder is opened
            if (ENDINGS.stream().anyMatch(name::endsWith) && Files.isRegularFile(folder.resolve(name))) {
                return folder.resolve(name);
            }
        }
        throw new IOException(folder + ": the configuration names '" + (files.isEmpty() ? usual : files.get(layer))
                + "' for layer " + layer + ", and there is no file " + String.join(" or ", names)
                + " here; download it into this folder");
    }

    private List<String> names(int layer, String usual) {
        List<String> names = new ArrayList<>();
        HubPlace.of(files.get(layer)).ifPresent(place -> names.add(place.path()));
        Optional<String> last = last(files.get(layer));
        if (last.isPresent()
                && files.stream().filter(other -> last.equals(last(other))).count() == 1) {
            names.add(last.get());
        }
        names.add(usual);
        return names.stream().distinct().toList();
    }

    private static Optional<String> last(String file) {
        Matcher last = LAST_PART.matcher(file);
        return last.find() ? Optional.of(last.group()) : Optional.empty();
    }

    /** How many layers there are: as many as are named, or as many as lie in the folder under the usual names. */
    int layers(Path folder) throws IOException {
        int count = files.size();
        while (files.isEmpty() && Files.isRegularFile(folder.resolve("layer_" + count + ".safetensors"))) {
            count++;
        }
        if (count == 0) {
            throw new IOException(folder.resolve(TranscoderSet.CONFIG)
                    + ": it names no transcoders, and there is no layer_0.safetensors; list one file for each layer under"
                    + " 'transcoders:'");
        }
        return count;
    }

    String toYaml() {
        StringBuilder yaml = new StringBuilder("model_kind: transcoder_set\n");
        yaml.append("model_name: ").append(quote(modelName)).append('\n');
        yaml.append("feature_input_hook: ").append(quote(inputHook)).append('\n');
        yaml.append("feature_output_hook: ").append(quote(outputHook)).append('\n');
        if (k > 0) {
            yaml.append("activation: topk\nk: ").append(k).append('\n');
        }
        yaml.append("transcoders:\n");
        IntStream.range(0, files.size())
                .forEach(i -> yaml.append("- ").append(quote(files.get(i))).append('\n'));
        return yaml.toString();
    }

    private static String quote(String text) {
        return '"' + text.replaceAll("[\"\\p{Cntrl}]", "_") + '"';
    }
}
