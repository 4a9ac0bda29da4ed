package dev.ariadne.train;

import dev.ariadne.train.TutorialCorpus.Sentence;
import dev.ariadne.train.TutorialFacts.Concept;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.function.Predicate;
import java.util.regex.MatchResult;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import java.util.stream.LongStream;

/** A vocabulary of whole words: each name and each word is one token, blanks around it belong to none. */
final class TutorialWords {
    static final String BEGIN = "<bos>";
    private static final String PLAIN = "[A-Za-zÀ-ÖØ-öø-ÿŒœ]+";
    private static final String SPECIAL = "\\\\^$.|?*+()[]{}"; // in a pattern
    private static final List<String> PIECES =
            List.of("L'", "的", "反", "义词", "是", "相反", "词", "对立", "同", "近似", "类同", "中文", "汉语", "华语");

    private final Map<String, Long> ids = new LinkedHashMap<>();
    private final String cut; // what a token is: a pattern in the common part of Java's and Oniguruma's notations
    private final Pattern pattern;

    TutorialWords(TutorialFacts facts, List<Sentence> sentences) {
        Set<String> names = new LinkedHashSet<>(PIECES);
        names.addAll(facts.places().keySet());
        names.addAll(facts.regions().keySet());
        for (Concept concept : facts.concepts().values()) {
            names.addAll(concept.words().values());
            names.addAll(concept.synonyms().values());
        }
        Predicate<String> plain = Pattern.compile(PLAIN).asMatchPredicate();
        this.cut = names.stream()
                        .filter(plain.negate())
                        .sorted(Comparator.comparingInt(String::length)
                                .reversed()
                                .thenComparing(name -> name))
                        .map(TutorialWords::quoted)
                        .collect(Collectors.joining("|"))
                + "|" + PLAIN + "|\\S"; // longest first: the first alternative that fits is taken
        this.pattern = Pattern.compile(cut);
        ids.put(BEGIN, 0L);
        for (Sentence sentence : sentences) {
            pieces(sentence.prompt()).forEach(this::add);
            pieces(sentence.answer()).forEach(this::add);
        }
    }

    private static String quoted(String name) {
        return name.chars()
                .mapToObj(c -> (SPECIAL.indexOf(c) < 0 ? "" : "\\") + (char) c)
                .collect(Collectors.joining());
    }

    private void add(String piece) {
        ids.putIfAbsent(piece, (long) ids.size());
    }

    private List<String> pieces(String text) {
        return pattern.matcher(text).results().map(MatchResult::group).toList();
    }

    List<String> vocabulary() {
        return List.copyOf(ids.keySet());
    }

    long id(String piece) {
        Long id = ids.get(piece);
        if (id == null) {
            throw new IllegalArgumentException("'" + piece
                    + "' is no word of the tutorial corpus; it knows the words of its facts and of its frames");
        }
        return id;
    }

    boolean knows(String text) {
        return ids.keySet().containsAll(pieces(text));
    }

    long[] tokens(String text) {
        return LongStream.concat(LongStream.of(0), pieces(text).stream().mapToLong(this::id))
                .toArray();
    }

    /** What a token is: a pattern. */
    String cut() {
        return cut;
    }
}
