package dev.ariadne.attribution;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.index.NDIndex;
import ai.djl.ndarray.types.DataType;
import ai.djl.ndarray.types.Shape;
import dev.ariadne.model.ModelConfig;
import dev.ariadne.tensor.Tensors;
import dev.ariadne.transcoder.Transcoders;
import dev.ariadne.view.Progress;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.List;
import java.util.stream.IntStream;

/**
 * What each target gets from each source, by one walk down the layers for many targets at a time: a target joins at its own layer, its gradient
 * goes down the frozen model, and what is written at a layer is multiplied with it there.
 *
 * <p>Targets of one position go together, with gradients at positions up to theirs; those of several where they are few.
 */
final class Sweep implements AutoCloseable {
    private static final int MANY = 256; // targets at a time below which positions are put together
    private static final int MOST = 1024; // targets at a time

    private final ModelConfig config;
    private final Transcoders transcoders;
    private final CleanRun run;
    private final ActiveFeatures active;
    private final Outputs outputs;
    private final FrozenModel frozen;
    private final NDManager owner;
    private final List<Sources> sources = new ArrayList<>(); // by layer
    private final List<NDArray> encoders =
            new ArrayList<>(); // what active features read, by layer, in order [feature, dModel]
    private final double[] values; // of targets
    private double[][] buffer = {}; // rows of a walk
    private final int pos;
    private final Budget budget;

    /** What one target gets besides its row of the matrix: from biases, and what is missing to its value. */
    record Rest(double bias, double residual) {}

    /**
     * Prepares.
     *
     * @param budget how much memory targets may take at a time
     */
    Sweep(ReplacementModel replacement, CleanRun run, Outputs outputs, NDManager owner, Budget budget) {
        this.config = replacement.model().config();
        this.transcoders = replacement.transcoders();
        this.run = run;
        this.active = run.features();
        this.outputs = outputs;
        this.owner = owner;
        this.pos = active.tokens().length;
        this.frozen = new FrozenModel(replacement.model(), transcoders, run);
        for (int layer = 0; layer < config.nLayers(); layer++) {
            sources.add(Sources.of(run, transcoders, layer, owner));
            encoders.add(encoder(layer));
        }
        this.values = values();
        this.budget = budget;
    }

    private NDArray encoder(int layer) {
        long[] features = IntStream.range(active.from(layer, 0), active.from(layer + 1, 0))
                .mapToLong(place -> active.feature(place).index())
                .toArray();
        return features.length == 0
                ? owner.zeros(new Shape(1, config.dModel()), run.type())
                : transcoders.encoderRows(layer, features, owner).toType(run.type(), false);
    }

    /** How many sources there are: features, errors, tokens. */
    int columns() {
        return active.size() + config.nLayers() * pos + pos;
    }

    /** So many rows of zeros, at least; the same ones each time. */
    private double[][] rows(int count) {
        int before = buffer.length;
        if (before < count) {
            buffer = Arrays.copyOf(buffer, count);
            for (int row = before; row < count; row++) {
                buffer[row] = new double[columns()];
            }
        }
        for (int row = 0; row < Math.min(before, count); row++) {
            Arrays.fill(buffer[row], 0);
        }
        return buffer;
    }

    private int targets() {
        return active.size() + outputs.list().size();
    }

    private int layerOf(int target) {
        return target < active.size() ? active.feature(target).layer() : config.nLayers();
    }

    private int positionOf(int target) {
        return target < active.size() ? active.feature(target).position() : pos - 1;
    }

