package dev.ariadne.model;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import dev.ariadne.model.Generation.Row;
import dev.ariadne.model.Generation.Stop;
import dev.ariadne.model.Generation.Token;
import dev.ariadne.view.View;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.CancellationException;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

class GenerationTest {
    private static final double TOLERANCE = 1e-4; // of log-probabilities: float32, added up in another order
    private static final Sampling TWENTY = Sampling.DEFAULT.withMaxNewTokens(20);

    /** The middle row is longer than every window of the models, the others grow beyond it. */
    private static final long[][] ROWS = {{5, 9, 3}, {8, 2, 40, 41, 9, 4, 11, 30, 6, 21}, {19}};

    private final HookedTransformer gpt2 = TestModels.gpt2();

    @TempDir
    private Path folder;

    @AfterEach
    void close() {
        gpt2.close();
    }

    static List<String> models() {
        return TestModels.kinds();
    }

    private static List<Long> ids(Row row) {
        return row.tokens().stream().map(Token::id).toList();
    }

    private static void assertSame(Row got, Row expected, String of) {
        assertThat(ids(got)).as(of).isEqualTo(ids(expected));
        assertThat(got.stop()).as(of).isEqualTo(expected.stop());
        for (int i = 0; i < got.tokens().size(); i++) {
            assertThat(got.tokens().get(i).logProbability())
                    .as(of + ", token " + i)
                    .isCloseTo(expected.tokens().get(i).logProbability(), within(TOLERANCE));
        }
    }

    /** The obvious way: a run of the whole text for every token. */
    private static List<Logits.Prediction> slowly(HookedTransformer model, long[] prompt, int count) {
        List<Logits.Prediction> chosen = new ArrayList<>();
        long[] text = prompt;
        for (int i = 0; i < count; i++) {
            try (Logits next = model.next(new long[][] {text})) {
                chosen.add(next.top(1).get(0));
            }
            text = Arrays.copyOf(text, text.length + 1);
            text[text.length - 1] = chosen.get(i).id();
        }
        return chosen;
    }

    @ParameterizedTest
    @MethodSource("models")
    void takesTheMostProbableTokenWithAndWithoutACache(String name) throws IOException {
        try (HookedTransformer model = TestModels.load(name, folder)) {
            long[][] prompt = {ROWS[1]};
            Row fast = model.generate(prompt, TWENTY).rows().get(0);
            Row whole =
                    model.generate(prompt, TWENTY.withUseCache(false)).rows().get(0);
            assertSame(fast, whole, name);
            Hook seeing = Hook.at("pattern", x -> x); // attention in its parts, not in one call
            assertSame(model.generate(prompt, TWENTY, seeing).rows().get(0), fast, name + ", patterns seen");
            List<Logits.Prediction> expected = slowly(model, ROWS[1], 20);
            assertThat(ids(fast))
                    .isEqualTo(expected.stream().map(Logits.Prediction::id).toList());
            for (int i = 0; i < 20; i++) {
                assertThat(Math.exp(fast.tokens().get(i).logProbability()))
                        .isCloseTo(expected.get(i).probability(), within(TOLERANCE));
            }
        }
    }

    @ParameterizedTest
    @MethodSource("models")
    void continuesEachPromptOfABatchAsAlone(String name) throws IOException {
        Sampling drawn = TWENTY.withTemperature(0.9).withTopK(30).withTopP(0.95).withSeed(5);
        try (HookedTransformer model = TestModels.load(name, folder)) {
            for (Sampling sampling : List.of(TWENTY, drawn, drawn.withUseCache(false))) {
                Generation batch = model.generate(Padding.pad(ROWS), sampling);
                for (int row = 0; row < ROWS.length; row++) {
                    Generation alone =
                            model.generate(new long[][] {ROWS[row]}, sampling.withSeed(sampling.seed() + row));
                    assertSame(batch.rows().get(row), alone.rows().get(0), name + ", " + sampling + ", row " + row);
                }
            }
        }
    }

    @Test
    void theSameSeedGivesTheSameTextAndAnotherAnother() {
        Sampling drawn = TWENTY.withTemperature(1).withSeed(3);
        Generation once = gpt2.generate("abc", drawn);
        assertThat(gpt2.generate("abc", drawn)).isEqualTo(once);
        assertThat(gpt2.generate("abc", drawn.withSeed(4)).text()).isNotEqualTo(once.text());
        assertThat(gpt2.generate("abc", drawn.withTopK(1)).text())
                .isEqualTo(gpt2.generate("abc", TWENTY).text());
    }

