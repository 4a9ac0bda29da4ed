package dev.ariadne.train;

import ai.djl.Device;
import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.DataType;
import dev.ariadne.tensor.Tensors;
import dev.ariadne.transcoder.Transcoder;
import java.util.Arrays;
import java.util.stream.IntStream;

/**
 * How good a transcoder is on rows: one for each distinct prefix of a corpus.
 *
 * @param l0 how many features are active in a row, on average
 * @param fvu the share of the variance of the MLP's output that is not explained
 * @param dead the share of the features that no row makes active
 */
public record TranscoderQuality(double l0, double fvu, double dead) {
    private static final int ROWS = 2048; // at a time

    static TranscoderQuality of(Transcoder transcoder, TranscoderRows rows) {
        double error = 0;
        for (int[] some : parts(rows)) {
            try (NDManager scope = Tensors.engine().newBaseManager(Device.cpu())) {
                NDArray x = TranscoderRows.array(scope, rows.inputs(), some);
                NDArray wrong = transcoder.reconstruct(x).sub(TranscoderRows.array(scope, rows.outputs(), some));
                error += wrong.mul(wrong).sum().toType(DataType.FLOAT64, false).getDouble();
            }
        }
        int[] activity = activity(transcoder, rows);
        double count = rows.count();
        return new TranscoderQuality(
                Arrays.stream(activity).asLongStream().sum() / count,
                error / count / rows.variance(),
                Arrays.stream(activity).filter(n -> n == 0).count() / (double) activity.length);
    }

    /** The features that some row makes active. */
    static int[] living(Transcoder transcoder, TranscoderRows rows) {
        int[] activity = activity(transcoder, rows);
        return IntStream.range(0, activity.length)
                .filter(feature -> activity[feature] > 0)
                .toArray();
    }

    /** How many rows make each feature active. */
    private static int[] activity(Transcoder transcoder, TranscoderRows rows) {
        int[] activity = new int[transcoder.features()];
        for (int[] some : parts(rows)) {
            try (NDManager scope = Tensors.engine().newBaseManager(Device.cpu())) {
                float[] a = transcoder
                        .encode(TranscoderRows.array(scope, rows.inputs(), some))
                        .toFloatArray(); // [row, feature]
                for (int i = 0; i < a.length; i++) {
                    activity[i % activity.length] += a[i] != 0 ? 1 : 0;
                }
            }
        }
        return activity;
    }

    private static int[][] parts(TranscoderRows rows) {
        return IntStream.rangeClosed(0, (rows.count() - 1) / ROWS)
                .mapToObj(part -> IntStream.range(part * ROWS, Math.min(rows.count(), (part + 1) * ROWS))
                        .toArray())
                .toArray(int[][]::new);
    }
}
