package dev.ariadne.intervention;

import dev.ariadne.attribution.ReplacementModel;
import dev.ariadne.transcoder.Feature;
import dev.ariadne.view.Displayable;
import dev.ariadne.view.View;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.stream.Stream;

/**
 * Features that are active at some tokens and not at others: how members of a supernode are chosen without looking at the token that they are for.
 *
 * <p>With {@link Readings#toward} attribution comes first: of all features, those that together make up 80 % of what pushes the answer at the
 * positive tokens, the strongest first; contrast then says which of them mean these tokens.
 *
 * <pre>{@code
 * var texas = Contrast.of(replacement, texanPlaces, otherPlaces);   // without Dallas
 * texas.supernode("Texas", Spot.of(prompt, "Dallas"))               // those of them that are active there
 * }</pre>
 */
public final class Contrast implements Displayable {
    private static final double LEAST = 0.6; // share of the positive tokens
    private static final double MOST = 0.1; // share of the negative tokens
    private static final double PUSH = 0.8; // share of all that pushes

    private final ReplacementModel replacement;
    private final List<Evidence> evidence;
    private final String title;
    private final boolean attributed;

    private Contrast(ReplacementModel replacement, List<Evidence> evidence, String title, boolean attributed) {
        this.replacement = replacement;
        this.attributed = attributed;
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
     * @param effect what it adds to the difference of logits at the positive tokens, on average; 0 where that was not read
     */
    public record Evidence(int layer, int index, double here, double elsewhere, double activation, double effect) {}

    /** Chooses what is active at 60 % of the positive tokens or more, and at 10 % of the negative ones or less. */
    public static Contrast of(ReplacementModel replacement, List<Spot> positive, List<Spot> negative) {
        Set<Spot> all = new LinkedHashSet<>(positive);
        all.addAll(negative);
        return of(Readings.of(replacement, all), positive, negative, LEAST, MOST);
    }

    /**
     * Chooses features by where they are active, among those that push if the readings say what does.
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
        Map<Integer, Map<Integer, double[]>> found = new TreeMap<>(); // layer, index: positives, negatives, sums
        count(readings, positive, found, 0);
        count(readings, negative, found, 1);
        List<Evidence> all = new ArrayList<>();
        found.forEach((layer, features) -> features.forEach((index, counts) -> all.add(new Evidence(
                layer,
                index,
                counts[0] / positive.size(),
                negative.isEmpty() ? 0 : counts[1] / negative.size(),
                counts[2] / counts[0],
                counts[3] / positive.size()))));
        Set<Evidence> pushing = readings.attributed() ? pushing(all) : Set.copyOf(all);
        List<Evidence> kept = all.stream()
                .filter(one -> one.here() >= least && one.elsewhere() <= most && pushing.contains(one))
                .toList();
        String title = String.format(
                Locale.ROOT,
                "%sactive at ≥ %.0f %% of %d tokens and ≤ %.0f %% of %d others",
                readings.attributed() ? "of what pushes most (" + pushing.size() + "): " : "",
                100 * least,
                positive.size(),
                100 * most,
                negative.size());
        return new Contrast(readings.replacement(), kept, title, readings.attributed());
    }

    /** The fewest features that make up most of what pushes. */
    private static Set<Evidence> pushing(List<Evidence> all) {
        List<Evidence> order = all.stream()
                .filter(one -> one.effect() > 0)
                .sorted(Comparator.comparingDouble(one -> -one.effect()))
                .toList();
        double left = PUSH * order.stream().mapToDouble(Evidence::effect).sum();
        Set<Evidence> pushing = new LinkedHashSet<>();
        for (Evidence one : order) {
            if (left > 0) {
                pushing.add(one);
                left -= one.effect();
            }
        }
        return pushing;
    }

    private static void count(
            Readings readings, List<Spot> spots, Map<Integer, Map<Integer, double[]>> found, int column) {
        for (Spot spot : spots) {
            for (Readings.Active active : readings.of(spot)) {
                double[] counts = found.computeIfAbsent(active.layer(), l -> new TreeMap<>())
                        .computeIfAbsent(active.index(), i -> new double[4]);
                counts[column]++;
                counts[2] += column == 0 ? active.value() : 0;
                counts[3] += column == 0 ? active.effect() : 0;
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
        return new Contrast(replacement, some, title, attributed);
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

    /**
     * What share of all that is active at a token, in the layers that the chosen features are from and by activation, these have: 1 would be the whole
     * token.
     */
    public double share(Spot spot) {
        double all = 0;
        double own = 0;
        for (Readings.Active active : Readings.of(replacement, List.of(spot)).of(spot)) {
            boolean within = evidence.stream().anyMatch(one -> one.layer() == active.layer());
            all += within ? Math.abs(active.value()) : 0;
            own += has(active) ? Math.abs(active.value()) : 0;
        }
        return all == 0 ? 0 : own / all;
    }

    @Override
    public View view() {
        List<String> columns = new ArrayList<>(List.of("feature", "active", "elsewhere", "mean activation"));
        if (attributed) {
            columns.add("mean push, logits");
        }
        List<List<String>> rows = new ArrayList<>();
        for (Evidence one : evidence) {
            rows.add(Stream.of(
                            name(one),
                            percent(one.here()),
                            percent(one.elsewhere()),
                            number(one.activation()),
                            number(one.effect()))
                    .limit(columns.size())
                    .toList());
        }
        return new View.Table(title, columns, rows);
    }

    private static String number(double value) {
        return String.format(Locale.ROOT, "%.2f", value);
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
