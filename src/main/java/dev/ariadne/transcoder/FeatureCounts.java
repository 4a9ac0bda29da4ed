package dev.ariadne.transcoder;

import dev.ariadne.model.HookedTransformer;
import dev.ariadne.transcoder.FeatureCard.Words;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.List;
import java.util.stream.IntStream;

/** What is gathered about a feature while a corpus goes by: exact counts, in little memory. */
final class FeatureCounts {
    private static final int FINE = 1024; // steps while the largest activation is not known yet
    private static final int SHOWN = 40; // steps in the end
    private static final double ALIKE = 1e-4; // the share by which activations differ that only rounding tells apart

    private final int kept;
    private final List<Kept> best = new ArrayList<>(); // the strongest first
    private long active;
    private double most;
    private double range; // of the fine steps; doubled when it is exceeded
    private long[] fine = new long[0];

    /** An example: a text until the strongest activation tells it from others. */
    @SuppressWarnings("ArrayRecordComponent") // of this class alone, which changes none
    private record Kept(List<Long> tokens, float[] activations, int strongest) {
        float value() {
            return activations[strongest];
        }

        /** Whether the text begins alike, or the token is active alike wherever it stands. */
        boolean says(Kept other) {
            return tokens.subList(0, strongest + 1).equals(other.tokens.subList(0, other.strongest + 1))
                    || (tokens.get(strongest).equals(other.tokens.get(other.strongest))
                            && Math.abs(value() - other.value()) < ALIKE * value());
        }
    }

    FeatureCounts(int kept) {
        this.kept = kept;
    }

    /** A text on which the feature is active somewhere; negative activations of top-k transcoders count by their size. */
    void add(long[] text, float... activations) {
        int strongest = 0;
        for (int at = 0; at < activations.length; at++) {
            double value = Math.abs(activations[at]);
            if (value > 0) {
                count(value);
            }
            strongest = activations[at] > activations[strongest] ? at : strongest;
        }
        if (activations[strongest] > 0
                && (best.size() < kept
                        || activations[strongest] > best.get(best.size() - 1).value())) {
            keep(new Kept(Arrays.stream(text).boxed().toList(), activations.clone(), strongest));
        }
    }

    /** Keeps an example that says something new: another token, or the same one with another activation. */
    private void keep(Kept example) {
        if (best.stream().noneMatch(other -> other.says(example))) {
            best.add(example);
            best.sort(Comparator.comparingDouble(each -> -each.value()));
            if (best.size() > kept) {
                best.remove(kept);
            }
        }
    }

    private void count(double value) {
        if (fine.length == 0) {
            fine = new long[FINE];
            range = value;
        }
        while (value > range) {
            for (int step = 0; step < FINE; step++) {
                fine[step] = step < FINE / 2 ? fine[2 * step] + fine[2 * step + 1] : 0;
            }
            range *= 2;
        }
        fine[(int) Math.min(FINE - 1, value / range * FINE)]++;
        active++;
        most = Math.max(most, value);
    }

    FeatureCard card(HookedTransformer model, int layer, int index, long tokens, Words words) {
        List<FeatureCard.Example> examples = best.stream()
                .map(example -> new FeatureCard.Example(
                        example.tokens().stream()
                                .map(id -> FeatureCards.text(model, id))
                                .toList(),
                        IntStream.range(0, example.activations().length)
                                .mapToObj(at -> (double) example.activations()[at])
                                .toList(),
                        example.strongest()))
                .toList();
        return new FeatureCard(layer, index, (double) active / tokens, most, histogram(), examples, words);
    }

    /** The fine steps in coarser ones up to the largest activation, each where its middle lies. */
    private List<Long> histogram() {
        long[] shown = new long[most > 0 ? SHOWN : 0];
        for (int step = 0; step < fine.length; step++) {
            if (fine[step] > 0) {
                double middle = (step + 0.5) * range / FINE;
                shown[(int) Math.min(SHOWN - 1, middle / most * SHOWN)] += fine[step];
            }
        }
        return Arrays.stream(shown).boxed().toList();
    }
}
