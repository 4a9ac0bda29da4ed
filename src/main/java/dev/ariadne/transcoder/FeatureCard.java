package dev.ariadne.transcoder;

import dev.ariadne.view.Displayable;
import dev.ariadne.view.View;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;

/**
 * What a feature does on a corpus.
 *
 * @param layer from 0
 * @param index from 0
 * @param frequency the share of the corpus's tokens on which it is active, between 0 and 1
 * @param most its largest activation; 0 when it is never active
 * @param histogram how many tokens have an activation in each of equally wide steps from 0 to {@code most}
 * @param examples where it is most active, the strongest first
 * @param words the output tokens that it changes most
 */
public record FeatureCard(
        int layer, int index, double frequency, double most, List<Long> histogram, List<Example> examples, Words words)
        implements Displayable {
    private static final int STEPS = 8; // of the histogram, shown

    /**
     * A text on which a feature is active.
     *
     * @param tokens the text, readable
     * @param activations of the feature at each
     * @param strongest the position of the largest one
     */
    public record Example(List<String> tokens, List<Double> activations, int strongest) {
        /** Copies the lists and checks their lengths. */
        public Example {
            tokens = List.copyOf(tokens);
            activations = List.copyOf(activations);
            if (tokens.size() != activations.size() || strongest < 0 || strongest >= tokens.size()) {
                throw new IllegalArgumentException("an example has an activation for each token, and one of them is the"
                        + " strongest; got " + tokens.size() + " tokens, " + activations.size()
                        + " activations, strongest " + strongest);
            }
        }
    }

    /**
     * The output tokens that a feature changes most by the straight way, the strongest first.
     *
     * @param pushed made more probable
     * @param suppressed made less probable
     */
    public record Words(List<String> pushed, List<String> suppressed) {
        /** Copies the lists. */
        public Words {
            pushed = List.copyOf(pushed);
            suppressed = List.copyOf(suppressed);
        }
    }

    /** Copies the lists. */
    public FeatureCard {
        histogram = List.copyOf(histogram);
        examples = List.copyOf(examples);
    }

    @Override
    public View view() {
        Map<String, String> facts = new LinkedHashMap<>();
        facts.put(
                "active on", String.format(Locale.ROOT, "%.3f %% of all tokens, at most %.3g", 100 * frequency, most));
        facts.put("pushes", String.join(", ", words.pushed()));
        facts.put("suppresses", String.join(", ", words.suppressed()));
        List<View> panels = new ArrayList<>(List.of(new View.Facts("", facts)));
        if (!examples.isEmpty()) {
            panels.add(texts());
        }
        List<View.Bar> bars = new ArrayList<>();
        int together = (histogram.size() + STEPS - 1) / STEPS;
        for (int from = 0; from < histogram.size(); from += together) {
            int to = Math.min(histogram.size(), from + together);
            String until = String.format(Locale.ROOT, "%.3g", most * to / histogram.size());
            bars.add(new View.Bar(
                    until,
                    histogram.subList(from, to).stream().mapToLong(n -> n).sum()));
        }
        panels.add(new View.Bars("", "activation up to", "tokens", bars));
        return new View.Panels(toString(), panels);
    }

    /** The examples, one on a line. */
    private View texts() {
        List<String> tokens = new ArrayList<>();
        List<Double> values = new ArrayList<>();
        for (Example example : examples) {
            tokens.addAll(example.tokens());
            tokens.set(tokens.size() - 1, tokens.get(tokens.size() - 1) + "\n");
            values.addAll(example.activations());
        }
        double[] all = values.stream().mapToDouble(a -> a).toArray();
        return new View.Tokens("", tokens, all, "activation");
    }

    @Override
    public String toString() {
        return "feature " + layer + "_" + index;
    }
}
