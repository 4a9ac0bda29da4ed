package dev.ariadne.sparse;

import ai.djl.ndarray.NDArray;
import dev.ariadne.model.HookedTransformer;
import dev.ariadne.model.TrainableModel;
import dev.ariadne.sparse.Judge.Verdict;
import dev.ariadne.tensor.Tensors;
import dev.ariadne.view.Displayable;
import dev.ariadne.view.View;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Random;
import tech.tablesaw.api.DoubleColumn;
import tech.tablesaw.api.StringColumn;
import tech.tablesaw.api.Table;

/**
 * Whether a circuit is to be believed. Losses are in nats per prompt; guessing costs 0.693.
 *
 * @param circuit what was asked about, in a line
 * @param target the loss it was cut out for
 * @param pairs its loss on the pairs it was cut out on, after scale and shift
 * @param unseen the same on pairs it has not seen, with the same scale and shift; NaN without such pairs
 * @param plain its loss without scale and shift, on unseen pairs if there are any
 * @param accuracy the share of these prompts it gets right
 * @param without the loss of the model with only the circuit switched off, as it is
 * @param withoutAccuracy the share of prompts it still gets right then
 * @param random the losses of random circuits with as many other channels at each place, after a scale and shift of their own
 * @param withoutRandom the losses of the model with these switched off
 * @param shuffledLabels the lowest loss that pruning reaches when it is left to chance which answer of a pair is right
 * @param randomWeights the lowest loss that pruning reaches in a model whose weights were put in another order
 * @param warnings why it should not be believed, in words; empty when nothing speaks against it
 */
