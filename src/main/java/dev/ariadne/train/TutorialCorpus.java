package dev.ariadne.train;

import dev.ariadne.train.TutorialFacts.Concept;
import dev.ariadne.train.TutorialFacts.Region;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Random;
import java.util.Set;
import java.util.TreeSet;
import java.util.function.Predicate;

/**
 * The sentences that the tutorial model learns, and those that are kept from it. Each ends with the one token that is to be predicted.
 *
 * <p>Kept from it: two-hop sentences ("the capital of the state containing Dallas is") about one place in five; in each language, the opposites of some
 * words and of their synonyms. Whoever tunes the training looks at the {@linkplain #DEVELOPMENT development} split; what is reported is measured on
 * another one.
 *
 * <p>Frames are aligned: in every language a quoted word is token 5, its answer token 9, but for the usual Chinese order, in which it is token 2.
 */
public final class TutorialCorpus {
    /** The split that is looked at while a training is tuned. */
    public static final long DEVELOPMENT = 0;

    /** Places that no two-hop sentence is about, whatever the split: the tutorials ask about them. */
    public static final List<String> DEMO_PLACES = List.of("Dallas", "Oakland", "Shanghai", "Vancouver");

    private static final String DEMO_CONCEPT = "small"; // its French pair is kept from the model, whatever the split
    private static final String DEMO_LANGUAGE = "fr";

    /** What a sentence says. */
    public enum Kind {
        /** In which region a place lies. */
        PLACE,
        /** A region's capital. */
        CAPITAL,
        /** A region's code. */
        ABBREVIATION,
        /** Whether a region is a state, province, territory or country. */
        REGION_KIND,
        /** The capital or the code of the region in which a place lies. */
        TWO_HOP,
        /** The opposite of a word, all in one language. */
        OPPOSITE,
        /** The opposite of a word of another language. */
        FOREIGN_OPPOSITE,
        /** A synonym, all in one language. */
        SYNONYM,
        /** The opposite of a synonym, all in one language. */
        SYNONYM_OPPOSITE,
        /** The same in another language. */
        TRANSLATION
    }

    /**
     * A sentence.
     *
     * @param kind what it says
     * @param subject the place, region or concept it is about
     * @param language of its frame, one of {@link TutorialFacts#LANGUAGES}
     * @param prompt all but its last token
     * @param answer its last token
     * @param heldOut whether it is kept from the model
     */
    public record Sentence(Kind kind, String subject, String language, String prompt, String answer, boolean heldOut) {}

    /**
     * What is kept from the model.
     *
     * @param seed decides which
     * @param places the share of each region's places, above 0 and below 1
     * @param opposites the share of all (pair of opposites, language), above 0 and below 1
     */
    public record HoldOut(long seed, double places, double opposites) {
        /** Checks the shares. */
        public HoldOut {
            if (!(places > 0 && places < 1 && opposites > 0 && opposites < 1)) {
                throw new IllegalArgumentException(
                        "a hold-out keeps shares above 0 and below 1 from the model, else nothing shows what it has"
                                + " understood; got places " + places + ", opposites " + opposites);
            }
        }

        /** One place in five and 15 % of the opposites. */
        public static HoldOut of(long seed) {
            return new HoldOut(seed, 0.2, 0.15);
        }
    }

    private final TutorialFacts facts;
    private final Set<String> heldPlaces = new LinkedHashSet<>();
    private final Set<List<String>> heldOpposites = new LinkedHashSet<>(); // [concept, language]
    private final List<Sentence> sentences = new ArrayList<>();
    private final TutorialWords words;

    /**
     * Makes the sentences.
     *
     * @param facts what they say
     * @param holdOut which of them are kept from the model
     * @throws IllegalArgumentException when nothing would be kept from it
     */
    public TutorialCorpus(TutorialFacts facts, HoldOut holdOut) {
        this.facts = facts;
        choose(holdOut);
        addGeography();
        for (Concept concept : facts.concepts().values()) {
            for (String language : TutorialFacts.LANGUAGES) {
                addWords(concept, language);
            }
        }
        this.words = new TutorialWords(facts, sentences);
    }

