package dev.ariadne.intervention;

import dev.ariadne.attribution.ReplacementModel;
import dev.ariadne.train.TutorialCorpus;
import dev.ariadne.train.TutorialCorpus.Kind;
import dev.ariadne.train.TutorialCorpus.Sentence;
import dev.ariadne.train.TutorialFacts;
import dev.ariadne.train.TutorialFacts.Region;
import dev.ariadne.train.TutorialModel;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;

/**
 * Chooses features of the tutorial model by contrast, and never at what they are for: a region's at its other places, a word's in other languages, a
 * language's in its other frames. Where there is but one word ("capital"), against the word that could stand in its place.
 *
 * <pre>{@code
 * var members = TutorialMembers.of(replacement);
 * members.region("Texas", "Dallas")                                                  // why which features
 * members.region("Texas", "Dallas").supernode("Texas", Spot.of(prompt, "Dallas"))
 * }</pre>
 */
public final class TutorialMembers {
    /** Positions in the prompts of the tutorial, the token that begins each text included. */
    static final int PLACE = 9;

    static final int CAPITAL = 4;
    static final int KIND = 7;
    static final int WORD = 5;
    static final int LAST = -1;

    /** The tokens of a frame beside the quoted word and the quotes. */
    static final List<Integer> FRAME = List.of(1, 2, 3, 7);

    private static final int SAMPLE = 24; // prompts, where many would say the same
    private static final double LEAST = 0.6;
    private static final double MOST = 0.1;

    private final TutorialCorpus corpus;
    private final TutorialFacts facts;
    private final Map<Kind, Map<String, Map<String, String>>> frames =
            new LinkedHashMap<>(); // language, frame: a prompt
    private final Map<String, Map<String, String>> words = new LinkedHashMap<>(); // concept, language: a prompt
    private final ReplacementModel replacement;
    private final Readings readings;

    /** Reads the shipped model's prompts. */
    public static TutorialMembers of(ReplacementModel replacement) {
        return new TutorialMembers(replacement, TutorialCorpus.embedded(TutorialModel.SHIPPED_SEED));
    }

    TutorialMembers(ReplacementModel replacement, TutorialCorpus corpus) {
        this.replacement = replacement;
        this.corpus = corpus;
        this.facts = corpus.facts();
        for (Sentence sentence : corpus.sentences()) {
            boolean opposite = sentence.kind() == Kind.OPPOSITE;
            if ((opposite || sentence.kind() == Kind.SYNONYM) && isAligned(sentence)) {
                frames.computeIfAbsent(sentence.kind(), k -> new LinkedHashMap<>())
                        .computeIfAbsent(sentence.language(), l -> new LinkedHashMap<>())
                        .putIfAbsent(frame(sentence.prompt()), sentence.prompt());
                if (opposite) {
                    words.computeIfAbsent(sentence.subject(), c -> new LinkedHashMap<>())
                            .putIfAbsent(sentence.language(), sentence.prompt());
                }
            }
        }
        this.readings = Readings.of(replacement, spots());
    }

    /** Whether the quoted word comes after the question, as in all frames but one. */
    static boolean isAligned(Sentence sentence) {
        return !sentence.prompt().startsWith("\"");
    }

    /** What stands before the quoted word. */
    static String frame(String prompt) {
        return prompt.substring(0, prompt.indexOf('"'));
    }

    private List<Spot> spots() {
        Set<Spot> all = new LinkedHashSet<>();
        facts.cities().keySet().forEach(city -> all.add(Spot.at(twoHop("capital", city), PLACE)));
        for (String city : sample()) {
            for (String what : List.of("capital", "abbreviation")) {
                all.add(Spot.at(twoHop(what, city), CAPITAL));
                all.add(Spot.at(twoHop(what, city), KIND));
                all.add(Spot.last(twoHop(what, city)));
            }
        }
        words.values().forEach(word -> word.values().forEach(prompt -> all.add(Spot.at(prompt, WORD))));
        frames.values()
                .forEach(languages -> languages
                        .values()
                        .forEach(each -> each.values()
                                .forEach(prompt -> FRAME.forEach(position -> all.add(Spot.at(prompt, position))))));
        return List.copyOf(all);
    }

