package dev.ariadne.intervention;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.index.NDIndex;
import dev.ariadne.attribution.ReplacementModel;
import dev.ariadne.model.ActivationCache;
import dev.ariadne.model.Generation;
import dev.ariadne.model.Hook;
import dev.ariadne.model.HookName;
import dev.ariadne.model.HookedTransformer;
import dev.ariadne.model.Logits;
import dev.ariadne.model.ModelConfig;
import dev.ariadne.model.Sampling;
import dev.ariadne.tensor.Tensors;
import dev.ariadne.transcoder.Transcoders;
import dev.ariadne.view.Progress;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.stream.IntStream;
import java.util.stream.LongStream;
import org.jspecify.annotations.Nullable;

/**
 * Sets features of a prompt and runs the model itself on from there, not the replacement model.
 *
 * <p>Where a feature is set to a value and its encoder reads another one, the difference times what it writes is added to the MLP's output;
 * later layers answer as the {@link Mode} lets them. Only what lies above the first layer and not before the first token with a set feature is
 * computed again: nothing else can hear of it. Nothing stays on the model.
 *
 * <pre>{@code
 * try (var patcher = FeaturePatcher.of(replacement, prompt);
 *         var run = patcher.next(List.of(Setting.of(Feature.of("1_207_9"), 0)), Mode.FROZEN)) {
 *     Notebook.show(run.logits());
 * }
 * }</pre>
 */
public final class FeaturePatcher implements AutoCloseable {
    private static final int AT_ONCE = 32; // interventions that run side by side

    private final ReplacementModel replacement;
    private final HookedTransformer model;
    private final Transcoders transcoders;
    private final long[] tokens;
    private final ActivationCache clean; // the stream before each block, patterns, keys and values, what encoders read
    private final List<NDArray> inputs; // what each layer's encoder reads in it [1, pos, dModel]
    private @Nullable ActivationCache kept; // MLP outputs and norm scales, for constrained layers

    private FeaturePatcher(ReplacementModel replacement, long[] tokens) {
        this.replacement = replacement;
        this.model = replacement.model();
        this.transcoders = replacement.transcoders();
        this.tokens = tokens.clone();
        List<String> names = new ArrayList<>(List.of("resid_pre", "pattern", "v"));
        names.add(model.config().positions() == ModelConfig.Positions.ROTARY ? "rot_k" : "k");
        IntStream.range(0, transcoders.size()).forEach(layer -> names.add(input(layer)));
        this.clean = model.runWithCache(new long[][] {tokens}, names);
        this.inputs = IntStream.range(0, transcoders.size())
                .mapToObj(layer -> clean.get(input(layer)).array())
                .toList();
    }

    /** Runs a prompt as it is, to start from. */
    public static FeaturePatcher of(ReplacementModel replacement, String prompt) {
        return new FeaturePatcher(replacement, replacement.tokens(prompt));
    }

    /** Runs token ids as they are, which begin as {@link ReplacementModel#tokens} has them. */
    public static FeaturePatcher of(ReplacementModel replacement, long[] tokens) {
        return new FeaturePatcher(replacement, tokens);
    }

    private String input(int layer) {
        return transcoders.input(layer).toString();
    }

    /** How many tokens the prompt has. */
    public int length() {
        return tokens.length;
    }

    /** The run without an intervention; valid until this is closed. */
    public PatchedRun clean() {
        return new PatchedRun(
                replacement,
                Optional.empty(),
                clean.logits(),
                inputs,
                List.of(new PatchedRun.Part(Map.of(), 1)),
                new long[1]);
    }

    /**
     * Runs the prompt with features set.
     *
     * @param settings of one feature at one token the last one counts; none is a plain run
     * @param mode what stays as it was
     * @param hooks what else is changed: heads, MLPs, directions of the stream; after the features' own hooks
     * @return logits at all positions, and activations; to be closed
     * @throws IllegalArgumentException when a layer, feature or position does not exist
     */
    public PatchedRun run(List<Setting> settings, Mode mode, Hook... hooks) {
        return run(List.of(settings), mode, false, hooks);
    }

    /** The same, with logits of the next token only. */
    public PatchedRun next(List<Setting> settings, Mode mode, Hook... hooks) {
        return run(List.of(settings), mode, true, hooks);
    }