    /** The sentences of the library's facts, with the usual shares kept from the model. */
    public static TutorialCorpus embedded(long split) {
        return new TutorialCorpus(TutorialFacts.embedded(), HoldOut.of(split));
    }

    private void choose(HoldOut holdOut) {
        Random random = new Random(holdOut.seed());
        Map<String, List<String>> byRegion = new LinkedHashMap<>();
        facts.cities()
                .forEach((city, region) ->
                        byRegion.computeIfAbsent(region, r -> new ArrayList<>()).add(city));
        byRegion.forEach((region, cities) -> {
            List<String> order = new ArrayList<>(cities);
            Collections.shuffle(order, random);
            order.sort((a, b) -> Boolean.compare(DEMO_PLACES.contains(b), DEMO_PLACES.contains(a))); // stable
            int count = (int) Math.min(Math.round(holdOut.places() * cities.size()), cities.size() - 1);
            heldPlaces.addAll(order.subList(0, Math.max(0, count)));
        });
        DEMO_PLACES.stream().filter(facts.cities()::containsKey).forEach(heldPlaces::add);
        List<List<String>> pairs = new ArrayList<>();
        for (Concept concept : facts.concepts().values()) {
            if (concept.name().compareTo(concept.opposite()) < 0) {
                TutorialFacts.LANGUAGES.forEach(language -> pairs.add(List.of(concept.name(), language)));
            }
        }
        Collections.shuffle(pairs, random);
        List<List<String>> held =
                new ArrayList<>(pairs.subList(0, (int) Math.round(holdOut.opposites() * pairs.size())));
        if (facts.concepts().containsKey(DEMO_CONCEPT)) {
            held.add(List.of(DEMO_CONCEPT, DEMO_LANGUAGE));
        }
        for (List<String> pair : held) {
            heldOpposites.add(pair);
            heldOpposites.add(List.of(
                    Objects.requireNonNull(facts.concepts().get(pair.get(0))).opposite(), pair.get(1)));
        }
        if (heldPlaces.isEmpty() || heldOpposites.isEmpty()) {
            throw new IllegalArgumentException("nothing would be kept from the model: " + holdOut + " makes "
                    + heldPlaces.size() + " places of " + facts.cities().size() + " and " + heldOpposites.size()
                    + " opposites; raise the shares, or add facts");
        }
    }

    private void addGeography() {
        facts.places().forEach((place, region) -> {
            add(Kind.PLACE, place, "Fact: " + place + ",", region, false);
            add(Kind.PLACE, place, place + " is in", region, false);
            for (String word : kinds(region)) {
                add(Kind.PLACE, place, "the " + word + " containing " + place + " is", region, false);
            }
        });
        for (Region region : facts.regions().values()) {
            String name = region.name();
            for (int twice = 0; twice < 2; twice++) {
                add(Kind.CAPITAL, name, "the capital of " + name + " is", region.capital(), false);
                add(Kind.ABBREVIATION, name, "the abbreviation of " + name + " is", region.abbreviation(), false);
            }
            add(Kind.REGION_KIND, name, name + " is a", region.kind(), false);
        }
        facts.cities().forEach((city, name) -> {
            Region region = Objects.requireNonNull(facts.regions().get(name));
            for (String word : kinds(name)) {
                String where = " of the " + word + " containing " + city + " is";
                boolean held = heldPlaces.contains(city);
                add(Kind.TWO_HOP, city, "Fact: the capital" + where, region.capital(), held);
                add(Kind.TWO_HOP, city, "Fact: the abbreviation" + where, region.abbreviation(), held);
            }
        });
    }

    /** What a region is asked as: both words for Canada's, of which one may be asked about the other. */
    private List<String> kinds(String region) {
        String kind = Objects.requireNonNull(facts.regions().get(region)).kind();
        return kind.equals("province") || kind.equals("territory") ? List.of("province", "territory") : List.of(kind);
    }

    private void add(Kind kind, String subject, String prompt, String answer, boolean heldOut) {
        sentences.add(new Sentence(kind, subject, "en", prompt, answer, heldOut));
    }

