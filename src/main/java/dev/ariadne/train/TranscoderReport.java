package dev.ariadne.train;

import dev.ariadne.model.Hook;
import dev.ariadne.model.HookedTransformer;
import dev.ariadne.model.Logits;
import dev.ariadne.train.TranscoderRows.Which;
import dev.ariadne.transcoder.Transcoder;
import dev.ariadne.transcoder.TranscoderSet;
import dev.ariadne.view.Displayable;
import dev.ariadne.view.View;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.TreeMap;

/**
 * How good a set of transcoders is.
 *
 * @param layers each layer's
 * @param accuracy of the model itself, between 0 and 1
 * @param replaced its accuracy with all MLPs replaced by their transcoders
 */
public record TranscoderReport(List<Layer> layers, double accuracy, double replaced) implements Displayable {
    private static final int BATCH = 256;

    /** Copies the list. */
    public TranscoderReport {
        layers = List.copyOf(layers);
    }

    /**
     * How good one transcoder is.
     *
     * @param transcoder which
     * @param everywhere its quality on all prefixes
     * @param predicting its quality on the prefixes before a predicted token
     * @param replaced the model's accuracy with this MLP replaced
     */
    public record Layer(
            String transcoder, TranscoderQuality everywhere, TranscoderQuality predicting, double replaced) {}

    /**
     * Measures transcoders.
     *
     * @param model whose MLPs they stand for
     * @param corpus whose prefixes make the rows of L0, FVU and dead features; which of its tokens are predicted makes a difference
     * @param asked what accuracy is measured on: each predicted token must be the most probable
     */
    public static TranscoderReport of(
            HookedTransformer model, TranscoderSet set, List<Example> corpus, List<Example> asked) {
        set.requireFits(model);
        List<TranscoderRows> all = TranscoderRows.of(model, corpus, set.inputHook(), set.outputHook(), Which.ALL);
        List<TranscoderRows> some =
                TranscoderRows.of(model, corpus, set.inputHook(), set.outputHook(), Which.PREDICTING);
        List<Layer> layers = new ArrayList<>();
        for (int layer = 0; layer < set.size(); layer++) {
            Transcoder transcoder = set.transcoder(layer);
            layers.add(new Layer(
                    transcoder.toString(),
                    TranscoderQuality.of(transcoder, all.get(layer)),
                    TranscoderQuality.of(transcoder, some.get(layer)),
                    accuracy(model, asked, set.hooks(layer))));
        }
        return new TranscoderReport(layers, accuracy(model, asked), accuracy(model, asked, set.hooks()));
    }

    /** The share of the predicted tokens that the model finds most probable. */
    public static double accuracy(HookedTransformer model, List<Example> asked, Hook... hooks) {
        Map<Integer, List<Example>> byLength = new TreeMap<>();
        asked.forEach(text ->
                byLength.computeIfAbsent(text.length(), n -> new ArrayList<>()).add(text));
        long right = 0;
        long all = 0;
        for (List<Example> same : byLength.values()) {
            for (int from = 0; from < same.size(); from += BATCH) {
                List<Example> some = same.subList(from, Math.min(same.size(), from + BATCH));
                long[][] tokens = some.stream().map(Example::tokens).toArray(long[][]::new);
                try (Logits logits = model.run(tokens, hooks)) {
                    long[] best = logits.array().argMax(2).toLongArray(); // [batch · pos]
                    for (int row = 0; row < tokens.length; row++) {
                        for (int at : some.get(row).predicted()) {
                            all++;
                            right += best[row * tokens[0].length + at - 1] == tokens[row][at] ? 1 : 0;
                        }
                    }
                }
            }
        }
        if (all == 0) {
            throw new IllegalArgumentException("accuracy needs at least one text that asks for a token, got none");
        }
        return (double) right / all;
    }

    @Override
    public View view() {
        List<List<String>> rows = new ArrayList<>();
        for (int layer = 0; layer < layers.size(); layer++) {
            Layer each = layers.get(layer);
            rows.add(List.of(
                    Integer.toString(layer),
                    each.transcoder(),
                    number("%.2f", each.everywhere().l0()),
                    number("%.4f", each.everywhere().fvu()),
                    number("%.3f", each.everywhere().dead()),
                    number("%.2f", each.predicting().l0()),
                    number("%.4f", each.predicting().fvu()),
                    number("%.3f", each.replaced())));
        }
        return new View.Table(
                toString(),
                List.of(
                        "layer",
                        "transcoder",
                        "L0",
                        "FVU",
                        "dead",
                        "L0 before predictions",
                        "FVU before predictions",
                        "accuracy, MLP replaced"),
                rows);
    }

    private static String number(String format, double value) {
        return String.format(Locale.ROOT, format, value);
    }

    @Override
    public String toString() {
        return String.format(
                Locale.ROOT, "accuracy %.3f, with all MLPs replaced by transcoders %.3f", accuracy, replaced);
    }
}
