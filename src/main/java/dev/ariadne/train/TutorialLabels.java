package dev.ariadne.train;

import dev.ariadne.model.HookedTransformer;
import dev.ariadne.train.TutorialTags.Scope;
import dev.ariadne.transcoder.FeatureScan;
import dev.ariadne.transcoder.Transcoders;
import java.util.ArrayList;
import java.util.EnumMap;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.TreeMap;
import java.util.stream.LongStream;

/**
 * Names for the features of the tutorial model, made by one rule from what activates them in the corpus.
 *
 * <p>Each token has tags ({@link TutorialTags}): "Texas places" at Dallas, "say Austin" where Austin comes next. A feature's tag is the one with the best F1 of
 * precision (the share of its activation that lies on tokens with the tag) and recall (the share of those tokens on which it is active). Where that leaves more
 * than a fifth of its activation over, the best tag for the rest is named, too ("Texas / Ohio"); if more than a fifth is still left, the name ends with "(mixed)". What comes next but is not pushed by the feature is written "Austin next". A feature that no prompt makes
 * active, but an answer behind one, is named after it: "propre as an answer".
 */
final class TutorialLabels {
    private static final double LEFT = 0.2; // of a feature's activation, without being called mixed
    private static final double WORTH = 0.1; // of it, for a second tag to be named

    private static final double PUSHED = 2; // standard errors

    private final HookedTransformer model;
    private final Transcoders transcoders;
    private final Map<Scope, TutorialTags> tags = new EnumMap<>(Scope.class);
    private final List<Map<Integer, Map<Integer, Float>>> active = new ArrayList<>(); // by layer: feature, place
    private final List<Map<Integer, Map<Integer, Float>>> answers =
            new ArrayList<>(); // the same of what no prompt activates

    private TutorialLabels(HookedTransformer model, Transcoders transcoders, TutorialCorpus corpus) {
        this.model = model;
        this.transcoders = transcoders;
        for (Scope scope : Scope.values()) {
            tags.put(scope, new TutorialTags(corpus, scope));
        }
        for (int layer = 0; layer < transcoders.size(); layer++) {
            active.add(new TreeMap<>());
            answers.add(new TreeMap<>());
        }
    }

    /** The names of all features, by layer_index, but for those that are never active in the corpus. */
    static Map<String, String> of(HookedTransformer model, Transcoders transcoders, TutorialCorpus corpus) {
        TutorialLabels labels = new TutorialLabels(model, transcoders, corpus);
        labels.look(Scope.TOKENS);
        labels.look(Scope.PREFIXES); // and whole prompts, which are of the same texts
        labels.look(Scope.ANSWERS);
        Map<String, String> all = new LinkedHashMap<>();
        for (int i = 0; i < transcoders.size(); i++) {
            int layer = i;
            long[] features = LongStream.range(0, transcoders.features(layer)).toArray();
            float[][] pushed = FeatureScan.logits(model, transcoders, layer, features);
            for (int feature = 0; feature < features.length; feature++) {
                Map<Integer, Float> prompts = labels.active.get(layer).get(feature);
                Map<Integer, Float> answers = labels.answers.get(layer).get(feature);
                if (prompts != null) {
                    all.put(layer + "_" + feature, name(labels.tags(layer), prompts, pushed[feature]));
                } else if (answers != null) {
                    all.put(layer + "_" + feature, name(labels.tags(Scope.ANSWERS), answers, pushed[feature]));
                }
            }
        }
        return all;
    }

    private void look(Scope scope) {
        boolean answer = scope == Scope.ANSWERS;
        FeatureScan.run(model, transcoders, tags(scope).texts(), (text, layer, feature, activations) -> {
            boolean counts = (scope == Scope.TOKENS) == (layer == 0)
                    && !(answer && active.get(layer).containsKey(feature));
            for (int at = 1; counts && at < activations.length; at++) {
                int place = (answer ? tags(scope) : tags(layer)).place(text, at);
                if (activations[at] > 0 && place >= 0) {
                    (answer ? answers : active)
                            .get(layer)
                            .computeIfAbsent(feature, f -> new HashMap<>())
                            .put(place, activations[at]);
                }
            }
        });
    }

    /** In the first layer nothing but the token counts, and what the last one writes before the end of a prompt goes nowhere. */
    private TutorialTags tags(int layer) {
        return tags(layer == 0 ? Scope.TOKENS : layer < transcoders.size() - 1 ? Scope.PREFIXES : Scope.PROMPTS);
    }

    private TutorialTags tags(Scope scope) {
        return Objects.requireNonNull(tags.get(scope));
    }

    private static String name(TutorialTags tags, Map<Integer, Float> activations, float... pushed) {
        double all = sum(activations);
        Map<Integer, Float> left = new HashMap<>(activations);
        String first = best(tags, left, all);
        left.keySet().removeAll(tags.places(first));
        double rest = sum(left) / all;
        String name = written(tags, first, pushed);
        if (rest > LEFT) {
            String second = best(tags, left, all);
            left.keySet().removeAll(tags.places(second));
            name += rest - sum(left) / all >= WORTH ? " / " + written(tags, second, pushed) : "";
        }
        return sum(left) / all > LEFT ? name + " (mixed)" : name;
    }

    private static double sum(Map<Integer, Float> activations) {
        return activations.values().stream().mapToDouble(a -> a).sum();
    }

    /** The tag that fits these activations best, as parts of a sum. */
    private static String best(TutorialTags tags, Map<Integer, Float> activations, double sum) {
        Map<String, double[]> byTag = new TreeMap<>(); // activation, places; sorted: the alphabet decides ties
        activations.forEach((place, activation) -> {
            for (String tag : tags.at(place)) {
                double[] both = byTag.computeIfAbsent(tag, t -> new double[2]);
                both[0] += activation;
                both[1]++;
            }
        });
        String best = "";
        double most = -1;
        for (Map.Entry<String, double[]> each : byTag.entrySet()) {
            double precision = each.getValue()[0] / sum;
            double recall = each.getValue()[1] / tags.places(each.getKey()).size();
            double f1 = 2 * precision * recall / (precision + recall);
            if (f1 > most + 1e-9) {
                most = f1;
                best = each.getKey();
            }
        }
        return best;
    }

    /** A tag as it is written: a feature says what comes next if it pushes that by two standard errors of as many tokens at least. */
    private static String written(TutorialTags tags, String tag, float... pushed) {
        Set<Long> answers = tags.answers(tag);
        double square = 0; // about 0, which is the mean
        for (float each : pushed) {
            square += (double) each * each / pushed.length;
        }
        double mean = answers.stream()
                .mapToDouble(answer -> pushed[answer.intValue()])
                .average()
                .orElse(Double.POSITIVE_INFINITY);
        return mean >= PUSHED * Math.sqrt(square / Math.max(1, answers.size()))
                ? tag
                : tag.substring("say ".length()) + " next";
    }
}
