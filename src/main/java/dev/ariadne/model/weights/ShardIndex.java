package dev.ariadne.model.weights;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.core.JsonToken;
import com.fasterxml.jackson.core.StreamReadFeature;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.regex.Pattern;

/**
 * What the index of a model split over several files says: {@code model.safetensors.index.json}.
 *
 * @param path the index file; the shards lie beside it
 * @param shardOf the file name of the shard by the name of the tensor, in the order of the index, unmodifiable
 */
record ShardIndex(Path path, Map<String, String> shardOf) {
    static final String SUFFIX = ".safetensors.index.json";
    private static final long MOST_BYTES = 64L << 20; // the index of a model with 90,000 tensors has 9 MB
    private static final int MOST_SHARDS = 1000;
    private static final Pattern PLAIN_NAME = Pattern.compile("[\\p{Alnum}_-][\\p{Alnum}._+-]{0,200}\\.safetensors");

    private static final JsonFactory JSON = JsonFactory.builder()
            .enable(StreamReadFeature.STRICT_DUPLICATE_DETECTION)
            .disable(JsonFactory.Feature.CANONICALIZE_FIELD_NAMES)
            .build();

    static ShardIndex read(Path path) throws IOException {
        Damage damage = new Damage(path);
        long size = Files.size(path);
        if (size > MOST_BYTES) {
            throw damage.of("the index has " + size + " bytes; it may have " + MOST_BYTES + " at most");
        }
        Map<String, String> shardOf = new LinkedHashMap<>();
        try (JsonParser json = JSON.createParser(Files.readAllBytes(path))) {
            if (json.nextToken() != JsonToken.START_OBJECT) {
                throw damage.of("the index is no JSON object");
            }
            while (json.nextToken() == JsonToken.FIELD_NAME) {
                boolean map = json.currentName().equals("weight_map");
                json.nextToken();
                if (map) {
                    weightMap(json, shardOf, damage);
                } else {
                    json.skipChildren();
                }
            }
        } catch (JsonProcessingException e) {
            throw damage.of("the index is not valid JSON: " + e.getOriginalMessage());
        }
        ShardIndex index = new ShardIndex(path, Collections.unmodifiableMap(shardOf));
        if (shardOf.isEmpty() || index.shards().size() > MOST_SHARDS) {
            throw damage.of("the index has a weight_map of " + shardOf.size() + " tensors in "
                    + index.shards().size() + " shards; there must be 1 to " + MOST_SHARDS + " shards");
        }
        return index;
    }

    private static void weightMap(JsonParser json, Map<String, String> shardOf, Damage damage) throws IOException {
        if (json.currentToken() != JsonToken.START_OBJECT) {
            throw damage.of("weight_map must be a JSON object, found " + json.currentToken());
        }
        while (json.nextToken() == JsonToken.FIELD_NAME) {
            String tensor = json.currentName();
            if (json.nextToken() != JsonToken.VALUE_STRING) {
                throw damage.of("weight_map gives no file name for tensor " + Damage.quote(tensor));
            }
            String shard = json.getText();
            if (!PLAIN_NAME.matcher(shard).matches()) {
                throw damage.of("weight_map says tensor " + Damage.quote(tensor) + " is in " + Damage.quote(shard)
                        + "; a shard is a plain .safetensors file name, without folders");
            }
            shardOf.put(tensor, shard);
        }
    }

    /** The file names of the shards, sorted. */
    List<String> shards() {
        return shardOf.values().stream().distinct().sorted().toList();
    }

    /**
     * Checks that every tensor lies in the shard that it is said to be in, and in no other.
     *
     * @param found the shards that have a tensor, by the tensor's name
     */
    void requireAgreement(Map<String, List<String>> found) throws IOException {
        Damage damage = new Damage(path);
        for (Map.Entry<String, String> said : shardOf.entrySet()) {
            String tensor = Damage.quote(said.getKey());
            List<String> shards = found.getOrDefault(said.getKey(), List.of());
            if (shards.size() > 1) {
                throw damage.of("tensor " + tensor + " is in two shards, " + shards.get(0) + " and " + shards.get(1));
            }
            if (!shards.contains(said.getValue())) {
                throw damage.of("tensor " + tensor + " is said to be in " + said.getValue() + ", but it is in "
                        + (shards.isEmpty() ? "no shard" : shards.get(0)));
            }
        }
        for (Map.Entry<String, List<String>> there : found.entrySet()) {
            if (!shardOf.containsKey(there.getKey())) {
                throw damage.of("tensor " + Damage.quote(there.getKey()) + " of shard "
                        + there.getValue().get(0) + " is in no entry of weight_map");
            }
        }
    }
}
