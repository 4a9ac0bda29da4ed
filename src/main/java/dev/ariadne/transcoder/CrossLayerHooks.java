package dev.ariadne.transcoder;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import dev.ariadne.model.Hook;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.concurrent.ConcurrentHashMap;

/** Replaces MLPs by a cross-layer transcoder: what a layer's features write into later layers waits there until the run comes by. */
final class CrossLayerHooks {
    private final CrossLayerTranscoder transcoder;
    private final NDManager owner;
    private final int[] replaced; // in order
    private final Map<Thread, Run> runs = new ConcurrentHashMap<>(); // a run is one thread's: several may use the hooks

    /** What is still to be written, by layer, each [batch, pos, dModel]. */
    private record Run(NDManager owner, Map<Integer, NDArray> pending) {}

    CrossLayerHooks(CrossLayerTranscoder transcoder, NDManager owner, int[] replaced) {
        this.transcoder = transcoder;
        this.owner = owner;
        this.replaced = Arrays.stream(replaced).sorted().distinct().toArray();
    }

    Hook[] hooks() {
        List<Hook> hooks = new ArrayList<>();
        int last = replaced[replaced.length - 1];
        for (int i = 0; i <= last; i++) {
            int layer = i;
            hooks.add(Hook.observe(transcoder.input(layer).toString(), x -> read(layer, x)));
            if (Arrays.binarySearch(replaced, layer) >= 0) {
                hooks.add(Hook.at(transcoder.output(layer).toString(), out -> write(layer, layer == last, out)));
            }
        }
        return hooks.toArray(Hook[]::new);
    }

    private void read(int layer, NDArray x) {
        if (layer == 0) {
            end(); // what a run that failed has left
            runs.put(Thread.currentThread(), new Run(owner.newSubManager(), new HashMap<>()));
        }
        Run run = Objects.requireNonNull(runs.get(Thread.currentThread()), "a run begins at layer 0");
        NDArray features = transcoder.encode(layer, x); // [batch, pos, feature]
        for (int target : replaced) {
            if (target < layer) {
                continue;
            }
            NDArray sum = transcoder.written(layer, features, target);
            NDArray before = run.pending().get(target);
            if (before != null) {
                sum = sum.add(before);
                before.close();
            }
            if (layer == target && transcoder.skip(layer).isPresent()) {
                sum = sum.add(
                        x.matMul(Encoder.like(transcoder.skip(layer).get(), x).transpose()));
            }
            sum.attach(run.owner());
            run.pending().put(target, sum);
        }
    }

    private NDArray write(int layer, boolean last, NDArray out) {
        Run run = Objects.requireNonNull(runs.get(Thread.currentThread()), "a block reads before it writes");
        NDArray bias = Encoder.like(transcoder.decoderBias(layer), out);
        NDArray sum = bias.add(run.pending().get(layer)); // of out's manager
        if (last) {
            end();
        }
        return sum;
    }

    private void end() {
        Run run = runs.remove(Thread.currentThread());
        if (run != null) {
            run.owner().close();
        }
    }
}
