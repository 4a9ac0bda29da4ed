package dev.ariadne.intervention;

import dev.ariadne.attribution.ReplacementModel;
import dev.ariadne.train.TutorialCorpus;
import dev.ariadne.train.TutorialCorpus.Kind;
import dev.ariadne.train.TutorialCorpus.Sentence;
import dev.ariadne.train.TutorialFacts;
import dev.ariadne.train.TutorialFacts.Concept;
import dev.ariadne.train.TutorialFacts.Region;
import dev.ariadne.train.TutorialModel;
import dev.ariadne.transcoder.Feature;
import dev.ariadne.view.Displayable;
import dev.ariadne.view.Progress;
import dev.ariadne.view.View;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Objects;
import java.util.Random;
import java.util.Set;
import java.util.function.Predicate;
import java.util.stream.Collectors;
import java.util.stream.IntStream;

/**
 * The interventions of the tutorials on many prompts that the tutorial model has never seen, as rates.
 *
 * <p>Members of a supernode are chosen by {@link TutorialMembers} on other places, words or frames than those they are tested at. Beside each rate
 * stands that of as many random features at the same tokens, changed by as much. All is done twice, with attention live and with its patterns frozen.
 */
public final class TutorialInterventions implements Displayable {
    private static final List<Mode> MODES = List.of(Mode.LIVE, Mode.FROZEN);
    private static final Rate NO_RATE = new Rate(0, 0);
    private static final Row NONE = new Row("", NO_RATE, NO_RATE, NO_RATE, NO_RATE, 0, 0);

    private final ReplacementModel replacement;
    private final TutorialCorpus corpus;
    private final TutorialFacts facts;
    private final TutorialMembers members;
    private final Random random;
    private final Set<String> capitals;
    private final Map<String, Row> rows = new LinkedHashMap<>();

    /**
     * An intervention, and how often what was looked for came of it.
     *
     * @param what it is, and what was looked for
     * @param live with attention live
     * @param frozen with attention patterns frozen
     * @param controlLive with random features instead, attention live
     * @param controlFrozen with random features instead, patterns frozen
     * @param features how many were set, on average
     * @param share of all that is active at the tokens where features were lowered, in the layers that they are from: how much those have, by
     *     activation, on average
     */
    public record Row(
            String what, Rate live, Rate frozen, Rate controlLive, Rate controlFrozen, double features, double share) {
        private Row plus(String name, boolean[] hits, double more, double part) {
            int count = live.all();
            return new Row(
                    name,
                    live.plus(hits[0]),
                    frozen.plus(hits[1]),
                    controlLive.plus(hits[2]),
                    controlFrozen.plus(hits[3]),
                    (features * count + more) / (count + 1),
                    (share * count + part) / (count + 1));
        }
    }

    private TutorialInterventions(ReplacementModel replacement, long split, long seed) {
        this.replacement = replacement;
        this.corpus = TutorialCorpus.embedded(split);
        this.facts = corpus.facts();
        this.members = new TutorialMembers(replacement, corpus);
        this.random = new Random(seed);
        this.capitals = facts.regions().values().stream().map(Region::capital).collect(Collectors.toSet());
    }

    /**
     * Intervenes on places, words and languages.
     *
     * @param replacement the tutorial model of some seed, with transcoders
     * @param split the seed that chose what was kept from it
     * @param pairs how many prompts about places, and as many about words; languages are swapped for as many concepts, of which there
     *     are 116
     * @param seed chooses prompts, what is put in, and controls
     */
    public static TutorialInterventions run(ReplacementModel replacement, long split, int pairs, long seed) {
        TutorialInterventions all = new TutorialInterventions(replacement, split, seed);
        all.places(pairs);
        all.words(pairs);
        all.languages(pairs);
        return all;
    }

    /** Intervenes on places of the shipped model; parameters as above. */
    public static TutorialInterventions places(ReplacementModel replacement, int pairs, long seed) {
        TutorialInterventions places = new TutorialInterventions(replacement, TutorialModel.SHIPPED_SEED, seed);
        places.places(pairs);
        return places;
    }

    /** Intervenes on words and languages of the shipped model; parameters as above. */
    public static TutorialInterventions words(ReplacementModel replacement, int pairs, long seed) {
        TutorialInterventions words = new TutorialInterventions(replacement, TutorialModel.SHIPPED_SEED, seed);
        words.words(pairs);
        words.languages(pairs);
        return words;
    }

    private void places(int pairs) {
        List<Sentence> places = heldOut(Kind.TWO_HOP).stream()
                .filter(sentence -> sentence.prompt().startsWith("Fact: the capital"))
                .toList();
        each("intervening on places", pairs, () -> place(one(places)));
    }