    @Test
    void aTextThatFillsTheContextStopsAndTheRestOfTheBatchGoesOn() {
        Sampling sampling = Sampling.DEFAULT.withStopAtEos(false);
        long[] full = new long[60];
        Arrays.setAll(full, i -> 1 + i % 50);
        long[][] rows = {full, {5, 9, 3}};
        for (boolean cached : new boolean[] {true, false}) {
            Generation both = gpt2.generate(Padding.pad(rows), sampling.withUseCache(cached));
            assertThat(both.stop()).isEqualTo(Stop.CONTEXT);
            assertThat(both.rows().get(0).tokens()).hasSize(4);
            assertThat(both.rows().get(1).tokens()).hasSize(50);
            for (int row = 0; row < 2; row++) {
                Generation alone = gpt2.generate(new long[][] {rows[row]}, sampling);
                assertSame(both.rows().get(row), alone.rows().get(0), "row " + row);
            }
            assertThat(both.tokens()[0]).hasSize(64).startsWith(full);
            assertThat(both.tokens()[1]).hasSize(64).startsWith(-1, -1).contains(5, 9, 3);
            gpt2.runWithCache(both.tokens()).close(); // what was generated can be run again
        }
    }

    @Test
    void endsAtAStopStringAndCutsItOff() {
        String text =
                gpt2.generate("abc", TWENTY.withTemperature(1).withSeed(9)).text();
        assertThat(text.length()).isGreaterThan(10);
        String stop = text.substring(5, 8);
        Generation stopped =
                gpt2.generate("abc", TWENTY.withTemperature(1).withSeed(9).withStop("never there", stop));
        assertThat(stopped.stop()).isEqualTo(Stop.STOP_STRING);
        assertThat(stopped.text()).isEqualTo(text.substring(0, text.indexOf(stop)));
        assertThat(stopped.rows().get(0).tokens()).hasSizeLessThan(20);
        String all = gpt2.tokenizer().toText(stopped.tokens()[0]);
        assertThat(all).as("as soon as the text contains it").isEqualTo("abc" + stopped.text() + stop);
        // in the prompt it stops nothing
        assertThat(gpt2.generate("abc", TWENTY.withStop("abc")).rows().get(0).tokens())
                .hasSizeGreaterThan(1);
    }

    /** Makes the model predict a token at its n-th step: the stream before the tied unembedding becomes the token's own row. */
    private static Hook predict(HookedTransformer model, long id, int step) {
        float[] row;
        try (ActivationCache cache = model.runWithCache(new long[][] {{id}}, "hook_embed")) {
            row = cache.get("hook_embed").toFloatArray();
        }
        int[] steps = {0};
        return Hook.at("ln_final.hook_normalized", x -> {
            if (steps[0]++ != step) {
                return x;
            }
            return x.mul(0).add(x.getManager().create(row).mul(1000));
        });
    }

    @Test
    void endsWhereTheModelEndsTheText() {
        long eos = gpt2.tokenizer().eosId().orElseThrow();
        Generation ended = gpt2.generate("abc", TWENTY, predict(gpt2, eos, 3));
        assertThat(ended.stop()).isEqualTo(Stop.EOS);
        assertThat(ended.rows().get(0).tokens()).hasSize(4).last().satisfies(token -> {
            assertThat(token.id()).isEqualTo(eos);
            assertThat(token.logProbability()).isCloseTo(0, within(1e-3));
        });
        assertThat(ended.text())
                .isEqualTo(gpt2.generate("abc", TWENTY.withMaxNewTokens(3)).text());
        Generation on = gpt2.generate("abc", TWENTY.withStopAtEos(false), predict(gpt2, eos, 3));
        assertThat(on.stop()).isEqualTo(Stop.MAX_NEW_TOKENS);
        assertThat(on.text()).startsWith(ended.text()).contains(gpt2.tokenizer().toSingleString(eos));
        assertThat(on.hooks()).containsExactly("ln_final.hook_normalized");
        assertThat(gpt2.generate("abc", TWENTY).text()).as("the hook is gone").isNotEqualTo(ended.text());
    }

