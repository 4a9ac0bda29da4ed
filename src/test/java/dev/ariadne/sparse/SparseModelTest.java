package dev.ariadne.sparse;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.ariadne.model.HookedTransformer;
import dev.ariadne.sparse.PruneConfig.Ranking;
import java.util.List;
import org.junit.jupiter.api.Test;

/** The model that ships, against what its card says. */
class SparseModelTest {
    private static SparseTransformer sparse() {
        return SparseTransformer.of(HookedTransformer.load("sparse", "cpu"), MiniPython.corpus(200, 0));
    }

    @Test
    void hasOneWeightInThirtyTwoAndPredictsUnseenTexts() {
        try (SparseTransformer sparse = sparse()) {
            assertThat(sparse.fraction()).isEqualTo(1 / 32.0);
            for (Piece piece : Piece.of(sparse.model().config())) {
                assertThat(sparse.nonzeros()).containsEntry(piece.name(), piece.count(1 / 32.0));
            }
            assertThat(sparse.loss(MiniPython.corpus(300, 1000))).isBetween(1.2, 1.27);
            assertThat(sparse.model().toTokens("print (' hello")[0]).isEqualTo(MiniPython.ids("<bos> print (' hello"));
        }
    }

    @Test
    void pairsOfOnesOwnNeedAnswersOfOneToken() {
        try (SparseTransformer sparse = sparse()) {
            Pair pair = Pair.of(sparse.model(), "print (' ok", "print (\" ok", "')", "\")");
            assertThat(pair.first()).isEqualTo(MiniPython.ids("<bos> print (' ok"));
            assertThat(pair.secondAnswer()).isEqualTo(MiniPython.id("\")"));
            assertThatThrownBy(() -> Pair.of(sparse.model(), "print (' ok", "print (\" ok", "') NL", "\")"))
                    .isInstanceOf(IllegalArgumentException.class)
                    .hasMessageContaining("') NL");
        }
    }

    /** Few enough parts to be read, enough for pairs it has not seen, and necessary. */
    @Test
    void closesQuotesByAHandfulOfWeights() {
        try (SparseTransformer sparse = sparse()) {
            SparseCircuit circuit = CircuitPruner.of(sparse, PruneConfig.DEFAULT.withRanking(Ranking.LEARNED))
                    .prune(MiniPython.task("single_double_quote", 48, 0));
            assertThat(circuit.channelCount()).isLessThanOrEqualTo(15);
            assertThat(circuit.edgeCount()).isLessThanOrEqualTo(12);
            assertThat(circuit.isMinimal()).isTrue();
            assertNothingCanBeSpared(circuit);
            Judge unseen = circuit.pruner().judge(circuit.task().unseen());
            assertThat(unseen.of(circuit.part(), circuit.calibration()).loss()).isLessThan(0.2);
            assertThat(unseen.of(circuit.part(), circuit.calibration()).accuracy())
                    .isGreaterThanOrEqualTo(0.9);
            assertThat(unseen.of(circuit.part().complement(), Calibration.NONE).loss())
                    .isGreaterThan(0.4);
        }
    }

    private static void assertNothingCanBeSpared(SparseCircuit circuit) {
        Judge judge = circuit.pruner().judge(circuit.task().pairs());
        Part part = circuit.part();
        assertThat(judge.meets(part)).isTrue();
        for (boolean[] switches : List.of(part.channels(), part.edges())) {
            for (int i = 0; i < switches.length; i++) {
                boolean counts = switches == part.channels() ? part.channels()[i] : part.has(judge.wiring, i);
                if (counts) {
                    switches[i] = false;
                    assertThat(judge.meets(part)).isFalse();
                    switches[i] = true;
                }
            }
        }
    }
}