    private static void each(String what, int count, Runnable once) {
        try (Progress progress = Progress.of(what, count)) {
            for (int i = 0; i < count; i++) {
                once.run();
                progress.step();
            }
        }
    }

    private void words(int pairs) {
        List<Sentence> words = heldOut(Kind.OPPOSITE).stream()
                .filter(TutorialMembers::isAligned)
                .toList();
        each("intervening on words", pairs, () -> word(one(words)));
    }

    private void languages(int concepts) {
        try (Progress progress = Progress.of(
                "intervening on languages",
                6L * Math.min(concepts, facts.concepts().size()))) {
            for (String from : TutorialFacts.LANGUAGES) {
                for (String to : TutorialFacts.LANGUAGES) {
                    if (!from.equals(to)) {
                        language(from, to, concepts, progress);
                    }
                }
            }
        }
    }

    private List<Sentence> heldOut(Kind kind) {
        return corpus.sentences().stream()
                .filter(sentence -> sentence.heldOut() && sentence.kind() == kind)
                .toList();
    }

    private <T> T one(List<T> list) {
        return list.get(random.nextInt(list.size()));
    }

    private void place(Sentence sentence) {
        Region own = region(facts.regionOf(sentence.subject()));
        Region other = one(facts.regions().values().stream()
                .filter(region -> !region.equals(own) && facts.cities().containsValue(region.name()))
                .toList());
        Contrast mine = members.region(own.name(), sentence.subject());
        Contrast theirs = members.region(other.name(), sentence.subject());
        String kind = sentence.prompt().split(" containing ", 2)[0].replaceAll(".* ", "");
        try (Prompt prompt = new Prompt(sentence.prompt())) {
            for (int factor : new int[] {0, -1}) {
                Edit off = prompt.edit().lower(mine, TutorialMembers.PLACE, factor);
                String what = off("region", factor);
                prompt.add(off, what + "its capital no longer on top", top -> !top.equals(own.capital()));
                prompt.add(
                        off,
                        what + "another capital on top",
                        top -> capitals.contains(top) && !top.equals(own.capital()));
            }
            Edit rest = prompt.edit().lowerOthers(mine, TutorialMembers.PLACE, -1);
            prompt.add(rest, "all but the region off ×−1: answer as before", own.capital()::equals);
            Edit swap = prompt.edit().lower(mine, TutorialMembers.PLACE, -1).raise(theirs, TutorialMembers.PLACE, 2);
            prompt.add(swap, "another region in, ×−1/×2: that one's capital", other.capital()::equals);
            for (int factor : new int[] {0, -1}) {
                Edit state = prompt.edit().lower(members.kind(kind), TutorialMembers.KIND, factor);
                prompt.add(state, off("\"state\"", factor) + "answer as before", own.capital()::equals);
            }
            for (int factor : new int[] {0, -1}) {
                Edit capital = prompt.edit().lower(members.capital(), TutorialMembers.CAPITAL, factor);
                prompt.add(capital, off("\"capital\"", factor) + "no capital on top", top -> !capitals.contains(top));
            }
            Edit say = prompt.edit()
                    .lower(members.sayACapital(own.name(), sentence.subject()), TutorialMembers.LAST, -2)
                    .lower(members.sayACapital(), TutorialMembers.LAST, -2);
            prompt.add(say, off("\"say a capital\"", -2) + "no capital on top", top -> !capitals.contains(top));
            prompt.run();
        }
    }

    private static String off(String what, int factor) {
        return what + " off ×" + Intervention.number(factor) + ": ";
    }

    private Region region(String name) {
        return Objects.requireNonNull(facts.regions().get(name));
    }

    private Concept concept(String name) {
        return Objects.requireNonNull(facts.concepts().get(name));
    }

    private static String word(Concept concept, String language) {
        return Objects.requireNonNull(concept.words().get(language));
    }

    private void word(Sentence sentence) {
        Concept own = concept(sentence.subject());
        Concept other = one(facts.concepts().values().stream()
                .filter(concept -> !concept.equals(own) && !concept.name().equals(own.opposite()))
                .toList());
        String language = sentence.language();
        String right = word(concept(own.opposite()), language);
        Contrast mine = members.concept(own.name(), language);
        Contrast theirs = members.concept(other.name(), language);
        String frame = TutorialMembers.frame(sentence.prompt());
        try (Prompt prompt = new Prompt(sentence.prompt())) {
            for (int factor : new int[] {0, -1}) {
                Edit off = prompt.edit().lower(mine, TutorialMembers.WORD, factor);
                prompt.add(off, off("concept", factor) + "the right word no longer on top", top -> !top.equals(right));
            }
            Edit swap = prompt.edit().lower(mine, TutorialMembers.WORD, -1).raise(theirs, TutorialMembers.WORD, 2);
            prompt.add(
                    swap,
                    "another concept in, ×−1/×2: the right word in the prompt's language",
                    word(concept(other.opposite()), language)::equals);
            Edit synonym = prompt.edit();
            for (int position : TutorialMembers.FRAME) {
                synonym.lower(members.relation(Kind.OPPOSITE, language, position, frame), position, 0)
                        .raise(members.relation(Kind.SYNONYM, language, position, ""), position, 1); // its first frame
            }
            String near = own.synonyms().get(language);
            if (near != null) {
                prompt.add(synonym, "opposite → synonym ×0/×1: the synonym on top", near::equals);
            }
            prompt.run();
        }
    }