    @Test
    void hooksSeeThePromptAndThenEveryNewToken() {
        List<String> resid = new ArrayList<>();
        List<String> patterns = new ArrayList<>();
        gpt2.generate(
                "abcd",
                TWENTY.withMaxNewTokens(3),
                Hook.observe(
                        "blocks.1.hook_resid_pre", x -> resid.add(x.getShape().toString())),
                Hook.observe(
                        "blocks.1.attn.hook_pattern",
                        x -> patterns.add(x.getShape().toString())));
        assertThat(resid).containsExactly("(1, 4, 32)", "(1, 1, 32)", "(1, 1, 32)");
        assertThat(patterns).containsExactly("(1, 4, 4, 4)", "(1, 4, 1, 5)", "(1, 4, 1, 6)");
    }

    @Test
    void hooksChangeTheTextAlikeWithAndWithoutACache() {
        for (String point : List.of("blocks.0.attn.hook_v", "k", "z", "blocks.1.hook_mlp_out", "q_input", "result")) {
            Hook hook = Hook.at(point, x -> x.mul(-1.5));
            Generation cached = gpt2.generate("abc", TWENTY, hook);
            assertSame(
                    cached.rows().get(0),
                    gpt2.generate("abc", TWENTY.withUseCache(false), hook)
                            .rows()
                            .get(0),
                    point);
        }
        assertThat(gpt2.generate("abc", TWENTY, Hook.at("blocks.0.attn.hook_v", x -> x.mul(-1.5)))
                        .tokens())
                .isNotEqualTo(gpt2.generate("abc", TWENTY).tokens());
    }

    @Test
    void anInterruptedGenerationReturnsWhatThereIs() {
        int[] steps = {0};
        Hook interrupting = Hook.observe("blocks.0.hook_resid_pre", x -> {
            if (++steps[0] == 3) {
                Thread.currentThread().interrupt();
            }
        });
        Generation cut;
        try {
            cut = gpt2.generate("abc", TWENTY, interrupting);
            assertThat(Thread.currentThread().isInterrupted())
                    .as("for the loop around it")
                    .isTrue();
        } finally {
            assertThat(Thread.interrupted()).isTrue();
        }
        assertThat(cut.stop()).isEqualTo(Stop.INTERRUPTED);
        assertThat(cut.rows().get(0).tokens()).hasSize(2);
        assertThat(cut.text())
                .isEqualTo(gpt2.generate("abc", TWENTY.withMaxNewTokens(2)).text());

        Thread.currentThread().interrupt();
        try {
            assertThatThrownBy(() -> gpt2.generate("abc", TWENTY)).isInstanceOf(CancellationException.class);
        } finally {
            assertThat(Thread.interrupted()).isTrue();
        }
        Hook throwing = Hook.observe("blocks.0.hook_resid_pre", x -> {
            if (++steps[0] > 10) {
                throw new CancellationException("from the hook");
            }
        });
        assertThatThrownBy(() -> gpt2.generate("abc", TWENTY, throwing)).hasMessage("from the hook");
    }

    @Test
    void leavesNothingBehind() {
        gpt2.generate("abc", TWENTY);
        int before = gpt2.arrayCount();
        gpt2.generate(List.of("abc", "abcdefgh"), TWENTY);
        gpt2.generate("abc", TWENTY.withUseCache(false));
        Hook throwing = Hook.at("z", x -> {
            throw new IllegalStateException("from the hook");
        });
        assertThatThrownBy(() -> gpt2.generate("abc", TWENTY, throwing)).hasMessage("from the hook");
        assertThat(gpt2.arrayCount()).isEqualTo(before);
    }

    @Test
    void isATableAndAColoredText() {
        Generation two = gpt2.generate(List.of("abc", "de"), TWENTY.withMaxNewTokens(4));
        assertThat(two.model()).isEqualTo("gpt2-tiny");
        assertThat(two.rows()).extracting(Row::prompt).containsExactly("abc", "de");
        assertThat(two.table().rowCount()).isEqualTo(8);
        assertThat(two.table().intColumn("position").asList()).containsExactly(3, 4, 5, 6, 2, 3, 4, 5);
        Token first = two.rows().get(1).tokens().get(0);
        assertThat(two.table().stringColumn("token").get(4)).isEqualTo(first.token());
        assertThat(two.table().doubleColumn("probability").get(4)).isEqualTo(Math.exp(first.logProbability()));
        assertThat(two.view()).isInstanceOf(View.Panels.class);
        Generation one = gpt2.generate("abc", TWENTY.withMaxNewTokens(4));
        assertThat(one.view()).isInstanceOfSatisfying(View.Tokens.class, strip -> {
            assertThat(strip.tokens()).hasSize(7).startsWith("a", "b", "c");
            assertThat(strip.values()[2]).isNaN();
            assertThat(strip.values()[3])
                    .isEqualTo(one.rows().get(0).tokens().get(0).logProbability());
            assertThat(strip.title()).isEqualTo("gpt2-tiny, greedy: 4 new tokens, as long as asked for");
        });
        assertThat(one).hasToString(strip(one) + ": “" + one.text() + "”");
        assertThat(two.toString()).endsWith(", and 1 more");
        assertThat(gpt2.generate("abc").sampling()).isEqualTo(Sampling.DEFAULT);
    }

