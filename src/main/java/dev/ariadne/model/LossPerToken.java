package dev.ariadne.model;

import dev.ariadne.view.Displayable;
import dev.ariadne.view.View;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;

/**
 * The cross entropy of each token of the prompts, predicted from those before it, in nats.
 *
 * @param tokens the prompts' tokens, readable [batch][pos]
 * @param values [batch][pos − 1]: the first is that of the second token; NaN where there is padding; copied, and so is what is returned
 */
@SuppressWarnings("ArrayRecordComponent") // copied on the way in and out
public record LossPerToken(List<List<String>> tokens, double[][] values) implements Displayable {
    private static final int MOST_PROMPTS = 8; // in one picture

    /** Copies everything and checks the sizes. */
    public LossPerToken {
        tokens = tokens.stream().map(List::copyOf).toList();
        values = Arrays.stream(values).map(double[]::clone).toArray(double[][]::new);
        for (int i = 0; i < Math.max(values.length, tokens.size()); i++) {
            if (values.length != tokens.size()
                    || values[i].length != tokens.get(i).size() - 1) {
                throw new IllegalArgumentException("every prompt needs one loss for each token but its first, got "
                        + values.length + " rows of losses for " + tokens.size() + " prompts; row " + i + " differs");
            }
        }
    }

    @Override
    public double[][] values() {
        return Arrays.stream(values).map(double[]::clone).toArray(double[][]::new);
    }

    /** The mean over all tokens that are predicted, in nats. */
    public double mean() {
        return Arrays.stream(values)
                .flatMapToDouble(Arrays::stream)
                .filter(value -> !Double.isNaN(value))
                .average()
                .orElseThrow(() -> new IllegalStateException("no token of these prompts is predicted from another"));
    }

    /** Each prompt with its tokens colored by their loss; the first token has none. */
    @Override
    public View view() {
        List<View> panels = new ArrayList<>();
        String mean = String.format(Locale.ROOT, "loss per token, mean %.3f nats", mean());
        for (int prompt = 0; prompt < Math.min(MOST_PROMPTS, values.length); prompt++) {
            double[] all = new double[tokens.get(prompt).size()];
            all[0] = Double.NaN;
            System.arraycopy(values[prompt], 0, all, 1, values[prompt].length);
            panels.add(new View.Tokens(values.length > 1 ? "" : mean, tokens.get(prompt), all, "nats"));
        }
        return panels.size() == 1 ? panels.get(0) : new View.Panels(mean, panels);
    }

    @Override
    public String toString() {
        return String.format(Locale.ROOT, "LossPerToken of %d prompts, mean %.4f nats", values.length, mean());
    }

    @Override
    public boolean equals(Object other) {
        return other instanceof LossPerToken that
                && tokens.equals(that.tokens)
                && Arrays.deepEquals(values, that.values);
    }

    @Override
    public int hashCode() {
        return 31 * tokens.hashCode() + Arrays.deepHashCode(values);
    }
}
