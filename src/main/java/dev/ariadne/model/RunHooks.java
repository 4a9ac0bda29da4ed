package dev.ariadne.model;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import dev.ariadne.tensor.Shapes;
import dev.ariadne.tensor.Tensors;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.function.Predicate;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/** The hooks and captures of one run, resolved once into a table by (layer, site); a point nobody asked for costs a null check. */
final class RunHooks {
    /** What is asked of one hook point. */
    private static final class Slot {
        final HookName name;
        final List<Hook> hooks = new ArrayList<>(1);
        boolean capture;

        Slot(HookName name) {
            this.name = name;
        }
    }

    private final @Nullable Slot[] slots;
    private final @Nullable NDManager captureOwner;
    private final Map<HookName, NDArray> captured;
    private final List<NDArray> leaving = new ArrayList<>(); // kept, and still in the scope they were computed in
    private final boolean recording;

    /**
     * Creates the table of a run.
     *
     * @param captureOwner owns the captured arrays; null when nothing is captured
     * @param captured receives them, in the order of the forward pass
     * @param recording whether gradients with respect to them will be asked for
     */
    RunHooks(
            ModelConfig config,
            List<Hook> hooks,
            @Nullable NDManager captureOwner,
            Map<HookName, NDArray> captured,
            boolean recording) {
        this.slots = new Slot[config.nLayers() * Site.COUNT];
        this.captureOwner = captureOwner;
        this.captured = captured;
        this.recording = recording;
        for (Hook hook : hooks) {
            for (HookName name : resolve(config, hook.point())) {
                slot(name).hooks.add(hook);
            }
        }
    }

    void capture(List<HookName> names) {
        for (HookName name : names) {
            slot(name).capture = true;
        }
    }

    private Slot slot(HookName name) {
        Slot slot = slots[name.index()];
        if (slot == null) {
            slot = new Slot(name);
            slots[name.index()] = slot;
        }
        return slot;
    }

    /** Whether a run must compute this activation by itself. */
    boolean wants(Site site, int layer) {
        return slots[layer * Site.COUNT + site.ordinal()] != null;
    }

    /**
     * Refuses a hook that a run from the middle would never reach.
     *
     * @param layer the first block that runs
     */
    void requireReached(int layer) {
        for (Slot slot : slots) {
            if (slot != null
                    && slot.name.compareTo(new HookName(Site.RESID_PRE, layer)) < 0
                    && slot.name.site.inBlock) {
                throw unreached(slot.name, layer);
            }
            if (slot != null && (slot.name.site == Site.EMBED || slot.name.site == Site.POS_EMBED)) {
                throw unreached(slot.name, layer);
            }
        }
    }

    private static IllegalArgumentException unreached(HookName name, int layer) {
        return new IllegalArgumentException("a run from layer " + layer + " never reaches '" + name
                + "'; hook a point from blocks." + layer + " on, or start earlier");
    }

    /** Whether the run is recorded for gradients. */
    boolean recording() {
        return recording;
    }

    /** Whether a hook may replace this activation. */
    boolean edits(Site site, int layer) {
        Slot slot = slots[layer * Site.COUNT + site.ordinal()];
        return slot != null && !slot.hooks.isEmpty();
    }

    /** Whether a backward pass may read arrays that the hooks of a block have made: these end with the run then, not with the block. */
    boolean areReadBackwards(int layer) {
        return recording
                && Arrays.stream(slots, layer * Site.COUNT, (layer + 1) * Site.COUNT)
                        .anyMatch(slot -> slot != null && !slot.hooks.isEmpty());
    }

    /** What stands in an activation's place whatever it is; null where it must be computed. */
    @Nullable
    Given given(Site site, int layer) {
        Slot slot = slots[layer * Site.COUNT + site.ordinal()];
        return slot != null && !slot.hooks.isEmpty() && slot.hooks.get(0).edit() instanceof Given given ? given : null;
    }