    /** Places of which some two-hop sentence was learned, of all kinds of regions. */
    private List<String> sample() {
        Map<String, List<String>> byKind = new LinkedHashMap<>();
        facts.cities().forEach((city, region) -> {
            List<String> same = byKind.computeIfAbsent(region(region).kind(), kind -> new ArrayList<>());
            if (same.size() < SAMPLE && !corpus.heldOutPlaces().contains(city)) {
                same.add(city);
            }
        });
        return byKind.values().stream().flatMap(List::stream).toList();
    }

    private String twoHop(String what, String city) {
        String kind = region(Objects.requireNonNull(facts.cities().get(city))).kind();
        return "Fact: the " + what + " of the " + kind + " containing " + city + " is";
    }

    private Region region(String name) {
        return Objects.requireNonNull(facts.regions().get(name));
    }

    private Contrast contrast(List<Spot> positive, List<Spot> negative) {
        return Contrast.of(readings, positive, negative, LEAST, MOST);
    }

    /**
     * Active at a region's places, and not elsewhere.
     *
     * @param region its name
     * @param without the place that it is for
     */
    public Contrast region(String region, String without) {
        List<Spot> inside = new ArrayList<>();
        List<Spot> outside = new ArrayList<>();
        facts.cities().forEach((city, where) -> {
            if (!city.equals(without)) {
                (where.equals(region) ? inside : outside).add(Spot.at(twoHop("capital", city), PLACE));
            }
        });
        return contrast(inside, outside).layers(0, 0);
    }

    /** Active at "state", and not at the words for other kinds of regions; or the same for another kind. */
    public Contrast kind(String kind) {
        List<Spot> inside = new ArrayList<>();
        List<Spot> outside = new ArrayList<>();
        for (String city : sample()) {
            boolean same = region(Objects.requireNonNull(facts.cities().get(city)))
                    .kind()
                    .equals(kind);
            (same ? inside : outside).add(Spot.at(twoHop("capital", city), KIND));
        }
        return contrast(inside, outside).layers(0, 0);
    }

    /** Active at "capital", and not at "abbreviation". */
    public Contrast capital() {
        return question(CAPITAL).layers(0, 0);
    }

    /** Active at the last token when a capital is asked for, and not when an abbreviation is. */
    public Contrast sayACapital() {
        return question(LAST);
    }

    /**
     * Active at the last token when the capital of a region is asked for by its places, and not when an abbreviation is, nor for other regions.
     *
     * @param region its name
     * @param without the place that it is for
     */
    public Contrast sayCapitalOf(String region, String without) {
        List<Spot> inside = new ArrayList<>();
        List<Spot> outside = new ArrayList<>();
        facts.cities().forEach((city, where) -> {
            if (!city.equals(without)) {
                (where.equals(region) ? inside : outside).add(Spot.last(twoHop("capital", city)));
                if (where.equals(region)) {
                    outside.add(Spot.last(twoHop("abbreviation", city)));
                }
            }
        });
        return Contrast.of(replacement, inside, outside);
    }

    /**
     * Active at the last token when the opposite of a concept is asked for in other languages, and not when that of another concept is.
     *
     * @param concept its English word
     * @param without the language that it is for
     */
    public Contrast sayOpposite(String concept, String without) {
        List<Spot> inside = new ArrayList<>();
        List<Spot> outside = new ArrayList<>();
        words.forEach((name, prompts) -> prompts.forEach((language, prompt) -> {
            if (!language.equals(without)) {
                (name.equals(concept) ? inside : outside).add(Spot.last(prompt));
            }
        }));
        return Contrast.of(replacement, inside, outside);
    }

    /** What is active at the tokens around a prompt's quoted word in a language's other frames, and not in those of other languages. */
    public Supernode language(String name, String language, String prompt) {
        Supernode all = Supernode.drawn(name).on(prompt);
        for (int position : FRAME) {
            Contrast one = language(language, position, frame(prompt));
            all = all.plus(one.supernode(name, Spot.at(prompt, position)));
        }
        return all;
    }

