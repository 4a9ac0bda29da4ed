package dev.ariadne.intervention;

import dev.ariadne.attribution.ReplacementModel;
import dev.ariadne.transcoder.Feature;
import dev.ariadne.view.Displayable;
import dev.ariadne.view.View;
import java.util.ArrayList;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;

/**
 * Features that are active at some tokens and not at others: how members of a supernode are chosen without looking at what they do.
 *
 * <pre>{@code
 * var texas = Contrast.of(replacement, texanPlaces, otherPlaces);   // without Dallas
 * texas.supernode("Texas", Spot.of(prompt, "Dallas"))               // those of them that are active there
 * }</pre>
 */
public final class Contrast implements Displayable {
    private static final double LEAST = 0.6; // share of the positive tokens
    private static final double MOST = 0.1; // share of the negative tokens

    private final ReplacementModel replacement;
    private final List<Evidence> evidence;
    private final String title;
    private final int first;
    private final int last;

    private Contrast(ReplacementModel replacement, List<Evidence> evidence, String title, int first, int last) {
        this.replacement = replacement;
        this.first = first;
        this.last = last;
        this.evidence = List.copyOf(evidence);
        this.title = title;
    }

    /**
     * Why a feature was chosen.
     *
     * @param layer of the feature, from 0
     * @param index its number
     * @param here the share of positive tokens where it is active
     * @param elsewhere the share of negative ones
     * @param activation its mean activation at the positive tokens where it is active
     */
    public record Evidence(int layer, int index, double here, double elsewhere, double activation) {}

    /** Chooses what is active at 60 % of the positive tokens or more, and at 10 % of the negative ones or less. */
    public static Contrast of(ReplacementModel replacement, List<Spot> positive, List<Spot> negative) {
        Set<Spot> all = new LinkedHashSet<>(positive);
        all.addAll(negative);
        return of(Readings.of(replacement, all), positive, negative, LEAST, MOST);
    }

    /**
     * Chooses features by where they are active.
     *
     * @param readings what is active at all these tokens
     * @param least the share of the positive tokens, above 0
     * @param most the share of the negative ones, below {@code least}
     * @throws IllegalArgumentException when there are no positive tokens, or the shares are none
     */
    public static Contrast of(Readings readings, List<Spot> positive, List<Spot> negative, double least, double most) {
        if (positive.isEmpty() || !(least > 0 && least <= 1 && most >= 0 && most < least)) {
            throw new IllegalArgumentException(
                    "a contrast wants at least one positive token, and shares with 0 ≤ most <" + " least ≤ 1; got "
                            + positive.size() + " tokens, least " + least + ", most " + most);
        }
        Map<Integer, Map<Integer, double[]>> found = new TreeMap<>(); // layer, index: positives, negatives, sum
        count(readings, positive, found, 0);
        count(readings, negative, found, 1);
        List<Evidence> kept = new ArrayList<>();
        found.forEach((layer, features) -> features.forEach((index, counts) -> {
            double here = counts[0] / positive.size();
            double elsewhere = negative.isEmpty() ? 0 : counts[1] / negative.size();
            if (here >= least && elsewhere <= most) {
                kept.add(new Evidence(layer, index, here, elsewhere, counts[2] / counts[0]));
            }
        }));
        String title = String.format(
                Locale.ROOT,
                "active at ≥ %.0f %% of %d tokens and ≤ %.0f %% of %d others",
                100 * least,
                positive.size(),
                100 * most,
                negative.size());
        return new Contrast(readings.replacement(), kept, title, 0, Integer.MAX_VALUE);
    }

    private static void count(
            Readings readings, List<Spot> spots, Map<Integer, Map<Integer, double[]>> found, int column) {
        for (Spot spot : spots) {
            for (Readings.Active active : readings.of(spot)) {
                double[] counts = found.computeIfAbsent(active.layer(), l -> new TreeMap<>())
                        .computeIfAbsent(active.index(), i -> new double[3]);
                counts[column]++;
                counts[2] += column == 0 ? active.value() : 0;
            }
        }
    }

    /** The features that were chosen, by layer and number. */
    public List<Evidence> evidence() {
        return evidence;
    }

    /** The same with those of some layers only. */
    public Contrast layers(int from, int to) {
        List<Evidence> some = evidence.stream()
                .filter(one -> one.layer() >= from && one.layer() <= to)
                .toList();
        return new Contrast(replacement, some, title, from, to);
    }

    /** Those that are active at a token, as a supernode of its prompt. */
    public Supernode supernode(String name, Spot spot) {
        return supernode(name, spot, Readings.of(replacement, List.of(spot)));
    }

    /** The same, where features have been read. */
    public Supernode supernode(String name, Spot spot, Readings readings) {
        List<Feature> members = readings.of(spot).stream()
                .filter(this::has)
                .map(active -> new Feature(active.layer(), readings.position(spot), active.index()))
                .toList();
        return Supernode.of(name, members).on(spot.prompt());
    }

    private boolean has(Readings.Active active) {
        return evidence.stream().anyMatch(one -> one.layer() == active.layer() && one.index() == active.index());
    }

    /** What share of all that is active at a token, in the layers chosen from and by activation, the chosen features are: 1 would be the whole token. */
    public double share(Spot spot) {
        double all = 0;
        double own = 0;
        for (Readings.Active active : Readings.of(replacement, List.of(spot)).of(spot)) {
            boolean within = active.layer() >= first && active.layer() <= last;
            all += within ? Math.abs(active.value()) : 0;
            own += has(active) ? Math.abs(active.value()) : 0;
        }
        return all == 0 ? 0 : own / all;
    }

    @Override
    public View view() {
        List<List<String>> rows = evidence.stream()
                .map(one -> List.of(
                        name(one),
                        percent(one.here()),
                        percent(one.elsewhere()),
                        String.format(Locale.ROOT, "%.2f", one.activation())))
                .toList();
        return new View.Table(title, List.of("feature", "active", "elsewhere", "mean activation"), rows);
    }

    private String name(Evidence one) {
        String label = replacement.label(one.layer(), one.index());
        return one.layer() + "_" + one.index() + (label.isEmpty() ? "" : " (" + label + ")");
    }

    private static String percent(double share) {
        return String.format(Locale.ROOT, "%.0f %%", 100 * share);
    }

    @Override
    public String toString() {
        return evidence.size() + " features " + title;
    }
}
