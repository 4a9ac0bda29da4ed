package dev.ariadne.train;

import dev.ariadne.train.TutorialCorpus.Kind;
import dev.ariadne.train.TutorialCorpus.Sentence;
import dev.ariadne.train.TutorialFacts.Concept;
import dev.ariadne.train.TutorialFacts.Region;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collection;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.stream.Collectors;

/**
 * What can be said about the tokens of the corpus: the token itself, what it is of ("Texas places", "small/petit/小"), and in context what the text is
 * about so far, in which language, and what comes next ("say Austin", "say a capital").
 *
 * <p>Something is said of places: distinct tokens, or distinct beginnings of prompts.
 */
final class TutorialTags {
    private static final Map<String, String> LANGUAGES = Map.of("en", "English", "fr", "French", "zh", "Chinese");

    /** What the places are. */
    enum Scope {
        /** The tokens of the vocabulary, where nothing but the token counts. */
        TOKENS,
        /** The beginnings of prompts. */
        PREFIXES,
        /** Whole prompts. */
        PROMPTS,
        /** Answers behind their prompts. */
        ANSWERS
    }

    private final TutorialCorpus corpus;
    private final List<long[]> texts = new ArrayList<>();
    private final List<int[]> placeOf =
            new ArrayList<>(); // by text: of each token, −1 for the first token and where an earlier text begins alike
    private final List<Set<String>> tagsAt = new ArrayList<>(); // by place
    private final Map<String, Set<Integer>> placesOf = new HashMap<>();
    private final Map<String, Set<Long>> answers = new HashMap<>(); // that come next where something is said
    private final Map<String, Set<String>> meanings = new HashMap<>(); // of a token, whatever stands before it
    private final Map<String, String> topics = new HashMap<>(); // of a token: its region or concept
    private final Map<String, String> frames = new HashMap<>(); // of a token that only one language has in its frames

    /**
     * Looks at a corpus.
     *
     * @param scope what the places are
     */
    TutorialTags(TutorialCorpus corpus, Scope scope) {
        this.corpus = corpus;
        addMeanings();
        if (scope == Scope.ANSWERS) {
            addAnswers();
        } else if (scope != Scope.TOKENS) {
            addPrompts(scope == Scope.PROMPTS);
        } else {
            for (int id = 1; id < corpus.vocabulary().size(); id++) {
                texts.add(new long[] {0, id});
                placeOf.add(new int[] {-1, place(meanings(word(id)))});
            }
        }
    }

    private void addPrompts(boolean whole) {
        Map<List<Long>, Integer> known = new HashMap<>();
        for (Sentence sentence : corpus.sentences()) {
            long[] text = corpus.tokens(sentence.prompt());
            int[] places = new int[text.length];
            List<Long> ids = Arrays.stream(text).boxed().toList();
            Set<String> soFar = new LinkedHashSet<>();
            for (int at = 0; at < text.length; at++) {
                Set<String> tags = tags(sentence, text, at, soFar);
                List<Long> key = ids.subList(0, at + 1);
                boolean counts = whole ? at == text.length - 1 : at > 0;
                places[at] = counts && !known.containsKey(key) ? place(tags) : -1;
                known.putIfAbsent(key, places[at]);
            }
            texts.add(text);
            placeOf.add(places);
        }
    }

    private void addAnswers() {
        for (Sentence sentence : corpus.sentences()) {
            long[] prompt = corpus.tokens(sentence.prompt());
            long[] text = Arrays.copyOf(prompt, prompt.length + 1);
            text[prompt.length] = corpus.tokens(sentence.answer())[1];
            int[] places = new int[text.length];
            Arrays.fill(places, -1);
            places[prompt.length] = place(meanings(sentence.answer()).stream()
                    .map(meaning -> meaning + " as an answer")
                    .collect(Collectors.toSet()));
            texts.add(text);
            placeOf.add(places);
        }
    }

    private int place(Set<String> tags) {
        tags.forEach(
                tag -> placesOf.computeIfAbsent(tag, t -> new LinkedHashSet<>()).add(tagsAt.size()));
        tagsAt.add(Set.copyOf(tags));
        return tagsAt.size() - 1;
    }