    /**
     * Runs several interventions side by side; the rows of the result. Many run in parts, those together that begin at the same layer and token.
     *
     * @throws java.util.concurrent.CancellationException when interrupted
     */
    public PatchedRun nextOfAll(List<List<Setting>> interventions, Mode mode) {
        if (interventions.isEmpty()) {
            throw new IllegalArgumentException("there must be at least one intervention, got none");
        }
        if (interventions.size() <= AT_ONCE) {
            return run(interventions, mode, true);
        }
        List<FeatureEdits> edits = interventions.stream()
                .map(one -> FeatureEdits.of(replacement, List.of(one), tokens.length))
                .toList();
        List<Integer> order = IntStream.range(0, edits.size())
                .boxed()
                .sorted(Comparator.<Integer>comparingInt(i -> edits.get(i).firstLayer())
                        .thenComparingInt(i -> edits.get(i).position()))
                .toList();
        long[] places = new long[order.size()];
        for (int i = 0; i < places.length; i++) {
            places[order.get(i)] = i;
        }
        NDManager owner = model.newOwner();
        List<Logits> logits = new ArrayList<>();
        List<PatchedRun.Part> parts = new ArrayList<>();
        try (Progress progress = Progress.of("intervening", order.size())) {
            for (int from = 0; from < places.length; from += AT_ONCE) {
                List<List<Setting>> rows = order.subList(from, Math.min(places.length, from + AT_ONCE)).stream()
                        .map(interventions::get)
                        .toList();
                Map<Integer, NDArray> read = new HashMap<>();
                logits.add(run(rows, mode, true, owner, read));
                parts.add(new PatchedRun.Part(read, rows.size()));
                progress.step(rows.size(), "", null);
            }
            Logits all = Logits.together(logits, places);
            return new PatchedRun(replacement, Optional.of(owner), all, inputs, parts, places);
        } catch (RuntimeException | Error e) {
            owner.close();
            throw e;
        } finally {
            logits.forEach(Logits::close);
        }
    }

    /** Where a run begins: the first block, and the first position; also how many rows it has, and whether it ends at the last position. */
    private record Start(int layer, int position, int rows, boolean lastPosition) {}

    private PatchedRun run(List<List<Setting>> rows, Mode mode, boolean lastPosition, Hook... more) {
        NDManager owner = model.newOwner();
        try {
            Map<Integer, NDArray> read = new HashMap<>();
            Logits logits = run(rows, mode, lastPosition, owner, read, more);
            return new PatchedRun(
                    replacement,
                    Optional.of(owner),
                    logits,
                    inputs,
                    List.of(new PatchedRun.Part(read, rows.size())),
                    LongStream.range(0, rows.size()).toArray());
        } catch (RuntimeException | Error e) {
            owner.close();
            throw e;
        }
    }

    /**
     * Runs some interventions side by side.
     *
     * @param owner owns what is read
     * @param read receives what encoders read in the layers that run, by layer
     */
    private Logits run(
            List<List<Setting>> rows,
            Mode mode,
            boolean lastPosition,
            NDManager owner,
            Map<Integer, NDArray> read,
            Hook... more) {
        FeatureEdits edits = FeatureEdits.of(replacement, rows, tokens.length);
        boolean plain = edits.layers().isEmpty() && more.length == 0;
        boolean whole = plain || more.length > 0; // hooks may sit anywhere
        Start start = new Start(
                more.length > 0 ? 0 : edits.firstLayer(),
                whole || !clean.canRunFrom() ? 0 : edits.position(),
                rows.size(),
                lastPosition);
        try (NDManager scope = model.newOwner()) {
            List<Hook> hooks = new ArrayList<>();
            for (int layer = start.layer(); layer < transcoders.size(); layer++) {
                int at = layer;
                hooks.add(Hook.observe(input(layer), x -> read.put(at, copy(x, owner))));
            }
            if (!plain) {
                hooks.addAll(hooks(edits, mode, start, scope));
            }
            hooks.addAll(List.of(more));
            return run(start, whole, hooks.toArray(Hook[]::new), scope);
        }
    }

    private Logits run(Start start, boolean whole, Hook[] hooks, NDManager scope) {
        if (whole) {
            long[][] batch = new long[start.rows()][];
            Arrays.fill(batch, tokens);
            return start.lastPosition() ? model.next(batch, hooks) : model.run(batch, hooks);
        }
        NDArray stream = last(clean.get("resid_pre", start.layer()).array(), start, scope);
        NDArray rows = start.rows() == 1 ? stream : stream.repeat(0, start.rows());
        return clean.runFrom(rows, start.layer(), start.lastPosition(), hooks);
    }

    /** The positions of [1, pos, ...] that run again, a view. */
    private static NDArray last(NDArray all, Start start, NDManager scope) {
        return all.get(scope, new NDIndex(":, " + start.position() + ":"));
    }

    private static NDArray copy(NDArray x, NDManager owner) {
        NDArray copy = x.duplicate();
        copy.attach(owner);
        return copy;
    }