    private void addWords(Concept concept, String language) {
        Concept opposite = Objects.requireNonNull(facts.concepts().get(concept.opposite()));
        boolean held = heldOpposites.contains(List.of(concept.name(), language));
        String word = Objects.requireNonNull(concept.words().get(language));
        String answer = Objects.requireNonNull(opposite.words().get(language));
        Phrase phrase = new Phrase(concept.name(), language);
        for (int frame = 0; frame < TutorialFrames.opposites(language); frame++) {
            add(phrase, Kind.OPPOSITE, TutorialFrames.opposite(language, frame, word), answer, held);
        }
        String synonym = concept.synonyms().get(language);
        int turn = sentences.size(); // the frames take turns
        if (synonym != null) {
            add(phrase, Kind.SYNONYM, TutorialFrames.synonym(language, turn, word), synonym, false);
            add(phrase, Kind.SYNONYM, TutorialFrames.synonym(language, turn + 1, synonym), word, false);
            add(phrase, Kind.SYNONYM_OPPOSITE, TutorialFrames.opposite(language, turn % 3, synonym), answer, held);
        }
        for (String other : TutorialFacts.LANGUAGES) {
            if (!other.equals(language)) {
                String foreign = Objects.requireNonNull(concept.words().get(other));
                int next = sentences.size();
                add(phrase, Kind.FOREIGN_OPPOSITE, TutorialFrames.opposite(language, next % 3, foreign), answer, false);
                add(phrase, Kind.TRANSLATION, TutorialFrames.translation(language, next, foreign), word, false);
                String second = concept.synonyms().get(other);
                if (second != null) {
                    String prompt = TutorialFrames.opposite(language, (next + 1) % 3, second);
                    add(phrase, Kind.FOREIGN_OPPOSITE, prompt, answer, false);
                }
            }
        }
    }

    /** What several sentences have in common. */
    private record Phrase(String concept, String language) {}

    private void add(Phrase phrase, Kind kind, String prompt, String answer, boolean heldOut) {
        sentences.add(new Sentence(kind, phrase.concept(), phrase.language(), prompt, answer, heldOut));
    }

    /** What the sentences say. */
    public TutorialFacts facts() {
        return facts;
    }

    /** All sentences, those that are kept from the model included, in a fixed order. */
    public List<Sentence> sentences() {
        return Collections.unmodifiableList(sentences);
    }

    /** Places that no two-hop sentence the model learns is about, sorted. */
    public Set<String> heldOutPlaces() {
        return Collections.unmodifiableSet(new TreeSet<>(heldPlaces));
    }

    /** Whether a concept's opposite in a language is kept from the model. */
    public boolean isHeldOut(String concept, String language) {
        return heldOpposites.contains(List.of(concept, language));
    }

    /** The tokens by id, the one that begins each text first. */
    public List<String> vocabulary() {
        return words.vocabulary();
    }

    /** Writes the tokenizer with these tokens beside a model's weights; blanks belong to no token. */
    public void writeTokenizer(Path folder) throws IOException {
        WholeWords.write(folder, words.vocabulary(), words.cut());
    }

    /**
     * The ids of a text, beginning with the token that begins each text.
     *
     * @throws IllegalArgumentException when a word is not in the vocabulary
     */
    public long[] tokens(String text) {
        return words.tokens(text);
    }

    /** Whether all words of a text are in the vocabulary. */
    boolean knows(String text) {
        return words.knows(text);
    }

    /** The sentences to learn from that fulfil a condition; their last tokens are to be predicted. */
    public List<Example> examples(Predicate<Sentence> condition) {
        return sentences.stream()
                .filter(sentence -> !sentence.heldOut())
                .filter(condition)
                .map(sentence -> {
                    long[] prompt = tokens(sentence.prompt());
                    long[] all = Arrays.copyOf(prompt, prompt.length + 1);
                    all[prompt.length] = words.id(sentence.answer());
                    return new Example(all, new int[] {prompt.length});
                })
                .toList();
    }
}