    /** Pre-activations, and how far what is unembedded goes along each output's direction. */
    private double[] values() {
        double[] values = new double[targets()];
        for (int target = 0; target < active.size(); target++) {
            values[target] = active.preactivation(target);
        }
        try (NDManager scope = owner.newSubManager()) {
            NDArray stream = run.at("blocks." + (config.nLayers() - 1) + ".hook_resid_post", scope)
                    .get(new NDIndex((pos - 1) + ":"));
            FrozenModel.Pulled pulled = frozen.unembedded(
                    Tensors.alias(outputs.vectors(), scope).expandDims(1), pos - 1); // [target, 1, dModel]
            double[] along = CleanRun.doubles(pulled.gradient().mul(stream).sum(new int[] {1, 2}));
            double[] constant = CleanRun.doubles(pulled.constant());
            for (int i = 0; i < along.length; i++) {
                values[active.size() + i] = along[i] + constant[i] + outputs.constants()[i];
            }
        }
        return values;
    }

    /** A target's value: its pre-activation, or the centered logit. */
    double value(int target) {
        return values[target];
    }

    /**
     * Computes rows.
     *
     * @param wanted features by their place in the order, then outputs
     * @param matrix gets a row for each, at the same place as in {@code rests}
     * @param progress is told of each target
     */
    void compute(int[] wanted, SparseRows matrix, Rest[] rests, Progress progress) {
        int[] sorted = Arrays.stream(wanted)
                .boxed()
                .sorted(Comparator.comparingInt(this::positionOf))
                .mapToInt(target -> target)
                .toArray();
        int from = 0;
        while (from < sorted.length) {
            int to = end(sorted, from);
            int[] chunk = Arrays.stream(sorted, from, to)
                    .boxed()
                    .sorted(Comparator.comparingInt((Integer target) -> -layerOf(target))
                            .thenComparingInt(this::positionOf)
                            .thenComparingInt(target -> target))
                    .mapToInt(target -> target)
                    .toArray();
            double operations = 4.0 * chunk.length * pos * config.dModel() * config.dModel() * config.nLayers();
            Tensors.run(false, operations, () -> {
                new Walk(chunk).down(matrix, rests);
                return chunk;
            });
            progress.step(chunk.length, "", null);
            from = to;
        }
    }

    /** Where a chunk ends: at a position's last target if it has many, where memory ends else. */
    private int end(int[] sorted, int from) {
        int to = from;
        while (to < sorted.length && to - from < MOST) {
            int positions = config.causal() ? positionOf(sorted[to]) + 1 : pos;
            boolean full = to > from && !budget.allows(to - from + 1, positions);
            boolean another = to > from && positionOf(sorted[to]) != positionOf(sorted[to - 1]);
            if (full || (another && to - from >= MANY)) {
                break;
            }
            to++;
        }
        return to;
    }

    /** One walk down the layers. */
    private final class Walk {
        private final int[] chunk; // targets, from the highest layer down
        private final int positions;
        private final double[][] rows;
        private final double[] constants;

        Walk(int[] chunk) {
            this.chunk = chunk;
            this.positions = config.causal()
                    ? Arrays.stream(chunk).map(Sweep.this::positionOf).max().orElseThrow() + 1
                    : pos;
            this.rows = rows(chunk.length);
            this.constants = new double[chunk.length];
        }

        void down(SparseRows matrix, Rest[] rests) {
            try (NDManager scope = owner.newSubManager()) {
                NDArray gradients = scope.zeros(new Shape(chunk.length, positions, config.dModel()), run.type());
                int live = joinOutputs(gradients);
                for (int layer = config.nLayers() - 1; layer >= 0; layer--) {
                    Progress.checkInterrupted("attribution, at layer " + layer);
                    live = layer(layer, live, gradients);
                }
                embeddings(gradients);
            }
            for (int i = 0; i < chunk.length; i++) {
                double sum = Arrays.stream(rows[i]).sum() + constants[i];
                matrix.set(chunk[i], rows[i]);
                rests[chunk[i]] = new Rest(constants[i], sum - values[chunk[i]]);
            }
        }