    private void addMeanings() {
        TutorialFacts facts = corpus.facts();
        facts.places().forEach((place, region) -> mean(place, region + " places", region));
        for (Region region : facts.regions().values()) {
            mean(region.name(), region.name() + " (name)", region.name());
            mean(region.abbreviation(), region.name() + " abbreviation", region.name());
        }
        for (Concept concept : facts.concepts().values()) {
            words(concept).forEach(word -> mean(word, name(concept), name(concept)));
        }
        Map<String, Set<String>> languages = new LinkedHashMap<>();
        for (Sentence sentence : corpus.sentences()) {
            if (isOfWords(sentence)) {
                for (long id : corpus.tokens(sentence.prompt())) {
                    languages
                            .computeIfAbsent(word(id), w -> new LinkedHashSet<>())
                            .add(sentence.language());
                }
            }
        }
        languages.forEach((word, some) -> {
            if (some.size() == 1 && !topics.containsKey(word)) {
                frames.put(word, LANGUAGES.get(some.iterator().next()) + " frame");
            }
        });
    }

    private void mean(String token, String what, String topic) {
        meanings.computeIfAbsent(token, t -> new LinkedHashSet<>()).add(what);
        topics.putIfAbsent(token, topic);
    }

    private static Collection<String> words(Concept concept) {
        Set<String> all = new LinkedHashSet<>(concept.words().values());
        all.addAll(concept.synonyms().values());
        return all;
    }

    /** A concept's words, those of all languages. */
    private static String name(Concept concept) {
        return TutorialFacts.LANGUAGES.stream()
                .map(language -> Objects.requireNonNull(concept.words().get(language)))
                .collect(Collectors.joining("/"));
    }

    private static boolean isOfWords(Sentence sentence) {
        return switch (sentence.kind()) {
            case OPPOSITE, FOREIGN_OPPOSITE, SYNONYM, SYNONYM_OPPOSITE, TRANSLATION -> true;
            case PLACE, CAPITAL, ABBREVIATION, REGION_KIND, TWO_HOP -> false;
        };
    }

    private String word(long id) {
        return corpus.vocabulary().get((int) id);
    }

    /** The tags of a token, whatever stands before it. */
    private Set<String> meanings(String token) {
        Set<String> tags = new LinkedHashSet<>(meanings.getOrDefault(token, Set.of()));
        tags.add(token);
        String frame = frames.get(token);
        if (frame != null) {
            tags.add(frame + " word");
        }
        return tags;
    }

    /** The tags of a token of a prompt; what the text has said so far is added to. */
    private Set<String> tags(Sentence sentence, long[] text, int at, Set<String> soFar) {
        String token = word(text[at]);
        Set<String> tags = meanings(token);
        String frame = frames.get(token);
        if (topics.containsKey(token)) {
            soFar.add(Objects.requireNonNull(topics.get(token)));
        }
        if (frame != null) {
            soFar.add(frame);
        }
        if (token.equals("capital") || token.equals("abbreviation")) {
            soFar.add(token + " of");
        }
        tags.addAll(soFar);
        if (at == text.length - 1) {
            Set<String> next = next(sentence);
            long answer = corpus.tokens(sentence.answer())[1];
            next.forEach(tag ->
                    answers.computeIfAbsent(tag, t -> new LinkedHashSet<>()).add(answer));
            tags.addAll(next);
        }
        return tags;
    }

    /** What comes next. */
    private Set<String> next(Sentence sentence) {
        Set<String> tags = new LinkedHashSet<>();
        tags.add("say " + sentence.answer());
        if (isOfWords(sentence)) {
            String topic = topics.get(sentence.answer());
            tags.add("say " + topic);
            tags.add("say a word in " + LANGUAGES.get(sentence.language()));
            tags.add("say "
                    + (sentence.kind() == Kind.SYNONYM
                            ? "a synonym"
                            : sentence.kind() == Kind.TRANSLATION ? "a translation" : "an opposite"));
        } else {
            Region region = corpus.facts().regions().get(sentence.answer());
            boolean code = sentence.prompt().contains("abbreviation");
            tags.add(
                    region != null
                            ? "say a region"
                            : sentence.kind() == Kind.REGION_KIND
                                    ? "say a kind of region"
                                    : code ? "say an abbreviation" : "say a capital");
        }
        return tags;
    }

    /** Token ids. */
    List<long[]> texts() {
        return texts;
    }

    /** The place of a token; −1 where there is none, or where an earlier text has had it. */
    int place(int text, int at) {
        return placeOf.get(text)[at];
    }

    /** What can be said of a place. */
    Set<String> at(int place) {
        return tagsAt.get(place);
    }

    /** All places of which something can be said. */
    Set<Integer> places(String tag) {
        return placesOf.getOrDefault(tag, Set.of());
    }

    /** The tokens that come next where something is said; none for what is not said of what comes next. */
    Set<Long> answers(String tag) {
        return answers.getOrDefault(tag, Set.of());
    }
}