    private static String strip(Generation generation) {
        return generation.view().title();
    }

    @Test
    void writesIdsWhereThereIsNoTokenizer() {
        try (HookedTransformer bare = TestModels.llama()) {
            Generation generation = bare.generate(new long[][] {{5, 9}}, TWENTY.withMaxNewTokens(2));
            List<Long> ids = ids(generation.rows().get(0));
            assertThat(generation.rows().get(0).prompt()).isEqualTo("#5 #9");
            assertThat(generation.text()).isEqualTo(" #" + ids.get(0) + " #" + ids.get(1));
            assertThatThrownBy(() -> bare.generate(new long[][] {{5, 9}}, TWENTY.withStop("x")))
                    .isInstanceOf(IllegalStateException.class)
                    .hasMessageContaining("no tokenizer");
        }
    }

    /** The library's own vocabularies that spell Chinese byte by byte, cut after every token. */
    @Test
    void aCharacterIsShownWhenItsLastByteIsThere() throws IOException {
        String text = "a 中国首都 😀 b";
        for (String file : List.of("gguf/tiny-llama.gguf", "gguf/tiny-gemma3.gguf")) {
            try (Tokenizer tokenizer = Tokenizer.of(TestModels.RESOURCES.resolve(file))) {
                long[] ids = tokenizer.toTokens(text, false);
                assertThat(ids.length).isGreaterThan(text.length());
                String before = "";
                for (int count = 0; count <= ids.length; count++) {
                    String whole = tokenizer.toWholeText(Arrays.copyOf(ids, count));
                    assertThat(text).as(file + ", " + count + " tokens").startsWith(whole);
                    assertThat(whole).startsWith(before);
                    before = whole;
                }
                assertThat(before).isEqualTo(text);
            }
        }
    }

    @Test
    void refusesWhatItCannotContinue() throws IOException {
        assertThatThrownBy(() -> gpt2.generate("")).hasMessageContaining("empty");
        assertThatThrownBy(() -> gpt2.generate(List.of(), TWENTY)).hasMessageContaining("empty");
        assertThatThrownBy(() -> gpt2.generate(List.of("abc", ""), TWENTY)).hasMessageContaining("empty");
        assertThatThrownBy(() -> gpt2.generate(new long[1][64], TWENTY))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining("prompt 0 has 64 tokens")
                .hasMessageContaining("no room");
        assertThatThrownBy(() -> gpt2.generate(new long[1][65], TWENTY)).hasMessageContaining("at most 64");
        assertThatThrownBy(() -> gpt2.generate(new long[][] {{5, 96}}, TWENTY)).hasMessageContaining("id 96");
        assertThatThrownBy(() -> gpt2.generate(new long[][] {{5, -1, 4}}, TWENTY))
                .hasMessageContaining("padding");
        assertThatThrownBy(() -> gpt2.generate(new long[][] {{5, 4}, {-1, -1}}, TWENTY))
                .hasMessageContaining("nothing but padding");
        try (HookedTransformer program = TestModels.load("tracr/tracr-reverse", folder)) {
            assertThatThrownBy(() -> program.generate(new long[][] {{0, 1}}, TWENTY))
                    .isInstanceOf(IllegalArgumentException.class)
                    .hasMessageContaining("cannot continue a text")
                    .hasMessageContaining("attend to later ones");
        }
        HookedTransformer closed = TestModels.gpt2();
        closed.close();
        assertThatThrownBy(() -> closed.generate(new long[][] {{5}}, TWENTY)).hasMessageContaining("closed");
    }
}