        /** A layer's part of the walk, for gradients at the stream behind it; they end before it. Returns how many targets have joined. */
        private int layer(int layer, int live, NDArray gradients) {
            try (NDManager scope = owner.newSubManager()) {
                NDArray old = first(gradients, live, scope);
                NDArray values = null;
                if (live > 0 && config.parallel()) { // attention reads the same stream as the MLP
                    addConstants(FrozenModel.along(old, frozen.constant(layer), positions), 0, live);
                    values = frozen.values(layer, old, new long[0]);
                }
                if (live > 0) {
                    try (NDManager products = owner.newSubManager()) {
                        write(layer, live, Tensors.alias(old, products));
                    }
                }
                int joined = join(layer, live, gradients);
                if (joined > 0 && !config.parallel()) {
                    NDArray g = first(gradients, joined, scope);
                    addConstants(FrozenModel.along(g, frozen.constant(layer), positions), 0, joined);
                    long[] at = Arrays.stream(chunk, live, joined)
                            .mapToLong(Sweep.this::positionOf)
                            .toArray();
                    values = frozen.values(layer, g, at);
                }
                if (values != null) {
                    attend(layer, values, gradients);
                }
                return joined;
            }
        }

        /** Goes on to the stream before attention; before the first layer, to what the tokens have there. */
        private void attend(int layer, NDArray values, NDArray gradients) {
            int count = (int) values.getShape().get(0);
            NDManager scope = values.getManager();
            if (layer > 0) {
                first(gradients, count, scope).addi(frozen.before(layer, values));
                return;
            }
            NDIndex here = new NDIndex(":" + positions);
            NDArray tokens = frozen.toValues(layer, run.at("hook_embed", scope).get(here)); // [pos, kvHead·dHead]
            addTokens(values.mul(tokens).sum(new int[] {2}));
            if (config.positions() == ModelConfig.Positions.LEARNED) {
                NDArray where =
                        frozen.toValues(layer, run.at("hook_pos_embed", scope).get(here));
                addConstants(FrozenModel.along(values, where, positions), 0, count);
            }
        }

        /** Adds what tokens give [row, pos]. */
        private void addTokens(NDArray products) {
            double[] all = CleanRun.doubles(products);
            int column = active.size() + config.nLayers() * pos;
            for (int i = 0; i < all.length; i++) {
                rows[i / positions][column + i % positions] += all[i];
            }
        }

        /** The gradients of the targets that have joined; a view. */
        private NDArray first(NDArray gradients, int live, NDManager scope) {
            return gradients.get(scope, new NDIndex(":" + live));
        }

        private NDArray pulled(FrozenModel.Pulled part, int live) {
            addConstants(part.constant(), 0, live);
            return part.gradient();
        }

        private void addConstants(NDArray constant, int from, int to) {
            double[] more = CleanRun.doubles(constant);
            for (int i = from; i < to; i++) {
                constants[i] += more[i - from];
            }
        }

        /** Multiplies with what is written into the MLP output, and goes on through the skip. */
        private void write(int layer, int live, NDArray gradient) {
            NDArray g = pulled(frozen.written(layer, gradient), live);
            addConstants(FrozenModel.along(g, transcoders.decoderBias(layer)), 0, live);
            run.constant(layer).ifPresent(vectors -> {
                long first = Math.min(positions, vectors.getShape().get(0));
                NDIndex zeroed = new NDIndex(":, :" + first);
                NDArray there = Tensors.alias(vectors, g.getManager()).get(new NDIndex(":" + first));
                addConstants(g.get(zeroed).mul(there).sum(new int[] {1, 2}), 0, live);
            });
            Sources here = sources.get(layer);
            for (int position = 0; position < positions; position++) {
                if (here.at(position) > 0) {
                    int first = here.from()[position];
                    NDArray vectors =
                            here.vectors().get(g.getManager(), new NDIndex(first + ":" + here.from()[position + 1]));
                    try (NDArray products = g.get(":, " + position).matMul(vectors.transpose())) { // [row, source]
                        addProducts(products, here.columns(), first);
                    }
                }
            }
            transcoders.skip(layer).ifPresent(skip -> {
                NDArray in = g.matMul(CleanRun.like(skip, g)); // the MLP adds x·skipᵀ
                gradient.addi(pulled(frozen.read(layer, in, 0), live));
            });
        }