    /** Concepts' words in one language, the frame's language turned off or exchanged. */
    private void language(String from, String to, int concepts, Progress progress) {
        List<String> frames = members.frames(from);
        int turn = 0;
        for (Concept concept :
                facts.concepts().values().stream().limit(concepts).toList()) {
            String frame = frames.get(turn++ % frames.size());
            String question = corpus.sentences().stream()
                    .filter(s -> s.kind() == Kind.OPPOSITE && s.subject().equals(concept.name()))
                    .map(Sentence::prompt)
                    .filter(prompt -> prompt.startsWith(frame + '"'))
                    .findFirst()
                    .orElseThrow();
            Concept opposite = concept(concept.opposite());
            try (Prompt prompt = new Prompt(question)) {
                Edit off = prompt.edit();
                Edit over = prompt.edit();
                Edit swap = prompt.edit();
                List<String> theirs = members.frames(to);
                for (int position : TutorialMembers.FRAME) {
                    Contrast own = members.language(from, position, frame);
                    off.lower(own, position, 0);
                    over.lower(own, position, -1);
                    Contrast other = members.language(to, position, theirs.get(turn % theirs.size()));
                    swap.lower(own, position, 0).raise(other, position, 1);
                }
                Predicate<String> another = top -> speaks(top) && !speaks(top, from);
                prompt.add(off, off("language", 0) + "answer in another language", another);
                prompt.add(over, off("language", -1) + "answer in another language", another);
                prompt.add(swap, "language in ×0/×1: answer in that language", top -> speaks(top, to));
                prompt.add(swap, "language in ×0/×1: the right word in that language", word(opposite, to)::equals);
                prompt.add(swap, from + " → " + to + ": the right word", word(opposite, to)::equals);
                prompt.run();
            }
            progress.step();
        }
    }

    private boolean speaks(String word) {
        return TutorialFacts.LANGUAGES.stream().anyMatch(language -> speaks(word, language));
    }

    private boolean speaks(String word, String language) {
        return facts.concepts().values().stream()
                .anyMatch(concept -> word.equals(concept.words().get(language))
                        || word.equals(concept.synonyms().get(language)));
    }

    /** What is set in a prompt, and the same with other features. */
    private final class Edit {
        private final Prompt prompt;
        private final Map<Feature, Double> values = new LinkedHashMap<>();
        private final Set<Feature> lowered = new LinkedHashSet<>();
        private final Set<Integer> tokens = new LinkedHashSet<>(); // where features are lowered, if there are any

        Edit(Prompt prompt) {
            this.prompt = prompt;
        }

        private List<Feature> at(Contrast contrast, int position) {
            int place = Positions.at(position).in(prompt.patcher.length())[0];
            return contrast.evidence().stream()
                    .map(one -> new Feature(one.layer(), place, one.index()))
                    .toList();
        }

        private void lower(Feature feature, double factor) {
            double now = prompt.now(feature);
            if (now != 0) {
                values.put(feature, factor * now);
                lowered.add(feature);
            }
        }

        /** Sets those that are active to a multiple of what they are. */
        Edit lower(Contrast contrast, int position, double factor) {
            tokens.add(Positions.at(position).in(prompt.patcher.length())[0]);
            at(contrast, position).forEach(feature -> lower(feature, factor));
            return this;
        }

        /** Sets all other features that are active there. */
        Edit lowerOthers(Contrast contrast, int position, double factor) {
            tokens.add(position);
            List<Feature> members = at(contrast, position);
            for (int layer = 0; layer < prompt.clean.size(); layer++) {
                for (int index = 0; index < prompt.clean.get(layer)[position].length; index++) {
                    Feature feature = new Feature(layer, position, index);
                    if (!members.contains(feature)) {
                        lower(feature, factor);
                    }
                }
            }
            return this;
        }

        /** Sets all to a multiple of their mean where they were chosen. */
        Edit raise(Contrast contrast, int position, double factor) {
            List<Feature> features = at(contrast, position);
            for (int i = 0; i < features.size(); i++) {
                values.put(features.get(i), factor * contrast.evidence().get(i).activation());
            }
            return this;
        }

