package dev.ariadne.train;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.ariadne.model.Tokenizer;
import dev.ariadne.train.TutorialCorpus.Kind;
import dev.ariadne.train.TutorialCorpus.Sentence;
import java.io.IOException;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class TutorialCorpusTest {
    private static final TutorialCorpus CORPUS = TutorialCorpus.embedded(TutorialCorpus.DEVELOPMENT);

    /** The tokenizer that users get, and the one that the corpus is cut with, are two programs. */
    @Test
    void theTokenizerFileCutsEverySentenceAsTheCorpusDoes(@TempDir Path folder) throws IOException {
        CORPUS.writeTokenizer(folder);
        try (Tokenizer tokenizer = Tokenizer.of(folder)) {
            for (Sentence sentence : CORPUS.sentences()) {
                long[] ids = CORPUS.tokens(sentence.prompt());
                assertThat(tokenizer.toTokens(sentence.prompt(), false))
                        .as(sentence.prompt())
                        .isEqualTo(Arrays.copyOfRange(ids, 1, ids.length));
                assertThat(tokenizer.toSingleToken(sentence.answer())).isEqualTo(CORPUS.tokens(sentence.answer())[1]);
            }
            assertThat(tokenizer.size()).isEqualTo(CORPUS.vocabulary().size());
            assertThat(tokenizer.toSingleToken(" New York City")).isNotEqualTo(tokenizer.toSingleToken("New York"));
            assertThat(tokenizer.toStrings(tokenizer.toTokens("St. John's is in", false)))
                    .containsExactly("St. John's", "is", "in");
            assertThatThrownBy(() -> tokenizer.toTokens("Atlantis is in", false))
                    .isNotNull();
        }
        assertThatThrownBy(() -> CORPUS.tokens("Atlantis is in")).hasMessageContaining("'Atlantis'");
    }

    /** The positions of the published demo: capital 4, state 7, Dallas 9, is 10; contraire 2, petit 5, last 8; 小 2, last 8. */
    @Test
    void demoPromptsHaveTheDemosPositions() {
        assertThat(words("Fact: the capital of the state containing Dallas is"))
                .containsExactly(
                        "<bos>", "Fact", ":", "the", "capital", "of", "the", "state", "containing", "Dallas", "is");
        assertThat(words("Le contraire de \"petit\" est \""))
                .containsExactly("<bos>", "Le", "contraire", "de", "\"", "petit", "\"", "est", "\"");
        assertThat(words("\"小\"的反义词是\"")).containsExactly("<bos>", "\"", "小", "\"", "的", "反", "义词", "是", "\"");
        assertThat(words("L'opposé de \"bon marché\" est \"")).hasSize(9).contains("bon marché");
    }

    private static List<String> words(String text) {
        return Arrays.stream(CORPUS.tokens(text))
                .mapToObj(id -> CORPUS.vocabulary().get((int) id))
                .toList();
    }

    @Test
    void quotedWordsAreAligned() {
        for (Sentence sentence : CORPUS.sentences()) {
            if (sentence.prompt().contains("\"") && !sentence.prompt().startsWith("\"")) {
                List<String> words = words(sentence.prompt());
                assertThat(words).as(sentence.prompt()).hasSize(9);
                assertThat(words.get(4) + words.get(6) + words.get(8)).isEqualTo("\"\"\"");
            }
        }
    }

    @Test
    void whatIsHeldOutIsNotLearnedInAnotherWording() {
        Set<String> learned = CORPUS.sentences().stream()
                .filter(sentence -> !sentence.heldOut())
                .map(sentence -> sentence.prompt() + sentence.answer())
                .collect(Collectors.toSet());
        for (Sentence sentence : CORPUS.sentences()) {
            if (sentence.heldOut()) {
                assertThat(learned).doesNotContain(sentence.prompt() + sentence.answer());
            } else if (sentence.kind() == Kind.TWO_HOP) {
                assertThat(CORPUS.heldOutPlaces()).doesNotContain(sentence.subject());
            } else if (sentence.kind() == Kind.OPPOSITE || sentence.kind() == Kind.SYNONYM_OPPOSITE) {
                assertThat(CORPUS.isHeldOut(sentence.subject(), sentence.language()))
                        .isFalse();
            }
        }
        int count = (int) CORPUS.sentences().stream().filter(s -> !s.heldOut()).count();
        assertThat(CORPUS.examples(sentence -> true)).hasSize(count);
    }

    @Test
    void splitsDifferButForWhatTheTutorialsAskAbout() {
        TutorialCorpus again = TutorialCorpus.embedded(TutorialCorpus.DEVELOPMENT);
        assertThat(again.sentences()).isEqualTo(CORPUS.sentences());
        TutorialCorpus fresh = TutorialCorpus.embedded(1);
        assertThat(fresh.vocabulary()).isEqualTo(CORPUS.vocabulary()); // so that weights of one fit the other
        Set<String> both = new HashSet<>(fresh.heldOutPlaces());
        both.retainAll(CORPUS.heldOutPlaces());
        assertThat(both).hasSizeLessThan(60).containsAll(TutorialCorpus.DEMO_PLACES);
        for (TutorialCorpus corpus : List.of(CORPUS, fresh)) {
            assertThat(corpus.isHeldOut("small", "fr") && corpus.isHeldOut("big", "fr"))
                    .isTrue();
            assertThat(corpus.heldOutPlaces()).hasSizeBetween(80, 110);
        }
    }

    /** Each region keeps a place of which two-hop sentences are learned. */
    @Test
    void noRegionIsHeldOutWhole() {
        Map<String, Integer> learned = new TreeMap<>();
        CORPUS.facts().cities().forEach((city, region) -> {
            if (!CORPUS.heldOutPlaces().contains(city)) {
                learned.merge(region, 1, Integer::sum);
            }
        });
        assertThat(learned).hasSize(92);
    }
}