        /** Adds what sources give [row, source]; in single precision the numbers are not widened first, which would take twice the room. */
        private void addProducts(NDArray products, int[] columns, int first) {
            int width = (int) products.getShape().get(1);
            if (products.getDataType() == DataType.FLOAT32) {
                float[] all = products.toFloatArray();
                for (int at = 0; at < all.length; at++) {
                    rows[at / width][columns[first + at % width]] += all[at];
                }
            } else {
                double[] all = CleanRun.doubles(products);
                for (int at = 0; at < all.length; at++) {
                    rows[at / width][columns[first + at % width]] += all[at];
                }
            }
        }

        /** Lets a layer's features join, each with its encoder's row at its own position. Returns how many targets have joined by then. */
        private int join(int layer, int live, NDArray gradients) {
            int to = live;
            while (to < chunk.length && layerOf(chunk[to]) == layer) {
                to++;
            }
            if (to == live) {
                return live;
            }
            try (NDManager scope = owner.newSubManager()) {
                long[] features = Arrays.stream(chunk, live, to)
                        .mapToLong(target -> active.feature(target).index())
                        .toArray();
                long[] places = Arrays.stream(chunk, live, to)
                        .mapToLong(target -> target - active.from(layer, 0))
                        .toArray();
                NDArray rows = Tensors.embedding(scope.create(places), encoders.get(layer)); // [target, dModel]
                NDArray bias = Tensors.embedding(
                                scope.create(features),
                                Tensors.alias(transcoders.encoderBias(layer), scope)
                                        .expandDims(1))
                        .toType(run.type(), false)
                        .reshape(features.length);
                addConstants(bias, live, to);
                for (int from = live; from < to; ) {
                    int position = positionOf(chunk[from]);
                    int end = from;
                    while (end < to && positionOf(chunk[end]) == position) {
                        end++;
                    }
                    FrozenModel.Pulled part = frozen.read(
                            layer, rows.get((from - live) + ":" + (end - live)).expandDims(1), position);
                    addConstants(part.constant(), from, end);
                    gradients.set(
                            new NDIndex(from + ":" + end + ", " + position + ":" + (position + 1)), part.gradient());
                    from = end;
                }
            }
            return to;
        }

        /** Lets outputs join, at the last position behind the last layer. Returns how many. */
        private int joinOutputs(NDArray gradients) {
            int count = 0;
            while (count < chunk.length && chunk[count] >= active.size()) {
                count++;
            }
            if (count == 0) {
                return 0;
            }
            try (NDManager scope = owner.newSubManager()) {
                long[] which = Arrays.stream(chunk, 0, count)
                        .mapToLong(target -> target - active.size())
                        .toArray();
                NDArray vectors = Tensors.embedding(scope.create(which), outputs.vectors());
                FrozenModel.Pulled part = frozen.unembedded(vectors.expandDims(1), pos - 1);
                addConstants(part.constant(), 0, count);
                for (int i = 0; i < count; i++) {
                    constants[i] += outputs.constants()[(int) which[i]];
                }
                gradients.set(new NDIndex(":" + count + ", " + (pos - 1) + ":" + pos), part.gradient());
            }
            return count;
        }

        /** Multiplies with the token embeddings; those of positions are constant. */
        private void embeddings(NDArray gradients) {
            try (NDManager scope = owner.newSubManager()) {
                NDArray g = first(gradients, chunk.length, scope);
                NDIndex here = new NDIndex(":" + positions);
                addTokens(g.mul(run.at("hook_embed", scope).get(here)).sum(new int[] {2}));
                if (config.positions() == ModelConfig.Positions.LEARNED) {
                    NDArray where = run.at("hook_pos_embed", scope).get(here);
                    addConstants(FrozenModel.along(g, where, positions), 0, chunk.length);
                }
            }
        }
    }

    @Override
    public void close() {
        frozen.close();
    }
}
