package dev.ariadne.transcoder;

import dev.ariadne.model.weights.Hub;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.regex.Pattern;

/** Transcoders on the hub: their configuration is fetched first, and then the files that it names, which may be another repository's. */
final class HubTranscoders {
    /** What circuit-tracer's users type. */
    private static final Map<String, String> ALIASES =
            Map.of("gemma", "mntss/gemma-scope-transcoders", "llama", "mntss/transcoder-Llama-3.2-1B");

    private static final String LAYER = "layer_\\d+\\.safetensors";
    private static final String CROSS_LAYER = "W_(enc|dec)_\\d+\\.safetensors";

    private HubTranscoders() {}

    /** Fetches files; as {@link Hub} does. */
    interface Source {
        Path files(String repository, List<String> names) throws IOException;

        Path filesMatching(String repository, Pattern names) throws IOException;
    }

    static Transcoders load(String text) throws IOException {
        return load(text, new Source() {
            @Override
            public Path files(String repository, List<String> names) throws IOException {
                return Hub.files(repository, names);
            }

            @Override
            public Path filesMatching(String repository, Pattern names) throws IOException {
                return Hub.filesNamed(repository, names.asMatchPredicate());
            }
        });
    }

    static Transcoders load(String text, Source source) throws IOException {
        HubPlace place = HubPlace.parse(ALIASES.getOrDefault(text, text));
        Path config = source.files(place.repository(), List.of(place.file(TranscoderSet.CONFIG)))
                .resolve(place.file(TranscoderSet.CONFIG));
        boolean crossLayer = TranscoderConfig.isCrossLayer(config);
        TranscoderConfig read = crossLayer ? TranscoderConfig.readCrossLayer(config) : TranscoderConfig.read(config);
        if (read.files().isEmpty()) {
            String folder = place.path().isEmpty() ? "" : Pattern.quote(place.path() + "/");
            Path found = source.filesMatching(
                            place.repository(), Pattern.compile(folder + (crossLayer ? CROSS_LAYER : LAYER)))
                    .resolve(place.path());
            if (crossLayer) {
                return CrossLayerTranscoder.open(read, found);
            }
            List<Path> files = new ArrayList<>();
            for (int layer = 0; layer < read.layers(found); layer++) {
                files.add(read.resolve(found, layer));
            }
            return TranscoderSet.open(read, files);
        }
        List<HubPlace> places = read.files().stream()
                .map(file -> HubPlace.of(file).orElseGet(() -> new HubPlace(place.repository(), place.file(file))))
                .toList();
        Map<String, Path> folders = new HashMap<>(); // by repository
        for (String repository :
                places.stream().map(HubPlace::repository).distinct().toList()) {
            List<String> names = places.stream()
                    .filter(each -> each.repository().equals(repository))
                    .map(HubPlace::path)
                    .toList();
            folders.put(repository, source.files(repository, names));
        }
        List<Path> files = places.stream()
                .map(each ->
                        Objects.requireNonNull(folders.get(each.repository())).resolve(each.path()))
                .toList();
        return crossLayer ? CrossLayerTranscoder.open(read, files) : TranscoderSet.open(read, files);
    }
}
