package dev.ariadne.sparse;

import dev.ariadne.model.HookedTransformer;
import dev.ariadne.model.ModelConfig;
import dev.ariadne.model.TrainableModel;
import dev.ariadne.model.Weight;
import dev.ariadne.train.Training;
import dev.ariadne.view.Displayable;
import dev.ariadne.view.View;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;

/**
 * A transformer with few weights, and the texts that tell what its parts do on average. The {@linkplain #model model} is a hooked transformer
 * like any other: the same hooks, the same patching.
 */
public final class SparseTransformer implements Displayable, AutoCloseable {
    private final HookedTransformer model;
    private final List<long[]> rows;
    private final List<Training> trainings;

    SparseTransformer(HookedTransformer model, List<long[]> rows, List<Training> trainings) {
        requireWhole(rows);
        this.model = model;
        this.rows = rows.stream().map(long[]::clone).toList();
        this.trainings = List.copyOf(trainings);
    }

    /** Refuses padding, which would count as text: in the means of channels, and as what is predicted from. */
    static void requireWhole(List<long[]> rows) {
        if (rows.isEmpty()) {
            throw new IllegalArgumentException(
                    "the texts that tell what parts do on average are missing; give some that the model was trained on");
        }
        for (int row = 0; row < rows.size(); row++) {
            long least = Arrays.stream(rows.get(row)).min().orElse(-1);
            if (rows.get(row).length != rows.get(0).length || least < 0) {
                throw new IllegalArgumentException("texts must be whole, all of one length, without padding; text "
                        + row + " has " + rows.get(row).length + " tokens, the smallest id " + least
                        + ", the first one " + rows.get(0).length
                        + " tokens; cut longer ones, or put several in a row as MiniPython.corpus does");
            }
        }
    }

    /**
     * Takes a model as it is, sparse or dense.
     *
     * @param model closed with this
     * @param rows texts of its training, token ids, all of one length
     */
    public static SparseTransformer of(HookedTransformer model, List<long[]> rows) {
        return new SparseTransformer(model, rows, List.of());
    }

    /** The model. */
    public HookedTransformer model() {
        return model;
    }

    /** Texts of its training, token ids; copies. */
    public List<long[]> rows() {
        return rows.stream().map(long[]::clone).toList();
    }

    /** How it was trained, phase by phase; empty when it was loaded. */
    public List<Training> trainings() {
        return trainings;
    }

    /**
     * The mean cross entropy of a token, given those before it, in nats.
     *
     * @param texts token ids, all of one length
     */
    public double loss(List<long[]> texts) {
        int context = model.config().nCtx();
        List<long[]> some = texts.stream()
                .map(text -> Arrays.copyOf(text, Math.min(text.length, context)))
                .toList();
        return model.loss(some.toArray(long[][]::new));
    }

    /** How many weights of each matrix and bias are other than zero, by name; the table of bigrams is not among them. */
    public Map<String, Integer> nonzeros() {
        Map<String, Integer> counts = new LinkedHashMap<>();
        for (Piece piece : Piece.of(model.config())) {
            try (Weight weight = model.weights().get(piece.name())) {
                int count = 0;
                for (float value : weight.array().toFloatArray()) {
                    count += value != 0 ? 1 : 0;
                }
                counts.put(piece.name(), count);
            }
        }
        return counts;
    }

    /** The share of weights that are other than zero, L0 of all of them. */
    public double fraction() {
        long size = Piece.of(model.config()).stream().mapToLong(Piece::size).sum();
        return (double) nonzeros().values().stream().mapToInt(count -> count).sum() / size;
    }

    /** Writes the model's config.json and weights.safetensors; each appears when it is whole. */
    public void save(Path folder) throws IOException {
        try (TrainableModel copy = TrainableModel.of(model)) {
            copy.save(folder);
        }
    }

    @Override
    public View view() {
        ModelConfig c = model.config();
        Map<String, Integer> nonzeros = nonzeros();
        List<List<String>> table = new ArrayList<>();
        for (Piece piece : Piece.of(c)) {
            int left = nonzeros.getOrDefault(piece.name(), 0);
            table.add(List.of(
                    piece.name(),
                    Integer.toString(piece.size()),
                    Integer.toString(left),
                    String.format(Locale.ROOT, "%.2f", 100.0 * left / piece.size())));
        }
        List<View> panels = new ArrayList<>(List.of(model.view()));
        trainings.forEach(training -> panels.add(training.view()));
        panels.add(new View.Table("weights other than zero", List.of("weights", "all", "not zero", "%"), table));
        return new View.Panels(toString(), panels);
    }

    @Override
    public String toString() {
        long left = nonzeros().values().stream().mapToInt(count -> count).sum();
        return String.format(
                Locale.ROOT,
                "%s: %,d weights, one in %.0f of what a dense model has",
                model.name(),
                left,
                1 / fraction());
    }

    /** Frees the model. */
    @Override
    public void close() {
        model.close();
    }
}
