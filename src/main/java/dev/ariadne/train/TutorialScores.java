package dev.ariadne.train;

import dev.ariadne.model.Hook;
import dev.ariadne.model.HookedTransformer;
import dev.ariadne.model.Logits;
import dev.ariadne.train.TutorialCorpus.Sentence;
import java.util.ArrayList;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.TreeMap;
import java.util.stream.Collectors;

/**
 * What the tutorial model learned: how often the most probable token is the right one.
 *
 * @param shares by what was asked: "learned" for all sentences it was trained on, else a {@link TutorialCorpus.Kind} of which it saw none
 * @param replaced the same with all MLPs replaced by transcoders; empty when there are none
 * @param demo its answers to the prompts of the tutorials
 * @param phases how it was trained
 */
public record TutorialScores(
        Map<String, Share> shares, Map<String, Share> replaced, Map<String, String> demo, List<Training> phases) {
    /** The prompts of the tutorials and their answers. */
    public static final Map<String, String> DEMO = demoAnswers();

    private static final int BATCH = 512;

    /**
     * A share.
     *
     * @param right how many were right
     * @param all of how many
     */
    public record Share(int right, int all) {
        /** Between 0 and 1. */
        public double value() {
            return (double) right / all;
        }

        Share plus(boolean isRight) {
            return new Share(right + (isRight ? 1 : 0), all + 1);
        }

        @Override
        public String toString() {
            return String.format(Locale.ROOT, "%.3f (%d/%d)", value(), right, all);
        }
    }

    /** Keeps the order. */
    public TutorialScores {
        shares = Collections.unmodifiableMap(new LinkedHashMap<>(shares));
        replaced = Collections.unmodifiableMap(new LinkedHashMap<>(replaced));
        demo = Collections.unmodifiableMap(new LinkedHashMap<>(demo));
        phases = List.copyOf(phases);
    }

    private static Map<String, String> demoAnswers() {
        Map<String, String> answers = new LinkedHashMap<>();
        answers.put("Fact: the capital of the state containing Dallas is", "Austin");
        answers.put("Fact: the capital of the state containing Oakland is", "Sacramento");
        answers.put("Fact: the capital of the country containing Shanghai is", "Beijing");
        answers.put("Fact: the capital of the territory containing Vancouver is", "Victoria");
        answers.put("Le contraire de \"petit\" est \"", "grand");
        answers.put("\"小\"的反义词是\"", "大");
        answers.put("The opposite of \"small\" is \"", "big");
        return Collections.unmodifiableMap(answers);
    }

    /** Asks a model all sentences of a corpus, and what the tutorials ask; the sentences once more with hooks, if there are any. */
    static TutorialScores of(HookedTransformer model, TutorialCorpus corpus, List<Training> phases, Hook... hooks) {
        Map<String, String> demo = new LinkedHashMap<>();
        List<String> prompts =
                DEMO.keySet().stream().filter(prompt -> corpus.knows(prompt)).toList();
        List<String> said = answers(model, corpus, prompts);
        for (int i = 0; i < prompts.size(); i++) {
            demo.put(prompts.get(i), said.get(i));
        }
        Map<String, Share> replaced = hooks.length == 0 ? Map.of() : shares(model, corpus, hooks);
        return new TutorialScores(shares(model, corpus), replaced, demo, phases);
    }

    private static Map<String, Share> shares(HookedTransformer model, TutorialCorpus corpus, Hook... hooks) {
        List<Sentence> sentences = corpus.sentences();
        List<String> answers =
                answers(model, corpus, sentences.stream().map(Sentence::prompt).toList(), hooks);
        Map<String, Share> shares = new TreeMap<>();
        for (int i = 0; i < answers.size(); i++) {
            Sentence sentence = sentences.get(i);
            String what = sentence.heldOut() ? "held out " + sentence.kind() : "learned";
            boolean right = answers.get(i).equals(sentence.answer());
            shares.put(what, shares.getOrDefault(what, new Share(0, 0)).plus(right));
        }
        return shares;
    }

    /** The most probable token after each prompt. */
    static List<String> answers(HookedTransformer model, TutorialCorpus corpus, List<String> prompts, Hook... hooks) {
        Map<Integer, List<Integer>> byLength = new TreeMap<>();
        List<long[]> tokens = prompts.stream().map(corpus::tokens).toList();
        for (int i = 0; i < tokens.size(); i++) {
            byLength.computeIfAbsent(tokens.get(i).length, length -> new ArrayList<>())
                    .add(i);
        }
        List<String> answers = new ArrayList<>(prompts);
        for (List<Integer> same : byLength.values()) {
            for (int from = 0; from < same.size(); from += BATCH) {
                List<Integer> part = same.subList(from, Math.min(same.size(), from + BATCH));
                try (Logits logits = model.next(part.stream().map(tokens::get).toArray(long[][]::new), hooks)) {
                    long[] best = logits.array().argMax(2).toLongArray();
                    for (int i = 0; i < best.length; i++) {
                        answers.set(part.get(i), corpus.vocabulary().get((int) best[i]));
                    }
                }
            }
        }
        return answers;
    }

    /** How many of the tutorials' prompts are answered right. */
    public Share demoShare() {
        Share share = new Share(0, 0);
        for (Map.Entry<String, String> said : demo.entrySet()) {
            share = share.plus(said.getValue().equals(DEMO.get(said.getKey())));
        }
        return share;
    }

    @Override
    public String toString() {
        double seconds = phases.stream().mapToDouble(Training::seconds).sum();
        String with = replaced.isEmpty() ? "" : "; with all MLPs replaced " + text(replaced);
        return text(shares) + ", tutorial prompts " + demoShare() + with
                + String.format(Locale.ROOT, "; %.0f s of training", seconds);
    }

    private static String text(Map<String, Share> shares) {
        return shares.entrySet().stream()
                .map(share -> share.getKey() + " " + share.getValue())
                .collect(Collectors.joining(", "));
    }
}
