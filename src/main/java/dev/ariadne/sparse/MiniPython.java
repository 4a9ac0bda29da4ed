package dev.ariadne.sparse;

import dev.ariadne.train.WholeWords;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.Set;
import java.util.function.Supplier;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import java.util.stream.LongStream;

/**
 * A language of 54 words that looks like simple Python, in which small models learn in seconds what larger ones learn of the real one: which
 * quote closes a string, how deep a list is nested, whether a name is a set or a string. NL ends a line.
 *
 * <p>A document holds strings, variables (twice as often), lists, or all three:
 *
 * <pre>
 * print (' hello world ') NL                       for x in y : NL      while True : NL
 * x = set() NL   y = "" NL   x .add( file ) NL   y += done NL
 * x = [ 1 , 2 ] NL   x = [ [ 1 , 2 ], [ 3 ]] NL
 * </pre>
 */
public final class MiniPython {
    /** How many tokens a row of a corpus has: a context of 32, and the token after it. */
    public static final int ROW = 33;

    private static final long SPREAD = 0x9E3779B97F4A7C15L; // far-apart seeds: the first numbers of near ones are alike
    private static final int MOST_TRIES = 20; // for a pair that is not there yet, on average
    private static final List<String> NAMES = List.of("current", "total", "seen", "queue", "names", "items");
    private static final List<String> WORDS =
            List.of("hello", "world", "error", "done", "file", "not", "found", "value", "ok", "the");
    private static final List<String> VOCABULARY = vocabularyInOrder();
    private static final Map<String, Long> IDS = IntStream.range(0, VOCABULARY.size())
            .boxed()
            .collect(Collectors.toUnmodifiableMap(VOCABULARY::get, Integer::longValue));
    private static final Map<String, Maker> TASKS = makers();

    private final Random random;

    /** Makes one pair of a task. */
    private interface Maker {
        Pair pair(MiniPython some);
    }

    private MiniPython(long seed) {
        this.random = new Random((seed + 1) * SPREAD);
    }

    private static List<String> vocabularyInOrder() {
        List<String> all =
                new ArrayList<>(List.of(("<bos> NL print log (' (\" ') \") = set() \"\" .add( += ) [ ] ], ]] ,"
                                + " for in : while if == return True False")
                        .split(" ")));
        all.addAll(NAMES);
        all.addAll(WORDS);
        IntStream.range(0, 10).forEach(digit -> all.add(Integer.toString(digit)));
        return List.copyOf(all);
    }

    /** The words; a word's place is its token id. */
    public static List<String> vocabulary() {
        return VOCABULARY;
    }

    /**
     * Token ids of a text, words parted by blanks.
     *
     * @throws IllegalArgumentException when a word is none of the language
     */
    public static long[] ids(String text) {
        return List.of(text.trim().split("\\s+")).stream()
                .mapToLong(MiniPython::id)
                .toArray();
    }

    /** The token id of one word. */
    public static long id(String word) {
        Long id = IDS.get(word);
        if (id == null) {
            throw new IllegalArgumentException("'" + word
                    + "' is no word of MiniPython; its words, parted by blanks, are " + String.join(" ", VOCABULARY));
        }
        return id;
    }

    /** Writes the tokenizer beside a model's weights, so that {@code HookedTransformer.load} reads texts: words parted by blanks. */
    public static void writeTokenizer(Path folder) throws IOException {
        WholeWords.write(folder, VOCABULARY, "\\S+");
    }

    /**
     * The text of token ids.
     *
     * @throws IllegalArgumentException when one is none of this language
     */
    public static String text(long... ids) {
        return LongStream.of(ids).mapToObj(MiniPython::word).collect(Collectors.joining(" "));
    }

    private static String word(long id) {
        if (id < 0 || id >= VOCABULARY.size()) {
            throw new IllegalArgumentException(
                    "token id " + id + " is none of MiniPython; ids go from 0 to " + (VOCABULARY.size() - 1));
        }
        return VOCABULARY.get((int) id);
    }