    /** Passes an activation through its hooks, and keeps it if asked; the result is always owned by x's manager. */
    NDArray at(Site site, int layer, NDArray x) {
        Slot slot = slots[layer * Site.COUNT + site.ordinal()];
        if (slot == null) {
            return x;
        }
        NDArray value = x;
        for (Hook hook : slot.hooks) {
            NDArray edited = hook.edit().apply(value, slot.name);
            if (edited == null) {
                throw new IllegalArgumentException("the hook at '" + slot.name
                        + "' returned null; return the activation itself to leave it as it is");
            }
            if (value.isReleased()) {
                throw new IllegalArgumentException("the hook at '" + slot.name
                        + "' closed the activation that it was given; leave it open, it is freed with the run");
            }
            if (edited.isReleased()) {
                throw new IllegalArgumentException("the hook at '" + slot.name
                        + "' returned an array that is closed; return an open one, it is freed with the run");
            }
            value = Shapes.requireSame(
                    edited,
                    x,
                    "the result of the hook at '" + slot.name + "'",
                    String.join(", ", slot.name.axes(x.getShape().dimension())));
        }
        NDManager scope = x.getManager();
        if (value.getManager() != scope) {
            value = Tensors.alias(value, scope); // what is computed from it must be freed with the run
        }
        return slot.capture ? keep(slot.name, value) : value;
    }

    /** Keeps an activation: it moves to its keeper when its scope ends, and until then the run goes on from it. */
    private NDArray keep(HookName name, NDArray value) {
        NDArray kept =
                isLeaving(value) ? Tensors.alias(value, value.getManager()) : value; // two names, two owners' handles
        if (recording) {
            kept.setRequiresGradient(true); // the graph begins at the first activation that is kept
        }
        leaving.add(kept);
        NDArray before = captured.put(name, kept);
        if (before != null) {
            leaving.removeIf(array -> array == before); // split inputs pass the norm three times; the last one is kept
            before.close();
        }
        return kept;
    }

    private boolean isLeaving(NDArray array) {
        return leaving.stream().anyMatch(other -> other == array);
    }

    /**
     * Hands what was kept to its keeper, before the scope it was computed in is freed.
     *
     * @param stream what the run goes on with
     * @return the same, not owned by the keeper
     */
    NDArray settle(NDArray stream) {
        if (captureOwner == null || leaving.isEmpty()) {
            return stream;
        }
        NDArray onward = isLeaving(stream) ? Tensors.alias(stream, stream.getManager()) : stream;
        leaving.forEach(array -> array.attach(captureOwner));
        leaving.clear();
        return onward;
    }

    /** The hook points a name, a pattern or a short name stands for: a short name for all that have it, in every layer. */
    static List<HookName> resolve(ModelConfig config, String point) {
        Predicate<HookName> matches;
        if (point.indexOf('*') >= 0) {
            Pattern pattern = Pattern.compile(("\\Q" + point + "\\E").replace("*", "\\E.*\\Q"));
            // a pattern means an on-demand point only when it spells its last part: "*" must not switch everything on
            matches = name -> pattern.matcher(name.toString()).matches()
                    && (!name.site.onDemand || point.endsWith(name.site.shortName()));
        } else {
            String plain = HookName.shortName(point);
            matches = name ->
                    name.toString().equals(point) || name.site.shortName().equals(plain);
        }
        List<HookName> names = all(config, matches);
        if (names.isEmpty() && HookName.SHORT.matcher(point).matches()) {
            HookName one = HookName.of(point);
            names = all(config, one::equals);
        }
        if (names.isEmpty()) {
            throw HookName.unknown(
                    point,
                    all(config, name -> true).stream().map(HookName::toString).toList());
        }
        return names;
    }

    /** All hook points of a model that pass, in the order of the forward pass. */
    static List<HookName> all(ModelConfig config, Predicate<HookName> filter) {
        List<HookName> names = new ArrayList<>();
        for (int layer = 0; layer < config.nLayers(); layer++) {
            for (Site site : Site.values()) {
                boolean global = !site.inBlock;
                boolean last = site.compareTo(Site.RESID_POST) > 0;
                if (site.existsIn(config) && !(global && layer != (last ? config.nLayers() - 1 : 0))) {
                    HookName name = new HookName(site, layer);
                    if (filter.test(name)) {
                        names.add(name);
                    }
                }
            }
        }
        return names;
    }
}
