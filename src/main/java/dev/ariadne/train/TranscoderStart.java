package dev.ariadne.train;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.Comparator;
import java.util.List;
import java.util.Random;
import java.util.stream.IntStream;

/**
 * The first features of a transcoder, made from data: a decoder points from the mean output to a centroid or to a row, its encoder from the mean
 * input to the mean input of the rows it stands for, scaled so that they read the length of what is decoded.
 */
final class TranscoderStart {
    private static final int ROUNDS = 25; // of k-means
    private static final int MOST_ROWS = 4096; // that k-means looks at
    private static final double NOTHING = 1e-6; // an input or output this close to the mean has no direction

    final float[] encoder; // [feature, dModel]
    final float[] encoderBias; // [feature]
    final float[] decoder; // [feature, dModel]
    final float[] decoderBias; // [dModel]
    private final double[] meanInput;
    private final double[] meanOutput;
    private final int width;
    private int next;

    private TranscoderStart(TranscoderRows rows, int features) {
        this.width = rows.width();
        this.encoder = new float[features * width];
        this.encoderBias = new float[features];
        this.decoder = new float[features * width];
        this.meanInput = TranscoderRows.mean(rows.inputs());
        this.meanOutput = TranscoderRows.mean(rows.outputs());
        this.decoderBias = new float[width];
        for (int i = 0; i < width; i++) {
            decoderBias[i] = (float) meanOutput[i];
        }
    }

    static TranscoderStart of(TranscoderRows rows, TranscoderRecipe recipe) {
        TranscoderStart start = new TranscoderStart(rows, recipe.features());
        Random random = new Random(recipe.seed());
        int[] order = shuffled(rows.count(), random);
        int groups = Math.min(recipe.start().groups(), rows.count());
        double[][] left = start.centered(rows);
        if (groups > 0) {
            int[] looked = Arrays.copyOf(order, Math.min(order.length, Math.max(MOST_ROWS, groups)));
            start.addGroups(rows, left, looked, groups, random);
            order = IntStream.range(0, rows.count())
                    .boxed()
                    .sorted(Comparator.<Integer>comparingDouble(row -> -square(left[row]))
                            .thenComparing(row -> row))
                    .mapToInt(Integer::intValue)
                    .toArray();
        }
        for (int i = 0; i < order.length && start.next < recipe.features(); i++) {
            double[] input = new double[start.width];
            for (int j = 0; j < start.width; j++) {
                input[j] = rows.inputs()[order[i]][j] - start.meanInput[j];
            }
            start.add(input, left[order[i]]);
        }
        start.fillRandomly(random);
        return start;
    }

    private static int[] shuffled(int count, Random random) {
        List<Integer> order = new ArrayList<>(IntStream.range(0, count).boxed().toList());
        Collections.shuffle(order, random);
        return order.stream().mapToInt(Integer::intValue).toArray();
    }

    private double[][] centered(TranscoderRows rows) {
        double[][] all = new double[rows.count()][width];
        for (int row = 0; row < all.length; row++) {
            for (int i = 0; i < width; i++) {
                all[row][i] = rows.outputs()[row][i] - meanOutput[i];
            }
        }
        return all;
    }

    /** Adds a feature for each group of outputs, and takes its centroid away from the rows in it. */
    private void addGroups(TranscoderRows rows, double[][] left, int[] looked, int groups, Random random) {
        double[][] points = Arrays.stream(looked).mapToObj(row -> left[row]).toArray(double[][]::new);
        double[][] centers = KMeans.of(points, groups, ROUNDS, random);
        double[][] inputs = new double[groups][width];
        int[] sizes = new int[groups];
        int[] groupOf = new int[left.length];
        for (int row = 0; row < left.length; row++) {
            int group = KMeans.nearest(centers, left[row]);
            groupOf[row] = group;
            sizes[group]++;
            for (int i = 0; i < width; i++) {
                inputs[group][i] += rows.inputs()[row][i] - meanInput[i];
            }
        }
        for (int group = 0; group < groups; group++) {
            for (int i = 0; i < width; i++) {
                inputs[group][i] /= Math.max(1, sizes[group]);
            }
            add(inputs[group], centers[group]);
        }
        for (int row = 0; row < left.length; row++) {
            for (int i = 0; i < width; i++) {
                left[row][i] -= centers[groupOf[row]][i];
            }
        }
    }

    /** One more feature that reads an input as the length of an output; both are distances from the mean. */
    private void add(double[] input, double[] output) {
        double length = Math.sqrt(square(output));
        double inputSquare = square(input);
        if (length < NOTHING || inputSquare < NOTHING) {
            return;
        }
        double bias = 0;
        for (int i = 0; i < width; i++) {
            double w = input[i] * length / inputSquare;
            encoder[next * width + i] = (float) w;
            decoder[next * width + i] = (float) (output[i] / length);
            bias -= w * meanInput[i];
        }
        encoderBias[next++] = (float) bias;
    }

    /** Gives the features that no row is left for random directions. */
    private void fillRandomly(Random random) {
        for (; next < encoderBias.length; next++) {
            double[] direction = random.doubles(width, -1, 1).toArray();
            double length = Math.sqrt(square(direction));
            for (int i = 0; i < width; i++) {
                encoder[next * width + i] = (float) (direction[i] / length / Math.sqrt(width));
                decoder[next * width + i] = (float) (direction[i] / length);
            }
        }
    }

    private static double square(double[] vector) {
        double sum = 0;
        for (double x : vector) {
            sum += x * x;
        }
        return sum;
    }
}