    /**
     * Rows of documents, one after the other, cut into equal pieces.
     *
     * @param rows how many
     * @param seed the same seed gives the same rows
     * @return token ids, {@link #ROW} in each
     */
    public static List<long[]> corpus(int rows, long seed) {
        MiniPython language = new MiniPython(seed);
        List<long[]> all = new ArrayList<>();
        List<String> text = new ArrayList<>();
        while (all.size() < rows) {
            text.addAll(language.document());
            while (text.size() >= ROW && all.size() < rows) {
                List<String> row = text.subList(0, ROW);
                all.add(row.stream().mapToLong(MiniPython::id).toArray());
                row.clear();
            }
        }
        return all;
    }

    private List<String> document() {
        List<String> text = new ArrayList<>(List.of("<bos>"));
        int kind = random.nextInt(5); // strings, variables twice, lists, all
        if (kind == 0 || kind == 4) {
            addSome(text, this::string, 0.4);
        }
        if (kind == 1 || kind == 2 || kind == 4) {
            addVariables(text);
        }
        if (kind == 3 || kind == 4) {
            addSome(text, this::list, 0.3);
        }
        return text;
    }

    /** One or two of a kind, each perhaps followed by a filler. */
    private void addSome(List<String> text, Supplier<String> kind, double filler) {
        int count = 1 + random.nextInt(2);
        for (int i = 0; i < count; i++) {
            add(text, kind.get());
            if (random.nextDouble() < filler) {
                add(text, filler());
            }
        }
    }

    private void addVariables(List<String> text) {
        Map<String, Boolean> sets = new LinkedHashMap<>(); // whether each name is a set
        int count = random.nextInt(3) == 0 ? 1 : 2;
        boolean set = false;
        while (sets.size() < count) {
            boolean other = sets.size() == 1 && random.nextDouble() < 0.7;
            set = other ? !set : random.nextBoolean();
            String name = name();
            while (sets.containsKey(name)) {
                name = name();
            }
            sets.put(name, set);
            add(text, initial(name, set));
        }
        int uses = 2 + random.nextInt(2);
        List<String> names = List.copyOf(sets.keySet());
        for (int i = 0; i < uses; i++) {
            if (random.nextDouble() < 0.3) {
                add(text, random.nextBoolean() ? string() : filler());
            }
            String name = any(names);
            add(
                    text,
                    name + (Boolean.TRUE.equals(sets.get(name)) ? " .add( " + word() + " )" : " += " + word()) + " NL");
        }
    }

    private static void add(List<String> text, String words) {
        text.addAll(List.of(words.trim().split(" ")));
    }

    private String any(List<String> some) {
        return some.get(random.nextInt(some.size()));
    }

    private String name() {
        return any(NAMES);
    }

    private String word() {
        return any(WORDS);
    }

    private String digit() {
        return Integer.toString(random.nextInt(10));
    }

    private String words() {
        return IntStream.rangeClosed(0, random.nextInt(5)).mapToObj(i -> word()).collect(Collectors.joining(" "));
    }

    private String digits() {
        return IntStream.rangeClosed(0, random.nextInt(3))
                .mapToObj(i -> digit())
                .collect(Collectors.joining(" , "));
    }

    private String call() {
        return random.nextBoolean() ? "print" : "log";
    }

    private String string() {
        String quote = random.nextBoolean() ? "'" : "\"";
        return call() + " (" + quote + " " + words() + " " + quote + ") NL";
    }

    private static String initial(String name, boolean set) {
        return name + " = " + (set ? "set()" : "\"\"") + " NL";
    }

    private String list() {
        if (random.nextBoolean()) {
            return name() + " = [ " + digits() + " ] NL";
        }
        String rows = IntStream.rangeClosed(0, random.nextInt(2))
                .mapToObj(i -> "[ " + digits())
                .collect(Collectors.joining(" ], "));
        return name() + " = [ " + rows + " ]] NL";
    }

