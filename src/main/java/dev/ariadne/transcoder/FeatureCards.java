package dev.ariadne.transcoder;

import dev.ariadne.model.HookedTransformer;
import dev.ariadne.transcoder.FeatureCard.Words;
import dev.ariadne.view.Displayable;
import dev.ariadne.view.View;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.function.ToDoubleFunction;
import java.util.stream.IntStream;
import java.util.stream.LongStream;

/**
 * Cards of all features of transcoders, made in one pass over a corpus.
 *
 * <pre>{@code
 * var cards = FeatureCards.of(model, transcoders, texts);
 * cards.card(1, 207)                                       // where it is active, what it pushes
 * cards.save(Path.of("features"))                          // one JSON file for each, as graph viewers read them
 * }</pre>
 *
 * @param cards by layer and then by index, those of features that are never active included
 */
public record FeatureCards(List<FeatureCard> cards) implements Displayable {
    private static final int EXAMPLES = 10; // kept for each feature
    private static final int WORDS = 10; // pushed, and suppressed
    private static final int CHUNK = 64; // features unembedded at once
    private static final int ROWS = 50; // shown

    /** Copies the list. */
    public FeatureCards {
        cards = List.copyOf(cards);
    }

    /**
     * Makes the cards, with progress.
     *
     * @param texts token ids, each text beginning with the model's first token, whose activations do not count
     * @throws IllegalArgumentException when there are no texts, or the transcoders are for another model
     */
    public static FeatureCards of(HookedTransformer model, Transcoders transcoders, List<long[]> texts) {
        if (texts.isEmpty()) {
            throw new IllegalArgumentException("feature cards need texts, got none");
        }
        FeatureCounts[][] counts = new FeatureCounts[transcoders.size()][];
        for (int layer = 0; layer < counts.length; layer++) {
            counts[layer] = IntStream.range(0, transcoders.features(layer))
                    .mapToObj(feature -> new FeatureCounts(EXAMPLES))
                    .toArray(FeatureCounts[]::new);
        }
        FeatureScan.run(
                model,
                transcoders,
                texts,
                (text, layer, feature, activations) -> counts[layer][feature].add(texts.get(text), activations));
        long tokens = texts.stream().mapToLong(text -> text.length - 1).sum();
        List<FeatureCard> cards = new ArrayList<>();
        for (int layer = 0; layer < counts.length; layer++) {
            for (int from = 0; from < counts[layer].length; from += CHUNK) {
                long[] some = LongStream.range(from, Math.min(counts[layer].length, from + CHUNK))
                        .toArray();
                float[][] logits = FeatureScan.logits(model, transcoders, layer, some);
                for (int i = 0; i < some.length; i++) {
                    int index = from + i;
                    cards.add(counts[layer][index].card(model, layer, index, tokens, words(model, logits[i])));
                }
            }
        }
        return new FeatureCards(cards);
    }

    private static Words words(HookedTransformer model, float... logits) {
        return new Words(first(model, logits, id -> -logits[id]), first(model, logits, id -> logits[id]));
    }

    private static List<String> first(HookedTransformer model, float[] logits, ToDoubleFunction<Integer> order) {
        return IntStream.range(0, logits.length)
                .boxed()
                .sorted(Comparator.comparingDouble(order))
                .limit(WORDS)
                .map(id -> text(model, id))
                .toList();
    }

    /** A token, readable. */
    static String text(HookedTransformer model, long id) {
        return model.hasTokenizer() ? model.tokenizer().toSingleString(id) : "#" + id;
    }

    /**
     * A feature's card.
     *
     * @throws IllegalArgumentException when there is no such feature
     */
    public FeatureCard card(int layer, int index) {
        return cards.stream()
                .filter(card -> card.layer() == layer && card.index() == index)
                .findFirst()
                .orElseThrow(() -> new IllegalArgumentException("there is no card of feature " + layer + "_" + index
                        + " among " + cards.size() + "; a feature is named by its layer and its index, both from 0"));
    }

    /** The cards of features that are ever active, by layer_index, as a graph's page asks for them. */
    public Map<String, FeatureCard> byName() {
        Map<String, FeatureCard> byName = new LinkedHashMap<>();
        cards.stream()
                .filter(card -> card.most() > 0)
                .forEach(card -> byName.put(card.layer() + "_" + card.index(), card));
        return byName;
    }

    /**
     * Writes a file for each feature that is ever active, named by the number that graph files give it: Cantor's of layer and index.
     *
     * @param folder made if need be
     */
    public void save(Path folder) throws IOException {
        Files.createDirectories(folder);
        for (FeatureCard card : cards) {
            if (card.most() > 0) {
                FeatureCardJson.write(
                        card, folder.resolve(FeatureCardJson.number(card.layer(), card.index()) + ".json"));
            }
        }
    }

    /**
     * Reads a card from a file in the published layout.
     *
     * @param layer of the feature, which that layout does not say
     * @throws IOException naming the file and what is wrong with it
     */
    public static FeatureCard read(Path file, int layer) throws IOException {
        return FeatureCardJson.read(file, layer);
    }

    /** The most frequent features. */
    @Override
    public View view() {
        List<List<String>> rows = cards.stream()
                .sorted(Comparator.comparingDouble(card -> -card.frequency()))
                .limit(ROWS)
                .map(card -> List.of(
                        card.layer() + "_" + card.index(),
                        String.format(Locale.ROOT, "%.4f", card.frequency()),
                        String.format(Locale.ROOT, "%.3g", card.most()),
                        card.examples().isEmpty() ? "" : until(card.examples().get(0)),
                        String.join(
                                ", ",
                                card.words()
                                        .pushed()
                                        .subList(
                                                0,
                                                Math.min(
                                                        3, card.words().pushed().size())))))
                .toList();
        return new View.Table(
                toString(),
                List.of("feature", "frequency", "largest activation", "strongest at the end of", "pushes"),
                rows);
    }

    private static String until(FeatureCard.Example example) {
        return String.join(" ", example.tokens().subList(0, example.strongest() + 1));
    }

    @Override
    public String toString() {
        long never = cards.stream().filter(card -> card.most() == 0).count();
        return "cards of " + cards.size() + " features, " + never + " of them never active";
    }
}