    /** What is active at the tokens around a prompt's quoted word that ask for an opposite, and not at those that ask for a synonym; or the reverse. */
    public Supernode relation(String name, Kind kind, String language, String prompt) {
        Supernode all = Supernode.drawn(name).on(prompt);
        for (int position : FRAME) {
            Contrast one = relation(kind, language, position, frame(prompt));
            all = all.plus(one.supernode(name, Spot.at(prompt, position)));
        }
        return all;
    }

    private Contrast question(int position) {
        List<String> cities = sample();
        return contrast(
                cities.stream()
                        .map(city -> Spot.at(twoHop("capital", city), position))
                        .toList(),
                cities.stream()
                        .map(city -> Spot.at(twoHop("abbreviation", city), position))
                        .toList());
    }

    /**
     * Active at a concept's word in at least one language, and not at the other concepts'.
     *
     * @param concept its English word
     * @param without the language that it is for
     */
    public Contrast concept(String concept, String without) {
        List<Spot> inside = new ArrayList<>();
        List<Spot> outside = new ArrayList<>();
        words.forEach((name, prompts) -> prompts.forEach((language, prompt) -> {
            if (!language.equals(without)) {
                (name.equals(concept) ? inside : outside).add(Spot.at(prompt, WORD));
            }
        }));
        return Contrast.of(readings, inside, outside, 0.5, MOST).layers(0, 0);
    }

    /**
     * Active at a concept's word itself, and not at other words of its language: what the word does not share with other languages, too.
     *
     * @param concept its English word
     * @param language of the word
     */
    public Contrast word(String concept, String language) {
        List<Spot> outside = new ArrayList<>();
        words.forEach((name, prompts) -> {
            if (!name.equals(concept)) {
                outside.add(Spot.at(Objects.requireNonNull(prompts.get(language)), WORD));
            }
        });
        String prompt = Objects.requireNonNull(
                Objects.requireNonNull(words.get(concept), concept).get(language), language);
        return contrast(List.of(Spot.at(prompt, WORD)), outside).layers(0, 0);
    }

    /** Active at a token of a language's other frames that ask for an opposite, and not at that of the frames of other languages. */
    Contrast language(String language, int position, String without) {
        List<Spot> outside = new ArrayList<>();
        for (String other : TutorialFacts.LANGUAGES) {
            if (!other.equals(language)) {
                outside.addAll(frames(Kind.OPPOSITE, other, position, ""));
            }
        }
        return contrast(frames(Kind.OPPOSITE, language, position, without), outside)
                .layers(0, 0);
    }

    /** Active at a token of one frame, and not at those of the frames of its language that ask for the other of opposite and synonym. */
    Contrast relation(Kind kind, String language, int position, String frame) {
        Kind other = kind == Kind.OPPOSITE ? Kind.SYNONYM : Kind.OPPOSITE;
        Spot here = Spot.at(prompts(kind, language).getOrDefault(frame, firstOf(kind, language)), position);
        return contrast(List.of(here), frames(other, language, position, "")).layers(0, 0);
    }

    private String firstOf(Kind kind, String language) {
        return prompts(kind, language).values().iterator().next();
    }

    private Map<String, String> prompts(Kind kind, String language) {
        return Objects.requireNonNull(Objects.requireNonNull(frames.get(kind)).get(language));
    }

    private List<Spot> frames(Kind kind, String language, int position, String without) {
        return prompts(kind, language).entrySet().stream()
                .filter(frame -> !frame.getKey().equals(without))
                .map(frame -> Spot.at(frame.getValue(), position))
                .toList();
    }

    /** The frames that ask for an opposite in a language. */
    List<String> frames(String language) {
        return List.copyOf(prompts(Kind.OPPOSITE, language).keySet());
    }

    /** The features of a layer that are active at any token that was read. */
    List<Integer> used(int layer) {
        return spots().stream()
                .flatMap(spot -> readings.of(spot).stream())
                .filter(active -> active.layer() == layer)
                .map(Readings.Active::index)
                .distinct()
                .sorted()
                .toList();
    }
}