    private String filler() {
        return switch (random.nextInt(5)) {
            case 0 -> "for " + name() + " in " + name() + " : NL";
            case 1 -> "while True : NL";
            case 2 -> "if " + name() + " == " + digit() + " : NL";
            case 3 -> "return " + (random.nextBoolean() ? "True" : "False") + " NL";
            default -> name() + " = " + digit() + " NL";
        };
    }

    /** Up to so many fillers, or strings too. */
    private String before(int most, boolean strings) {
        int count = random.nextInt(most + 1);
        return IntStream.range(0, count)
                .mapToObj(i -> strings && random.nextBoolean() ? string() : filler())
                .map(line -> line + " ")
                .collect(Collectors.joining());
    }

    /** A pair that differs where a template has {@code |}: what stands there in the first prompt, and in the second. */
    private static Pair pair(String template, String first, String second, String answer, String otherAnswer) {
        String text = "<bos> " + template;
        return new Pair(ids(text.replace("|", first)), ids(text.replace("|", second)), id(answer), id(otherAnswer));
    }

    private static Map<String, Maker> makers() {
        Map<String, Maker> all = new LinkedHashMap<>();
        all.put(
                "single_double_quote",
                m -> pair(m.before(2, false) + m.call() + " | " + m.words(), "('", "(\"", "')", "\")"));
        all.put("set_or_string_fixedvarname", m -> m.setOrString("current"));
        all.put("set_or_string", m -> m.setOrString(m.name()));
        all.put("set_or_string_two", MiniPython::binding);
        all.put(
                "bracket_counting",
                m -> pair(m.before(1, false) + m.name() + " = | " + m.digits(), "[", "[ [", "]", "]]"));
        all.put("while_return_true", m -> pair(m.before(2, true) + "| True", "while", "return", ":", "NL"));
        all.put("if_for", m -> pair(m.before(2, true) + "| " + m.name(), "if", "for", "==", "in"));
        return all;
    }

    private Pair setOrString(String name) {
        return pair(name + " = | NL " + before(2, true) + name, "set()", "\"\"", ".add(", "+=");
    }

    private Pair binding() {
        String set = name();
        String string = name();
        while (string.equals(set)) {
            string = name();
        }
        boolean setFirst = random.nextBoolean();
        String variables =
                initial(setFirst ? set : string, setFirst) + " " + initial(setFirst ? string : set, !setFirst);
        return pair(variables + " " + before(1, false) + "|", set, string, ".add(", "+=");
    }

    /** The names of the {@linkplain #task tasks}. */
    public static List<String> tasks() {
        return List.copyOf(TASKS.keySet());
    }

    /**
     * Makes one of the five published tasks that this language can say (Gao et al. 2025, table of tasks), or {@code set_or_string_two}, in which two
     * variables of different types have to be told apart, or {@code if_for}.
     *
     * @param name one of {@link #tasks}
     * @param pairs how many to prune on, and as many unseen ones, all different
     * @param seed the same seed gives the same pairs
     * @throws IllegalArgumentException when there is no such task, or so many different pairs are not found
     */
    public static PairTask task(String name, int pairs, long seed) {
        Maker maker = TASKS.get(name);
        if (maker == null) {
            throw new IllegalArgumentException(
                    "no task '" + name + "'; MiniPython has " + String.join(", ", TASKS.keySet()));
        }
        if (pairs < 1) {
            throw new IllegalArgumentException("a task needs at least 1 pair, got " + pairs);
        }
        MiniPython language = new MiniPython(seed);
        Set<Pair> all = new LinkedHashSet<>();
        for (int tries = 0; all.size() < 2 * pairs; tries++) {
            if (tries > MOST_TRIES * pairs) {
                throw new IllegalArgumentException("the task '" + name + "' has not so many different pairs: of "
                        + 2 * pairs + " asked for, " + all.size() + " were found; ask for fewer");
            }
            all.add(maker.pair(language));
        }
        List<Pair> list = List.copyOf(all);
        return new PairTask(name, list.subList(0, pairs), list.subList(pairs, 2 * pairs));
    }
}