    /** Hooks of one run; the scope owns what they hold, and lives as long as they do. */
    private List<Hook> hooks(FeatureEdits edits, Mode mode, Start start, NDManager scope) {
        List<Hook> hooks = new ArrayList<>();
        Map<Integer, double[]> changes = new HashMap<>();
        for (int layer : edits.layers()) {
            if (mode.constrains()) {
                changes.put(layer, edits.changes(layer, last(inputs.get(layer), start, scope)));
            } else {
                hooks.add(Hook.observe(input(layer), x -> changes.put(layer, edits.changes(layer, x))));
            }
        }
        for (int layer = start.layer(); layer < transcoders.size(); layer++) {
            if (mode.frozenAttention()) {
                NDArray pattern = clean.get("pattern", layer).array();
                hooks.add(Hook.given(
                        "blocks." + layer + ".attn.hook_pattern",
                        pattern.get(scope, new NDIndex(":, :, " + start.position() + ":"))));
            }
            if (mode.constrains(layer)) {
                hooks.addAll(hold(layer, start, scope));
            }
            int target = layer;
            if (!mode.constrains() || mode.constrains(layer)) {
                hooks.add(Hook.at(transcoders.output(layer).toString(), out -> {
                    NDArray sum = out;
                    for (int from : edits.layers()) {
                        double[] by = changes.get(from);
                        if (by != null && from <= target && target <= transcoders.lastWritten(from)) {
                            sum = edits.add(sum, from, target, by);
                        }
                    }
                    return sum;
                }));
            }
        }
        if (mode.direct(transcoders.size())) {
            hooks.addAll(scales(start, scope));
        }
        return hooks;
    }

    /** Puts a layer's clean MLP output in the place of the new one; a skip answers to what it reads. */
    private List<Hook> hold(int layer, Start start, NDManager scope) {
        String output = transcoders.output(layer).toString();
        List<Hook> hooks = new ArrayList<>();
        hooks.add(Hook.given(output, last(kept().get(output).array(), start, scope)));
        transcoders.skip(layer).ifPresent(w -> {
            NDArray read = last(inputs.get(layer), start, scope);
            List<NDArray> now = new ArrayList<>();
            hooks.add(Hook.observe(input(layer), x -> {
                NDArray moved = x.sub(Tensors.alias(read, x.getManager())); // [row, pos, dModel]
                now.clear();
                now.add(Tensors.linear(moved, w.toType(x.getDataType(), false), null));
            }));
            hooks.add(Hook.at(output, held -> held.add(now.get(0))));
        });
        return hooks;
    }

    /** Keeps all norm scales from a layer on. */
    private List<Hook> scales(Start start, NDManager scope) {
        List<Hook> hooks = new ArrayList<>();
        for (HookName name : kept().names()) {
            boolean end = name.toString().startsWith("ln_final");
            if (name.toString().endsWith("hook_scale") && (end || name.layer() >= start.layer())) {
                NDArray scale = kept().get(name.toString()).array();
                boolean one = end && start.lastPosition();
                hooks.add(Hook.given(
                        name.toString(), one ? scale.get(scope, new NDIndex(":, -1:")) : last(scale, start, scope)));
            }
        }
        return hooks;
    }

    private ActivationCache kept() {
        if (kept == null) {
            List<String> names = model.hookNames().stream()
                    .map(HookName::toString)
                    .filter(name -> name.endsWith("hook_scale") && !name.contains("_norm."))
                    .toList();
            List<String> all = new ArrayList<>(names);
            IntStream.range(0, transcoders.size())
                    .forEach(layer -> all.add(transcoders.output(layer).toString()));
            kept = model.runWithCache(new long[][] {tokens}, all);
        }
        return kept;
    }

    /**
     * Continues the prompt with features set. At the prompt the mode holds, if it is not a constrained one; after it attention is live, and only
     * positions without an end are set, at every new token.
     *
     * @throws IllegalArgumentException when keys and values are not kept, or the mode constrains layers
     */
    public Generation generate(List<Setting> settings, Mode mode, Sampling sampling) {
        if (mode.constrains() || !sampling.useCache()) {
            throw new IllegalArgumentException("a text is continued with attention frozen at the prompt or live, and"
                    + " with keys and values kept; got " + mode + (sampling.useCache() ? "" : ", useCache off"));
        }
        FeatureEdits prompt = FeatureEdits.of(replacement, List.of(settings), tokens.length);
        FeatureEdits added = FeatureEdits.generated(replacement, settings);
        Start start = new Start(0, 0, 1, true);
        try (NDManager scope = model.newOwner()) {
            List<Hook> first = prompt.layers().isEmpty() ? List.of() : hooks(prompt, mode, start, scope);
            List<Hook> later = added.layers().isEmpty() ? List.of() : hooks(added, Mode.LIVE, start, scope);
            List<Hook> all = new ArrayList<>();
            first.forEach(hook -> all.add(during(hook, true)));
            later.forEach(hook -> all.add(during(hook, false)));
            return model.generate(new long[][] {tokens}, sampling, all.toArray(Hook[]::new));
        }
    }

    /** A hook that acts at the first step of a generation only, or at all others. */
    private static Hook during(Hook hook, boolean first) {
        boolean[] passed = {false};
        return new Hook(hook.point(), (x, name) -> {
            boolean isFirst = !passed[0];
            passed[0] = true;
            return isFirst == first ? hook.edit().apply(x, name) : x;
        });
    }

    @Override
    public void close() {
        clean.logits().close();
        clean.close();
        if (kept != null) {
            kept.logits().close();
            kept.close();
        }
    }
}
