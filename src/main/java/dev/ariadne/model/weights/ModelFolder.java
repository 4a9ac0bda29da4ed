package dev.ariadne.model.weights;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.regex.Pattern;
import java.util.stream.Stream;

/** Finds the weights in a folder. */
final class ModelFolder {
    private static final List<String> PREFERRED = List.of("model.safetensors", "weights.safetensors");
    private static final String PREFERRED_INDEX = "model" + ShardIndex.SUFFIX;
    private static final Pattern SHARD = Pattern.compile("-\\d+-of-\\d+\\.safetensors$");
    private static final int MOST_LISTED = 12;

    private ModelFolder() {}

    static Path weightsIn(Path folder) throws IOException {
        for (String name : PREFERRED) {
            if (Files.isRegularFile(folder.resolve(name))) {
                return folder.resolve(name);
            }
        }
        List<String> names;
        try (Stream<Path> files = Files.list(folder)) {
            names = files.map(file -> file.getFileName().toString()).sorted().toList();
        }
        List<String> indexes =
                names.stream().filter(n -> n.endsWith(ShardIndex.SUFFIX)).toList();
        if (indexes.size() == 1 || indexes.contains(PREFERRED_INDEX)) {
            return folder.resolve(indexes.size() == 1 ? indexes.get(0) : PREFERRED_INDEX);
        }
        List<String> weights = names.stream()
                .filter(n -> n.endsWith(".gguf") || n.endsWith(".safetensors"))
                .toList();
        if (weights.size() == 1) {
            return folder.resolve(weights.get(0));
        }
        if (weights.stream().anyMatch(n -> SHARD.matcher(n).find())) {
            throw new IOException(folder + ": the model is split over several files, such as " + weights.get(0)
                    + ", but there is no " + PREFERRED_INDEX + " that says which tensor is where; download it too");
        }
        String next = weights.isEmpty() ? "; put the weights there or give the file itself" : "; give the one you mean";
        throw new IOException(folder
                + ": a model folder holds model.safetensors, weights.safetensors, one .safetensors.index.json"
                + " with its shards, or exactly one other .safetensors or .gguf file; found "
                + (weights.isEmpty() ? listed(names) : listed(weights)) + next);
    }

    private static String listed(List<String> names) {
        if (names.isEmpty()) {
            return "nothing";
        }
        String head = String.join(", ", names.subList(0, Math.min(MOST_LISTED, names.size())));
        return names.size() <= MOST_LISTED ? head : head + " and " + (names.size() - MOST_LISTED) + " more";
    }
}
