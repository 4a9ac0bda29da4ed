package dev.ariadne.model;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.DataType;
import dev.ariadne.tensor.Tensors;
import dev.ariadne.view.Displayable;
import dev.ariadne.view.Progress;
import dev.ariadne.view.View;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.Set;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import tech.tablesaw.api.DoubleColumn;
import tech.tablesaw.api.StringColumn;
import tech.tablesaw.api.Table;

/**
 * How much each head reads from what each earlier head writes: ‖W_OV·M‖ / (‖W_OV‖·‖M‖) in Frobenius norms, where M is what the later head
 * reads with (Elhage et al. 2021, "Composition of attention heads").
 *
 * <p>Not compared with what random matrices of that size score, about 1/√dModel: subtract it to see what training has made. Fold the
 * norms first ({@link HookedTransformer#foldLn}), or their weights are missing from what heads read.
 *
 * @param kind "Q" (M = W_QK), "K" (M = W_QKᵀ) or "V" (M = W_OV)
 * @param labels the heads, L0H0, L0H1 …, layer by layer
 * @param values [writing head][reading head], from 0 to 1; 0 where the second is in no later layer
 * @param model the model's name
 */
@SuppressWarnings("ArrayRecordComponent") // copied on the way in and out
public record CompositionScores(String kind, List<String> labels, double[][] values, String model)
        implements Displayable {
    private static final int ARROWS = 20;

    /**
     * Copies everything.
     *
     * @throws IllegalArgumentException when labels and values differ in number
     */
    public CompositionScores {
        labels = List.copyOf(labels);
        values = copy(values);
        for (int row = 0; row < Math.max(values.length, labels.size()); row++) {
            if (values.length != labels.size() || values[row].length != labels.size()) {
                throw new IllegalArgumentException("one score per pair of the " + labels.size() + " heads, got "
                        + values.length + " rows of " + (row < values.length ? values[row].length : 0)
                        + "; give a square matrix with a label per row");
            }
        }
    }

    /** Scores of all pairs, through the factors: no [dModel, dModel] matrix is formed. */
    static CompositionScores of(ModelWeights weights, HookedTransformer model, String kind) {
        if (!List.of("Q", "K", "V").contains(kind)) {
            throw new IllegalArgumentException("composition is through \"Q\", \"K\" or \"V\", got \"" + kind + "\"");
        }
        ModelConfig c = model.config();
        int n = c.nLayers() * c.nHeads();
        double[][] values = new double[n][n];
        double inner = (double) n * c.dHead();
        Tensors.run(false, inner * inner * c.dModel(), () -> {
            try (NDManager scope = Tensors.engine().newBaseManager(model.device())) {
                List<NDArray> writers = new ArrayList<>();
                List<NDArray> readers = new ArrayList<>();
                for (int layer = 0; layer < c.nLayers(); layer++) {
                    try (NDManager local = scope.newSubManager()) {
                        writers.add(kept(writers(weights, c, layer, local), scope));
                        readers.add(kept(readers(weights, c, layer, kind, local), scope));
                    }
                }
                for (int from = 0; from < c.nLayers(); from++) {
                    Progress.checkInterrupted("composition scores, at layer " + from + " of " + c.nLayers());
                    for (int to = from + 1; to < c.nLayers(); to++) {
                        fill(values, c.nHeads(), from, writers.get(from), to, readers.get(to));
                    }
                }
            }
            return values;
        });
        return new CompositionScores(kind, weights.allHeadLabels(), values, model.name());
    }

    /** With A = Q·R, Q orthonormal, ‖A·B·X‖ = ‖R·B·X‖ for any X: R·B of all heads, of norm 1, as rows [head·k, dModel]. */
    private static NDArray writers(ModelWeights weights, ModelConfig c, int layer, NDManager scope) {
        NDArray r = triangle(perHead(weights, c, "W_V", layer, scope)); // [head, k, dHead]
        return unit(r.matMul(perHead(weights, c, "W_O", layer, scope))).reshape(-1, c.dModel());
    }

    /** With Bᵀ = Q·R, ‖X·A·B‖ = ‖X·A·Rᵀ‖ for any X: A·Rᵀ of all heads, of norm 1, as columns [dModel, head·k]. */
    private static NDArray readers(ModelWeights weights, ModelConfig c, int layer, String kind, NDManager scope) {
        NDArray a = perHead(weights, c, "W_" + kind, layer, scope); // [head, dModel, dHead]
        NDArray right = // Bᵀ [head, dModel, dHead]
                switch (kind) {
                    case "Q" -> perHead(weights, c, "W_K", layer, scope);
                    case "K" -> perHead(weights, c, "W_Q", layer, scope);
                    default -> perHead(weights, c, "W_O", layer, scope).transpose(0, 2, 1);
                };
        NDArray read = a.matMul(triangle(right).transpose(0, 2, 1)); // [head, dModel, k]
        return unit(read).transpose(1, 0, 2).reshape(c.dModel(), -1);
    }

    private static NDArray kept(NDArray array, NDManager owner) {
        array.attach(owner);
        return array;
    }

    private static NDArray triangle(NDArray matrices) {
        return Tensors.qr(matrices).get(1);
    }

    /** A weight with one matrix per query head, in at least float32. */
    private static NDArray perHead(ModelWeights weights, ModelConfig c, String name, int layer, NDManager scope) {
        try (Weight weight = weights.get(name, layer)) {
            NDArray all = Tensors.alias(weight.array(), scope);
            DataType type = all.getDataType() == DataType.FLOAT64 ? DataType.FLOAT64 : DataType.FLOAT32;
            all = all.toType(type, true);
            return weight.axes().get(0).equals("kvHead") ? all.repeat(0, c.groupSize()) : all;
        }
    }

    private static NDArray unit(NDArray matrices) {
        return matrices.div(matrices.square().sum(new int[] {1, 2}, true).sqrt());
    }

    private static void fill(double[][] values, int heads, int from, NDArray writers, int to, NDArray readers) {
        try (NDManager pair = writers.getManager().newSubManager()) {
            NDArray squares = Tensors.alias(writers, pair).matMul(readers).powi(2); // [head·k, head·k]
            long columns = squares.getShape().get(1);
            NDArray scores = squares.reshape(heads, -1, columns)
                    .sum(new int[] {1}) // rows first: they lie in order
                    .reshape(heads, heads, -1)
                    .sum(new int[] {2})
                    .sqrt(); // [writing head, reading head]
            double[] flat = scores.toType(DataType.FLOAT64, false).toDoubleArray();
            for (int i = 0; i < flat.length; i++) {
                values[from * heads + i / heads][to * heads + i % heads] = flat[i];
            }
        }
    }

    @Override
    public double[][] values() {
        return copy(values);
    }

    /**
     * The score of one pair of heads.
     *
     * @param from the writing head, for example "L0H3"
     * @param to the reading head
     * @throws IllegalArgumentException when there is no such head
     */
    public double score(String from, String to) {
        return values[index(from)][index(to)];
    }

    private int index(String label) {
        int index = labels.indexOf(label);
        if (index < 0) {
            throw new IllegalArgumentException(
                    "no head '" + label + "'; labels are " + labels.get(0) + " to " + labels.get(labels.size() - 1));
        }
        return index;
    }

    /** One row per pair of heads in different layers, the highest score first: from, to, score. */
    public Table table() {
        int n = labels.size();
        int[] pairs = ranked();
        return Table.create(
                title(),
                StringColumn.create("from", Arrays.stream(pairs).mapToObj(pair -> labels.get(pair / n))),
                StringColumn.create("to", Arrays.stream(pairs).mapToObj(pair -> labels.get(pair % n))),
                DoubleColumn.create("score", Arrays.stream(pairs).mapToDouble(pair -> values[pair / n][pair % n])));
    }

    /** The pairs that can compose, as from · n + to, the highest score first. */
    private int[] ranked() {
        int n = labels.size();
        return IntStream.range(0, n * n)
                .filter(pair -> later(pair / n, pair % n))
                .boxed()
                .sorted((p, q) -> Double.compare(values[q / n][q % n], values[p / n][p % n]))
                .mapToInt(pair -> pair)
                .toArray();
    }

    /** The 20 strongest compositions as arrows between heads. */
    public View.Graph graph() {
        return graph(ARROWS);
    }

    /**
     * The strongest compositions as arrows from the head that writes to the head that reads; layers are rows, the first at the top.
     *
     * <p>Only heads that an arrow joins are shown. The strongest are not always the ones that matter: a score says how much of what a head
     * writes is in directions that the other reads, not that anything is read on a prompt.
     *
     * @param count how many arrows at most
     * @throws IllegalArgumentException when that is less than 1
     */
    public View.Graph graph(int count) {
        if (count < 1) {
            throw new IllegalArgumentException(
                    "a graph needs at least 1 arrow, got " + count + "; give a larger count");
        }
        int n = labels.size();
        List<View.Graph.Edge> edges = Arrays.stream(ranked())
                .limit(count)
                .mapToObj(pair ->
                        new View.Graph.Edge(labels.get(pair / n), labels.get(pair % n), values[pair / n][pair % n]))
                .toList();
        Set<String> joined = edges.stream()
                .flatMap(edge -> Stream.of(edge.from(), edge.to()))
                .collect(Collectors.toSet());
        List<View.Graph.Node> nodes = IntStream.range(0, n)
                .filter(head -> joined.contains(labels.get(head)))
                .mapToObj(
                        head -> new View.Graph.Node(labels.get(head), labels.get(head), layer(head), head, Double.NaN))
                .toList();
        int layers = n == 0 ? 0 : layer(n - 1) + 1;
        List<String> rows =
                IntStream.range(0, layers).mapToObj(layer -> "L" + layer).toList();
        String title = title() + ", the strongest " + edges.size();
        return new View.Graph(title, "layer", rows, nodes, "", edges, "score");
    }

    /** Whether the second head is in a later layer than the first. */
    private boolean later(int from, int to) {
        return layer(from) < layer(to);
    }

    private int layer(int head) {
        return Integer.parseInt(labels.get(head).replaceFirst("L(\\d+)H\\d+", "$1"));
    }

    private String title() {
        return kind + "-composition of " + model;
    }

    /** All pairs as a heat map; those that cannot compose are gray. */
    @Override
    public View view() {
        float[][] cells = new float[values.length][values.length];
        for (int from = 0; from < cells.length; from++) {
            for (int to = 0; to < cells.length; to++) {
                cells[from][to] = later(from, to) ? (float) values[from][to] : Float.NaN;
            }
        }
        return new View.HeatMap(title(), "writes", labels, "reads", labels, cells, "score", View.Scale.SEQUENTIAL);
    }

    @Override
    public String toString() {
        return String.format(Locale.ROOT, "%s: %d heads", title(), labels.size());
    }

    private static double[][] copy(double[][] values) {
        return Arrays.stream(values).map(double[]::clone).toArray(double[][]::new);
    }

    @Override
    public boolean equals(Object other) {
        return other instanceof CompositionScores that
                && kind.equals(that.kind)
                && labels.equals(that.labels)
                && model.equals(that.model)
                && Arrays.deepEquals(values, that.values);
    }

    @Override
    public int hashCode() {
        return 31 * List.of(kind, labels, model).hashCode() + Arrays.deepHashCode(values);
    }
}
