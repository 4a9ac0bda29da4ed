package dev.ariadne.transcoder;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.ariadne.transcoder.FeatureCard.Example;
import dev.ariadne.transcoder.FeatureCard.Words;
import dev.ariadne.view.WholeFile;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Function;

/** Feature cards in the published layout: {@code examples_quantiles} of examples with activations, {@code top_logits}, {@code histogram} and so on. */
final class FeatureCardJson {
    private static final long MOST_BYTES = 16 << 20;
    private static final ObjectMapper JSON = new ObjectMapper();

    private FeatureCardJson() {}

    /** Cantor's number of a layer and an index. */
    static long number(int layer, int index) {
        long sum = (long) layer + index;
        return sum * (sum + 1) / 2 + index;
    }

    static void write(FeatureCard card, Path file) throws IOException {
        ObjectNode all = JSON.createObjectNode();
        all.put("transcoder_id", Integer.toString(card.layer()));
        all.put("index", card.index());
        ObjectNode quantile = all.putArray("examples_quantiles").addObject();
        quantile.put("quantile_name", "Top activations");
        ArrayNode examples = quantile.putArray("examples");
        for (Example example : card.examples()) {
            ObjectNode each = examples.addObject();
            ArrayNode activations = each.putArray("tokens_acts_list");
            example.activations().forEach(activations::add);
            each.put("train_token_ind", example.strongest());
            each.put("is_repeated_datapoint", false);
            ArrayNode tokens = each.putArray("tokens");
            example.tokens().forEach(tokens::add);
        }
        ArrayNode top = all.putArray("top_logits");
        card.words().pushed().forEach(top::add);
        ArrayNode bottom = all.putArray("bottom_logits");
        card.words().suppressed().forEach(bottom::add);
        all.put("act_min", 0);
        all.put("act_max", card.most());
        all.putArray("quantile_values");
        ArrayNode histogram = all.putArray("histogram");
        card.histogram().forEach(histogram::add);
        all.put("activation_frequency", card.frequency());
        WholeFile.write(file, temporary -> Files.writeString(temporary, JSON.writeValueAsString(all)));
    }

    /** Reads a card; what the layout leaves to choice may be missing. */
    static FeatureCard read(Path file, int layer) throws IOException {
        if (Files.size(file) > MOST_BYTES) {
            throw new IOException(
                    file + ": it has " + Files.size(file) + " bytes; a feature's card has at most " + MOST_BYTES);
        }
        try {
            JsonNode all = JSON.readTree(Files.readAllBytes(file));
            if (!all.path("index").canConvertToInt()
                    || !all.path("examples_quantiles").isArray()) {
                throw new IllegalArgumentException("a feature's card has an index and examples_quantiles");
            }
            List<Example> examples = new ArrayList<>();
            for (JsonNode quantile : all.get("examples_quantiles")) {
                quantile.path("examples").forEach(each -> examples.add(example(each)));
            }
            double most = examples.stream()
                    .flatMap(example -> example.activations().stream())
                    .mapToDouble(a -> a)
                    .max()
                    .orElse(0);
            return new FeatureCard(
                    layer,
                    all.get("index").intValue(),
                    all.path("activation_frequency").asDouble(0),
                    all.path("act_max").asDouble(most),
                    list(all.path("histogram"), JsonNode::asLong),
                    examples,
                    new Words(
                            list(all.path("top_logits"), JsonNode::asText),
                            list(all.path("bottom_logits"), JsonNode::asText)));
        } catch (JsonProcessingException e) {
            throw new IOException(file + ": it is not JSON: " + e.getOriginalMessage(), e);
        } catch (IllegalArgumentException e) {
            throw new IOException(file + ": " + e.getMessage(), e);
        }
    }

    private static Example example(JsonNode each) {
        List<Double> activations = list(each.path("tokens_acts_list"), JsonNode::asDouble);
        int strongest = 0;
        for (int at = 0; at < activations.size(); at++) {
            strongest = activations.get(at) > activations.get(strongest) ? at : strongest;
        }
        return new Example(list(each.path("tokens"), JsonNode::asText), activations, strongest);
    }

    private static <T> List<T> list(JsonNode array, Function<JsonNode, T> read) {
        List<T> all = new ArrayList<>();
        array.forEach(each -> all.add(read.apply(each)));
        return all;
    }
}