        List<Setting> settings() {
            List<Setting> settings = new ArrayList<>();
            values.forEach((feature, value) -> settings.add(Setting.of(feature, value)));
            return settings;
        }

        /** As many features at the same tokens that are no members, changed by as much. */
        List<Setting> control() {
            List<Setting> settings = new ArrayList<>();
            Set<Feature> others = new HashSet<>();
            values.forEach((member, value) -> {
                Feature other = member;
                while (values.containsKey(other) || !others.add(other)) {
                    int width = replacement.transcoders().features(member.layer());
                    other = new Feature(member.layer(), member.position(), random.nextInt(width));
                }
                settings.add(Setting.of(other, prompt.now(other) + value - prompt.now(member)));
            });
            return settings;
        }

        /** How much the lowered features have of what is active at these tokens in their layers. */
        double share() {
            double all = lowered.stream()
                    .map(Feature::layer)
                    .distinct()
                    .flatMap(layer -> tokens.stream().map(token -> prompt.clean.get(layer)[token]))
                    .flatMapToDouble(Arrays::stream)
                    .map(Math::abs)
                    .sum();
            return all == 0
                    ? 0
                    : lowered.stream()
                                    .mapToDouble(one -> Math.abs(prompt.now(one)))
                                    .sum()
                            / all;
        }
    }

    /** Something to look for after an edit. */
    private record Question(String what, int edit, Predicate<String> hit) {}

    /** A prompt and what is to be done to it. */
    private final class Prompt implements AutoCloseable {
        private final FeaturePatcher patcher;
        private final List<double[][]> clean = new ArrayList<>(); // by layer: what is active, [pos][feature]
        private final List<Edit> edits = new ArrayList<>();
        private final List<Question> questions = new ArrayList<>();

        Prompt(String text) {
            this.patcher = FeaturePatcher.of(replacement, text);
            PatchedRun run = patcher.clean();
            IntStream.range(0, replacement.transcoders().size()).forEach(layer -> clean.add(run.activations(layer)));
        }

        Edit edit() {
            Edit edit = new Edit(this);
            edits.add(edit);
            return edit;
        }

        double now(Feature feature) {
            return clean.get(feature.layer())[feature.position()][feature.index()];
        }

        void add(Edit edit, String what, Predicate<String> hit) {
            questions.add(new Question(what, edits.indexOf(edit), hit));
        }

        void run() {
            List<List<Setting>> runs = new ArrayList<>(); // each followed by its control
            edits.forEach(edit -> Collections.addAll(runs, edit.settings(), edit.control()));
            List<List<String>> tops =
                    MODES.stream().map(mode -> tops(runs, mode)).toList();
            for (Question question : questions) {
                int at = 2 * question.edit();
                boolean[] hits = new boolean[4]; // live, frozen, and their controls
                for (int i = 0; i < hits.length; i++) {
                    hits[i] = question.hit().test(tops.get(i % 2).get(at + i / 2));
                }
                Edit edit = edits.get(question.edit());
                rows.merge(
                        question.what(),
                        NONE.plus(question.what(), hits, edit.values.size(), edit.share()),
                        (before, one) -> before.plus(question.what(), hits, one.features(), one.share()));
            }
        }

        /** The most probable next token after each. */
        private List<String> tops(List<List<Setting>> runs, Mode mode) {
            try (PatchedRun run = patcher.nextOfAll(runs, mode)) {
                return IntStream.range(0, runs.size())
                        .mapToObj(row -> run.logits().top(row, 1).get(0).token().strip())
                        .toList();
            }
        }

        @Override
        public void close() {
            patcher.close();
        }
    }

    /** The rows, in the order of the tutorials. */
    public List<Row> rows() {
        return List.copyOf(rows.values());
    }

    /** The row whose description begins so. */
    public Row row(String what) {
        return rows.values().stream()
                .filter(row -> row.what().startsWith(what))
                .findFirst()
                .orElseThrow(() ->
                        new IllegalArgumentException("no row begins with '" + what + "'; there are " + rows.keySet()));
    }

    @Override
    public View view() {
        List<List<String>> cells = rows().stream()
                .map(row -> List.of(
                        row.what(),
                        String.format(Locale.ROOT, "%.1f", row.features()),
                        String.format(Locale.ROOT, "%.2f", row.share()),
                        row.live().toString(),
                        row.controlLive().toString(),
                        row.frozen().toString(),
                        row.controlFrozen().toString()))
                .toList();
        return new View.Table(
                "interventions on " + replacement.model().name() + ", 95 % intervals",
                List.of(
                        "intervention",
                        "features",
                        "share",
                        "attention live",
                        "control",
                        "attention frozen",
                        "control"),
                cells);
    }

    @Override
    public String toString() {
        return rows.size() + " interventions on " + replacement.model().name();
    }
}
