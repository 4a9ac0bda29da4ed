package dev.ariadne.intervention;

import dev.ariadne.attribution.ReplacementModel;
import dev.ariadne.train.TutorialCorpus;
import dev.ariadne.train.TutorialCorpus.Kind;
import dev.ariadne.train.TutorialCorpus.Sentence;
import dev.ariadne.train.TutorialFacts;
import dev.ariadne.train.TutorialFacts.Concept;
import dev.ariadne.train.TutorialFacts.Region;
import dev.ariadne.train.TutorialModel;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.function.Function;
import java.util.function.Predicate;
import java.util.function.Supplier;
import java.util.stream.Collectors;

/**
 * Chooses features of the tutorial model, and never at what they are for: a region's at its other places, a word's in other languages, a language's
 * in its other frames. Attribution comes first: candidates are what pushes the answer there. Contrast confirms which of them mean it: active there and
 * not at other places, words, frames. Where there is but one word ("capital"), the contrast is with the word that could stand in its place.
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
    private static final int EACH = 8; // prompts of a frame
    private static final double LEAST = 0.6;
    private static final double MOST = 0.1;

    private final ReplacementModel replacement;
    private final TutorialCorpus corpus;
    private final TutorialFacts facts;
    private final Map<Kind, Map<String, Map<String, List<Sentence>>>> frames =
            new LinkedHashMap<>(); // language, frame: some sentences
    private final Map<String, Map<String, String>> words = new LinkedHashMap<>(); // concept, language: a prompt
    private final Map<String, Readings> readings = new HashMap<>(); // what has been needed so far

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
                List<Sentence> same = frames.computeIfAbsent(sentence.kind(), k -> new LinkedHashMap<>())
                        .computeIfAbsent(sentence.language(), l -> new LinkedHashMap<>())
                        .computeIfAbsent(frame(sentence.prompt()), f -> new ArrayList<>());
                if (same.size() < EACH && !sentence.heldOut() && hasSynonym(sentence)) {
                    same.add(sentence);
                }
                if (opposite) {
                    words.computeIfAbsent(sentence.subject(), c -> new LinkedHashMap<>())
                            .putIfAbsent(sentence.language(), sentence.prompt());
                }
            }
        }
    }

    /** Whether the quoted word comes after the question, as in all frames but one. */
    static boolean isAligned(Sentence sentence) {
        return !sentence.prompt().startsWith("\"");
    }

    /** What stands before the quoted word. */
    static String frame(String prompt) {
        return prompt.substring(0, prompt.indexOf('"'));
    }

    private boolean hasSynonym(Sentence sentence) {
        return concept(sentence.subject()).synonyms().containsKey(sentence.language());
    }

    /** Reads features when they are first asked for. */
    private Readings read(String what, Supplier<Map<Spot, Toward>> aims) {
        return readings.computeIfAbsent(what, each -> Readings.toward(replacement, aims.get()));
    }

    /** What is active at places, and pushes their capitals against others. */
    private Readings places(int position) {
        return read("places " + position, () -> {
            List<String> capitals = capitals(region -> true);
            Map<Spot, Toward> aims = new LinkedHashMap<>();
            facts.cities()
                    .forEach((city, where) -> aims.put(
                            Spot.at(twoHop("capital", city), position),
                            Toward.of(region(where).capital(), capitals)));
            return aims;
        });
    }

    private List<String> capitals(Predicate<Region> which) {
        return facts.regions().values().stream()
                .filter(which)
                .map(Region::capital)
                .distinct()
                .toList();
    }

    /** What is active where a capital is asked for, or a code, and pushes one against the other. */
    private Readings questions(int position) {
        return read("questions " + position, () -> {
            Map<Spot, Toward> aims = new LinkedHashMap<>();
            for (String city : position == LAST ? List.copyOf(facts.cities().keySet()) : sample()) {
                Region region = regionOf(city);
                Toward toward = Toward.of(region.capital(), List.of(region.abbreviation()));
                for (String what : List.of("capital", "abbreviation")) {
                    aims.put(Spot.at(twoHop(what, city), position), toward);
                }
            }
            return aims;
        });
    }

    /** What is active at the words for kinds of regions, and pushes the capitals of that kind against others. */
    private Readings kinds() {
        return read("kinds", () -> {
            Map<Spot, Toward> aims = new LinkedHashMap<>();
            for (String city : sample()) {
                String kind = regionOf(city).kind();
                List<String> own = capitals(region -> region.kind().equals(kind));
                List<String> others = capitals(region -> !own.contains(region.capital()));
                aims.put(Spot.at(twoHop("capital", city), KIND), new Toward(own, others));
            }
            return aims;
        });
    }

    /** What is active at words, or after them, and pushes their opposites against others. */
    private Readings words(int position) {
        return read("words " + position, () -> {
            Map<Spot, Toward> aims = new LinkedHashMap<>();
            words.forEach((name, prompts) -> prompts.forEach((language, prompt) -> aims.put(
                    Spot.at(prompt, position),
                    Toward.of(
                            word(concept(concept(name).opposite()), language),
                            facts.concepts().values().stream()
                                    .map(concept -> word(concept, language))
                                    .toList()))));
            return aims;
        });
    }

    /** What is active in frames, and pushes the answer in their language against the same in others. */
    private Readings languages() {
        return read("languages", () -> {
            Map<Spot, Toward> aims = new LinkedHashMap<>();
            each(
                    Kind.OPPOSITE,
                    sentence -> {
                        Concept opposite = concept(concept(sentence.subject()).opposite());
                        return Toward.of(sentence.answer(), opposite.words().values());
                    },
                    aims);
            return aims;
        });
    }

    /** What is active in frames, and pushes the opposite against the synonym, or the reverse. */
    private Readings relations() {
        return read("relations", () -> {
            Map<Spot, Toward> aims = new LinkedHashMap<>();
            each(
                    Kind.OPPOSITE,
                    sentence -> Toward.of(
                            sentence.answer(),
                            List.of(Objects.requireNonNull(
                                    concept(sentence.subject()).synonyms().get(sentence.language())))),
                    aims);
            each(
                    Kind.SYNONYM,
                    sentence -> Toward.of(
                            sentence.answer(),
                            List.of(word(concept(concept(sentence.subject()).opposite()), sentence.language()))),
                    aims);
            return aims;
        });
    }

    private void each(Kind kind, Function<Sentence, Toward> toward, Map<Spot, Toward> aims) {
        Objects.requireNonNull(frames.get(kind))
                .values()
                .forEach(some -> some.values()
                        .forEach(sentences -> sentences.forEach(sentence -> FRAME.forEach(
                                position -> aims.put(Spot.at(sentence.prompt(), position), toward.apply(sentence))))));
    }

    private static <T> T known(Map<String, T> all, String what, String name) {
        T found = all.get(name);
        if (found == null) {
            throw new IllegalArgumentException("the tutorial model knows no " + what + " '" + name + "'; it knows "
                    + String.join(", ", all.keySet()));
        }
        return found;
    }

    private Region region(String name) {
        return known(facts.regions(), "region", name);
    }

    private Region regionOf(String city) {
        return region(known(facts.cities(), "city", city));
    }

    private Concept concept(String name) {
        return known(facts.concepts(), "concept", name);
    }

    private static String word(Concept concept, String language) {
        return Objects.requireNonNull(concept.words().get(language));
    }

    /** Places of which some two-hop sentence was learned, of all kinds of regions. */
    private List<String> sample() {
        Map<String, List<String>> byKind = new LinkedHashMap<>();
        facts.cities().keySet().forEach(city -> {
            List<String> same = byKind.computeIfAbsent(regionOf(city).kind(), kind -> new ArrayList<>());
            if (same.size() < SAMPLE && !corpus.heldOutPlaces().contains(city)) {
                same.add(city);
            }
        });
        return byKind.values().stream().flatMap(List::stream).toList();
    }

    private String twoHop(String what, String city) {
        return "Fact: the " + what + " of the " + regionOf(city).kind() + " containing " + city + " is";
    }

    private static Contrast contrast(Readings readings, List<Spot> positive, List<Spot> negative) {
        return Contrast.of(readings, positive, negative, LEAST, MOST);
    }

    /**
     * Pushes the capital at a region's places, is active there, and not elsewhere.
     *
     * @param region its name
     * @param without the place that it is for
     */
    public Contrast region(String region, String without) {
        return region(region, without, PLACE);
    }

    private Contrast region(String region, String without, int position) {
        region(region);
        regionOf(without);
        List<Spot> inside = new ArrayList<>();
        List<Spot> outside = new ArrayList<>();
        facts.cities().forEach((city, where) -> {
            if (!city.equals(without)) {
                (where.equals(region) ? inside : outside).add(Spot.at(twoHop("capital", city), position));
            }
        });
        return contrast(places(position), inside, outside);
    }

    /** Pushes the capitals of states at "state", and is not active at the words for other kinds of regions; or the same for another kind. */
    public Contrast kind(String kind) {
        Map<Boolean, List<Spot>> spots = sample().stream()
                .collect(Collectors.partitioningBy(
                        city -> regionOf(city).kind().equals(kind),
                        Collectors.mapping(city -> Spot.at(twoHop("capital", city), KIND), Collectors.toList())));
        return contrast(kinds(), Objects.requireNonNull(spots.get(true)), Objects.requireNonNull(spots.get(false)));
    }

    /** Pushes capitals against codes at "capital", and is not active at "abbreviation". */
    public Contrast capital() {
        return question(CAPITAL, sample());
    }

    /** Pushes capitals at the last token when they are asked for, and is not active when codes are. */
    public Contrast sayACapital() {
        return question(LAST, sample());
    }

    /**
     * The same for the places of one region: what says a capital, and what says this one.
     *
     * @param region its name
     * @param without the place that it is for
     */
    public Contrast sayACapital(String region, String without) {
        region(region);
        regionOf(without);
        return question(
                LAST,
                facts.cities().keySet().stream()
                        .filter(city ->
                                !city.equals(without) && regionOf(city).name().equals(region))
                        .toList());
    }

    private Contrast question(int position, List<String> cities) {
        return contrast(
                questions(position),
                cities.stream()
                        .map(city -> Spot.at(twoHop("capital", city), position))
                        .toList(),
                cities.stream()
                        .map(city -> Spot.at(twoHop("abbreviation", city), position))
                        .toList());
    }

    /**
     * Pushes the capital of a region at the last token when it is asked for by its places, and is not active for other regions.
     *
     * @param region its name
     * @param without the place that it is for
     */
    public Contrast sayCapitalOf(String region, String without) {
        return region(region, without, LAST);
    }

    /**
     * Pushes the opposite of a concept at the last token when it is asked for in other languages, and is not active when that of another concept is.
     *
     * @param concept its English word
     * @param without the language that it is for
     */
    public Contrast sayOpposite(String concept, String without) {
        return concept(concept, without, LAST, LEAST);
    }

    /**
     * Pushes the opposite at a concept's word, active in at least one language, and not at the other concepts'.
     *
     * @param concept its English word
     * @param without the language that it is for
     */
    public Contrast concept(String concept, String without) {
        return concept(concept, without, WORD, 0.5);
    }

    private Contrast concept(String concept, String without, int position, double least) {
        known(words, "concept", concept);
        known(concept(concept).words(), "language", without);
        List<Spot> inside = new ArrayList<>();
        List<Spot> outside = new ArrayList<>();
        words.forEach((name, prompts) -> prompts.forEach((language, prompt) -> {
            if (!language.equals(without)) {
                (name.equals(concept) ? inside : outside).add(Spot.at(prompt, position));
            }
        }));
        return Contrast.of(words(position), inside, outside, least, MOST);
    }

    /**
     * Pushes the opposite at a concept's word itself, and is not active at other words of its language: what the word does not share with other
     * languages, too.
     *
     * @param concept its English word
     * @param language of the word
     */
    public Contrast word(String concept, String language) {
        String prompt = known(known(words, "concept", concept), "language", language);
        List<Spot> outside = new ArrayList<>();
        words.forEach((name, prompts) -> {
            if (!name.equals(concept)) {
                outside.add(Spot.at(Objects.requireNonNull(prompts.get(language)), WORD));
            }
        });
        return contrast(words(WORD), List.of(Spot.at(prompt, WORD)), outside);
    }

    /** What makes a language at the tokens around a prompt's quoted word, chosen in its other frames and against those of other languages. */
    public Supernode language(String name, String language, String prompt) {
        return around(name, prompt, position -> language(language, position, frame(prompt)));
    }

    /** What asks for an opposite at the tokens around a prompt's quoted word, and not for a synonym; or the reverse. */
    public Supernode relation(String name, Kind kind, String language, String prompt) {
        return around(name, prompt, position -> relation(kind, language, position, frame(prompt)));
    }

    /** The supernodes of {@link Demonstration#dallas} as this model has them, by the same names. */
    public Map<String, Supernode> dallas() {
        String prompt = Demonstration.dallas().prompt();
        Map<String, Supernode> nodes = new LinkedHashMap<>();
        Supernode sayAustin = sayCapitalOf("Texas", "Dallas").supernode("Say Austin", Spot.last(prompt));
        Supernode sayACapital =
                sayACapital().supernode("Say a capital", Spot.last(prompt)).leadsTo(sayAustin);
        Supernode texas = region("Texas", "Dallas")
                .supernode("Texas", Spot.at(prompt, PLACE))
                .leadsTo(sayAustin);
        add(nodes, capital().supernode("capital", Spot.at(prompt, CAPITAL)).leadsTo(sayACapital));
        add(nodes, kind("state").supernode("state", Spot.at(prompt, KIND)).leadsTo(sayACapital, texas));
        add(nodes, texas, sayACapital, sayAustin);
        transplant(nodes, "California", "Oakland", "state");
        transplant(nodes, "China", "Shanghai", "country");
        transplant(nodes, "British Columbia", "Vancouver", "territory");
        return nodes;
    }

    private static void add(Map<String, Supernode> nodes, Supernode... more) {
        for (Supernode node : more) {
            nodes.put(node.name(), node);
        }
    }

    private void transplant(Map<String, Supernode> nodes, String region, String city, String kind) {
        String prompt = "Fact: the capital of the " + kind + " containing " + city + " is";
        Supernode say =
                sayCapitalOf(region, city).supernode("Say " + region(region).capital(), Spot.last(prompt));
        add(
                nodes,
                say,
                region(region, city).supernode(region, Spot.at(prompt, PLACE)).leadsTo(say));
    }

    /** The supernodes of {@link Demonstration#opposites} as this model has them, by the same names, and "English". */
    public Map<String, Supernode> opposites() {
        String prompt = Demonstration.opposites().prompt();
        String grand = "Le contraire de \"grand\" est \"";
        Map<String, Supernode> nodes = new LinkedHashMap<>();
        Supernode sayBig = sayOpposite("small", "fr").supernode("Say big", Spot.last(prompt));
        Supernode saySmall = sayOpposite("big", "fr").supernode("Say small", Spot.last(grand));
        add(nodes, language("French", "fr", prompt));
        add(nodes, relation("opposite", Kind.OPPOSITE, "fr", prompt).leadsTo(sayBig));
        add(nodes, word("small", "fr").supernode("small", Spot.at(prompt, WORD)).leadsTo(sayBig), sayBig, saySmall);
        add(nodes, word("big", "fr").supernode("big", Spot.at(grand, WORD)).leadsTo(saySmall));
        add(nodes, language("Chinese", "zh", "反义词:\"小\"是\""));
        add(nodes, language("English", "en", "The opposite of \"small\" is \""));
        add(nodes, relation("synonym", Kind.SYNONYM, "fr", "Un synonyme de \"petit\" est \""));
        return nodes;
    }

    private static Supernode around(String name, String prompt, Function<Integer, Contrast> choice) {
        Supernode all = Supernode.drawn(name).on(prompt);
        for (int position : FRAME) {
            all = all.plus(choice.apply(position).supernode(name, Spot.at(prompt, position)));
        }
        return all;
    }

    /** Pushes a language's words at a token of its other frames that ask for an opposite, and is not active at that of other languages' frames. */
    Contrast language(String language, int position, String without) {
        List<Spot> outside = new ArrayList<>();
        for (String other : TutorialFacts.LANGUAGES) {
            if (!other.equals(language)) {
                outside.addAll(spots(Kind.OPPOSITE, other, position, frame -> true));
            }
        }
        List<Spot> inside = spots(Kind.OPPOSITE, language, position, frame -> !frame.equals(without));
        return contrast(languages(), inside, outside);
    }

    /** Pushes what a frame asks for at one of its tokens, and is not active in the frames of its language that ask for the other. */
    Contrast relation(Kind kind, String language, int position, String frame) {
        Kind other = kind == Kind.OPPOSITE ? Kind.SYNONYM : Kind.OPPOSITE;
        String own = prompts(kind, language).containsKey(frame)
                ? frame
                : prompts(kind, language).keySet().iterator().next();
        return contrast(
                relations(),
                spots(kind, language, position, own::equals),
                spots(other, language, position, each -> true));
    }

    private Map<String, List<Sentence>> prompts(Kind kind, String language) {
        return Objects.requireNonNull(Objects.requireNonNull(frames.get(kind)).get(language));
    }

    private List<Spot> spots(Kind kind, String language, int position, Predicate<String> frames) {
        return prompts(kind, language).entrySet().stream()
                .filter(frame -> frames.test(frame.getKey()))
                .flatMap(frame -> frame.getValue().stream())
                .map(sentence -> Spot.at(sentence.prompt(), position))
                .toList();
    }

    /** The frames that ask for an opposite in a language. */
    List<String> frames(String language) {
        return List.copyOf(prompts(Kind.OPPOSITE, language).keySet());
    }
}