public record Verification(
        String circuit,
        double target,
        double pairs,
        double unseen,
        double plain,
        double accuracy,
        double without,
        double withoutAccuracy,
        List<Double> random,
        List<Double> withoutRandom,
        double shuffledLabels,
        double randomWeights,
        List<String> warnings)
        implements Displayable {
    private static final int CIRCUITS = 5;
    private static final double LOW = 0.4; // what a circuit's absence should cost at least, in nats

    /** Copies the lists. */
    public Verification {
        random = List.copyOf(random);
        withoutRandom = List.copyOf(withoutRandom);
        warnings = List.copyOf(warnings);
    }

    static Verification of(SparseCircuit circuit) {
        CircuitPruner pruner = circuit.pruner();
        PairTask task = circuit.task();
        List<Pair> fresh = task.unseen().isEmpty() ? task.pairs() : task.unseen();
        Judge judge = pruner.judge(fresh);
        Part part = circuit.part();
        Verdict alone = judge.of(part, circuit.calibration());
        Verdict without = judge.of(part.complement(), Calibration.NONE);
        Random dice = new Random(pruner.config().seed() + 29);
        List<Double> random = new ArrayList<>();
        List<Double> withoutRandom = new ArrayList<>();
        Judge old = pruner.judge(task.pairs());
        for (int i = 0; i < CIRCUITS; i++) {
            Part other = random(pruner.wiring(), part, dice);
            random.add(judge.of(other, old.of(other).calibration()).loss());
            withoutRandom.add(judge.of(other.complement(), Calibration.NONE).loss());
        }
        Verification plain = new Verification(
                circuit.toString(),
                pruner.config().target(),
                circuit.loss(),
                task.unseen().isEmpty() ? Double.NaN : alone.loss(),
                alone.plainLoss(),
                alone.accuracy(),
                without.loss(),
                without.accuracy(),
                random,
                withoutRandom,
                pruner.lowestLoss(shuffled(task.pairs(), dice)),
                withRandomWeights(pruner, task.pairs(), dice),
                List.of());
        return plain.warned(plain.reasons(circuit));
    }

    private Verification warned(List<String> reasons) {
        return new Verification(
                circuit,
                target,
                pairs,
                unseen,
                plain,
                accuracy,
                without,
                withoutAccuracy,
                random,
                withoutRandom,
                shuffledLabels,
                randomWeights,
                reasons);
    }

    /** As many channels at each place of each block, drawn by lot from those that are not in the circuit; all weights between them. */
    private static Part random(Wiring wiring, Part part, Random dice) {
        Part other = Part.none(wiring);
        Arrays.fill(other.edges(), true);
        for (int layer = 0; layer < wiring.c.nLayers(); layer++) {
            for (Place place : Place.values()) {
                int first = wiring.first(layer, place);
                int width = place.width(wiring.c);
                List<Integer> all = new ArrayList<>();
                int count = 0;
                for (int i = first; i < first + width; i++) {
                    if (part.channels()[i]) {
                        count++;
                    } else {
                        all.add(i);
                    }
                }
                Collections.shuffle(all, dice);
                all.subList(0, Math.min(count, all.size())).forEach(i -> other.channels()[i] = true);
            }
        }
        return other;
    }

    private static List<Pair> shuffled(List<Pair> pairs, Random dice) {
        return pairs.stream()
                .map(pair -> dice.nextBoolean()
                        ? pair
                        : new Pair(
                                /* first= */ pair.second(),
                                /* second= */ pair.first(),
                                pair.firstAnswer(),
                                pair.secondAnswer()))
                .toList();
    }

    /** The same numbers in each matrix, in another order. */
    private static double withRandomWeights(CircuitPruner pruner, List<Pair> pairs, Random dice) {
        try (TrainableModel copy = TrainableModel.of(pruner.model())) {
            copy.parameters().forEach((name, array) -> {
                if (array.getShape().dimension() == 2 && !name.contains("bigrams")) {
                    shuffle(array, dice);
                }
            });
            try (HookedTransformer other = copy.snapshot()) {
                return CircuitPruner.of(SparseTransformer.of(other, pruner.texts()), pruner.config())
                        .lowestLoss(pairs);
            }
        }
    }

    private static void shuffle(NDArray array, Random dice) {
        float[] values = array.toFloatArray();
        for (int i = values.length - 1; i > 0; i--) {
            int j = dice.nextInt(i + 1);
            float other = values[j];
            values[j] = values[i];
            values[i] = other;
        }
        Tensors.recording(false, () -> {
            array.set(values);
            return array;
        });
    }

    private List<String> reasons(SparseCircuit circuit) {
        List<String> reasons = new ArrayList<>();
        double most = circuit.pruner().config().mostScale();
        int seen = circuit.task().seenBefore();
        if (!circuit.isMinimal()) {
            reasons.add("it may not be minimal: parts of it may be there for nothing");
        }
        if (seen > 0) {
            reasons.add(seen + " of the unseen pairs are among those it was cut out on: they say nothing");
        }
        if (Double.isNaN(unseen)) {
            reasons.add("there are no unseen pairs: nobody knows what it does on others");
        } else if (unseen > pairs + 0.1) {
            reasons.add(text(
                    "on unseen pairs its loss is %.3f, not %.3f: it was fitted to the pairs it was cut out on;"
                            + " give more of them",
                    unseen, pairs));
        }
        if (circuit.calibration().scale() > 0.99 * most) {
            reasons.add(text(
                    "its logit differences are scaled by %.3g, the most that is allowed: it tells the two cases apart,"
                            + " but not as far as the model does",
                    circuit.calibration().scale()));
        }
        if (plain >= PairTask.CHANCE) {
            reasons.add(text("without scale and shift its loss is %.3f, no better than guessing", plain));
        }
        if (without < LOW) {
            reasons.add(text(
                    "without it the model's loss is still only %.3f: there is another way to do the task; see"
                            + " pruneBothSides",
                    without));
        }
        double harm = withoutRandom.stream().mapToDouble(x -> x).max().orElse(0);
        if (without < 10 * harm) {
            reasons.add(text("switching it off costs %.3f, switching off a random circuit up to %.3f", without, harm));
        }
        double luck = random.stream().mapToDouble(x -> x).min().orElse(PairTask.CHANCE);
        if (luck < 0.6) {
            reasons.add(text("a random circuit of its shape reaches %.3f", luck));
        }
        if (shuffledLabels <= target || randomWeights <= target) {
            reasons.add(text(
                    "pruning reaches %.3f on labels without meaning and %.3f in a model with random weights: it could"
                            + " find a circuit for anything",
                    shuffledLabels, randomWeights));
        }
        return reasons;
    }

    private static String text(String format, Object... numbers) {
        return String.format(Locale.ROOT, format, numbers);
    }

    /** One line per number: what was measured, the number, and its unit, "nats" per prompt or "share" of prompts; missing without unseen pairs. */
    public Table table() {
        StringColumn what = StringColumn.create("what");
        DoubleColumn value = DoubleColumn.create("value"); // NaN is how it keeps a missing one
        StringColumn unit = StringColumn.create("unit");
        for (View.Bar loss : losses()) {
            what.append(loss.label());
            value.append(loss.value());
            unit.append("nats");
        }
        what.append("accuracy").append("accuracy of the model without it");
        value.append(accuracy).append(withoutAccuracy);
        unit.append("share").append("share");
        return Table.create(circuit, what, value, unit);
    }

    private List<View.Bar> losses() {
        List<View.Bar> bars = new ArrayList<>();
        bars.add(new View.Bar("circuit, pairs it was cut out on", pairs));
        bars.add(new View.Bar("circuit, unseen pairs", unseen));
        bars.add(new View.Bar("circuit, without scale and shift", plain));
        for (double loss : random) {
            bars.add(new View.Bar("random circuit", loss));
        }
        bars.add(new View.Bar("model without the circuit", without));
        for (double loss : withoutRandom) {
            bars.add(new View.Bar("model without a random circuit", loss));
        }
        bars.add(new View.Bar("pruned for labels without meaning", shuffledLabels));
        bars.add(new View.Bar("pruned from random weights", randomWeights));
        return bars;
    }

    /** A table of the questions, bars of the losses, and the warnings. */
    @Override
    public View view() {
        Map<String, String> facts = new LinkedHashMap<>();
        facts.put("accuracy", text("%.3f", accuracy));
        facts.put("accuracy of the model without it", text("%.3f", withoutAccuracy));
        facts.put("warnings", warnings.isEmpty() ? "none" : String.join("; ", warnings));
        return new View.Panels(
                "is it to be believed? " + circuit,
                List.of(
                        new View.Bars("loss; guessing costs 0.693", "what", "nats", losses()),
                        new View.Facts("", facts)));
    }

    @Override
    public String toString() {
        return text(
                "loss %.3f, unseen %.3f, accuracy %.3f; without it %.3f, without a random one %.3f; %d warnings",
                pairs,
                unseen,
                accuracy,
                without,
                withoutRandom.stream().mapToDouble(x -> x).average().orElse(Double.NaN),
                warnings.size());
    }
}
