package dev.ariadne.train;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.Shape;
import dev.ariadne.model.weights.Checkpoint;
import dev.ariadne.tensor.Updates;
import java.io.IOException;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;

/** What AdamW remembers of each parameter, and its step. */
final class Moments {
    private static final String FIRST = "adamw.m.";
    private static final String SECOND = "adamw.v.";

    private final AdamW settings;
    private final Map<String, NDArray> parameters;
    private final Map<String, NDArray> first = new LinkedHashMap<>();
    private final Map<String, NDArray> second = new LinkedHashMap<>();

    /** Begins with zeros; the owner keeps them. */
    Moments(AdamW settings, Map<String, NDArray> parameters, NDManager owner) {
        this.settings = settings;
        this.parameters = parameters;
        parameters.forEach((name, array) -> {
            first.put(name, owner.zeros(array.getShape(), array.getDataType()));
            second.put(name, owner.zeros(array.getShape(), array.getDataType()));
        });
    }

    /** Changes the parameters by their gradients; the step counts from 1. */
    void update(int step, double rate, Map<String, NDArray> gradients, NDManager scope) {
        for (boolean matrices : new boolean[] {true, false}) {
            List<NDArray> ps = new ArrayList<>();
            List<NDArray> gs = new ArrayList<>();
            List<NDArray> ms = new ArrayList<>();
            List<NDArray> vs = new ArrayList<>();
            gradients.forEach((name, gradient) -> {
                NDArray array = Objects.requireNonNull(parameters.get(name));
                if (array.getShape().dimension() > 1 == matrices) {
                    ps.add(array);
                    gs.add(gradient);
                    ms.add(Objects.requireNonNull(first.get(name)));
                    vs.add(Objects.requireNonNull(second.get(name)));
                }
            });
            if (!ps.isEmpty()) {
                double decay = matrices ? settings.decay() : 0;
                double[] numbers = {step, rate, settings.beta1(), settings.beta2(), decay, settings.eps()};
                Updates.adamW(ps, gs, ms, vs, scope.create(numbers, new Shape(numbers.length)));
            }
        }
    }

    /** The arrays by the names they are saved under. */
    Map<String, NDArray> stored() {
        Map<String, NDArray> all = new LinkedHashMap<>();
        first.forEach((name, array) -> all.put(FIRST + name, array));
        second.forEach((name, array) -> all.put(SECOND + name, array));
        return all;
    }

    /** Refuses what is not saved of a training of these parameters. */
    void require(Checkpoint file) {
        stored().forEach((name, array) -> {
            if (!file.contains(name)) {
                throw new IllegalArgumentException(file.path() + " has no '" + name
                        + "': it is no checkpoint of a training of these parameters; train from the start");
            }
            if (!Arrays.equals(file.shape(name), array.getShape().getShape())) {
                throw new IllegalArgumentException(
                        file.path() + " has '" + name + "' of shape " + new Shape(file.shape(name))
                                + ", this model wants " + array.getShape()
                                + ": it is of another model; name another folder to begin anew");
            }
        });
    }

    /** Takes over what was saved. */
    void restore(Checkpoint file) throws IOException {
        require(file);
        for (Map.Entry<String, NDArray> entry : stored().entrySet()) {
            try (NDManager scope = entry.getValue().getManager().newSubManager()) {
                entry.getValue().set(file.read(scope, entry.getKey()).toFloatArray());
            }
        }
    }
}
