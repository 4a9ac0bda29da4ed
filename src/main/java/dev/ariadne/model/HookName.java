package dev.ariadne.model;

import dev.ariadne.model.weights.NearestNames;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.function.Predicate;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * The name of a hook point: a site of the forward pass and, inside the blocks, a layer.
 *
 * <p>Written as in TransformerLens: {@code blocks.0.attn.hook_z}, {@code ln_final.hook_scale}. Values are equal when their names are.
 */
public final class HookName implements Comparable<HookName> {
    private static final Pattern BLOCK = Pattern.compile("blocks\\.(\\d{1,6})\\.(.+)");

    /** A short name with its layer, and perhaps its part: k6, k6a, scale4ln1. */
    static final Pattern SHORT = Pattern.compile("([a-z_]+)(\\d{1,6})((?:[a-z]\\w*)?)");

    private static final Map<String, String> ALIASES = Map.of(
            "attn", "pattern",
            "attn_logits", "attn_scores",
            "query", "q",
            "key", "k",
            "value", "v",
            "mlp_pre", "pre",
            "mlp_post", "post");

    private static final Map<String, String> PARTS =
            Map.of("a", "attn", "attention", "attn", "m", "mlp", "b", "", "block", "", "blocks", "");

    final Site site;
    private final int layer;

    HookName(Site site, int layer) {
        this.site = site;
        this.layer = site.inBlock ? layer : 0;
    }

    /**
     * Reads a hook name as TransformerLens's {@code get_act_name} does.
     *
     * @param name a full name, {@code blocks.0.attn.hook_z}; or a short one with its layer, {@code k6}, {@code scale4ln1}; or a short
     *     one outside the blocks, {@code embed}, {@code normalized} (of the final norm)
     * @return the name
     * @throws IllegalArgumentException when there is no such hook point, with the nearest names, or the layer is missing
     */
    public static HookName of(String name) {
        Matcher block = BLOCK.matcher(name);
        int layer = block.matches() ? Integer.parseInt(block.group(1)) : 0;
        for (Site site : Site.values()) {
            if (site.name(layer).equals(name)) {
                return new HookName(site, layer);
            }
        }
        Matcher shortForm = SHORT.matcher(name);
        if (shortForm.matches() && shortForm.group(2) != null) {
            String type = shortForm.group(3);
            int at = Integer.parseInt(shortForm.group(2));
            return type.isEmpty() ? of(shortForm.group(1), at) : of(shortForm.group(1), at, type);
        }
        String plain = shortName(name);
        List<Site> sites = sites(site -> site.shortName().equals(plain));
        for (Site site : sites) {
            if (!site.inBlock) {
                return new HookName(site, 0);
            }
        }
        if (!sites.isEmpty()) {
            throw new IllegalArgumentException("'" + name + "' is in every block, as "
                    + sites.get(0).name(0) + "; give the layer too: (\"" + name + "\", 0) or \"" + plain + "0\"");
        }
        throw unknown(name, allNames(layer));
    }

    /**
     * Builds a hook name from its short form, as TransformerLens's {@code get_act_name("z", 3)} does.
     *
     * @param shortName "resid_pre", "q", "pattern", "z", "mlp_out" …, or TransformerLens's aliases "attn" (the pattern), "attn_logits",
     *     "query", "key", "value", "mlp_pre", "mlp_post"
     * @param layer the block, from 0
     * @return the name
     * @throws IllegalArgumentException when no hook in a block has that short name, or several have
     */
    public static HookName of(String shortName, int layer) {
        return of(shortName, layer, site -> site.inBlock);
    }

    /**
     * Builds a hook name from its short form and the part of the block it belongs to: {@code of("normalized", 2, "ln2")}.
     *
     * @param shortName as in {@link #of(String, int)}
     * @param layer the block, from 0; without meaning for "ln_final"
     * @param type "attn" or "a", "mlp" or "m", "ln1", "ln2", "ln1_post", "ln2_post", "q_norm", "k_norm", "ln_final"; "" or "b" for the
     *     block itself
     * @return the name
     * @throws IllegalArgumentException when no hook of that part has that short name
     */
    public static HookName of(String shortName, int layer, String type) {
        String part = PARTS.getOrDefault(type, type);
        return of(
                shortName,
                layer,
                site -> site.part().equals(part)
                        || (!part.isEmpty() && site.part().endsWith("." + part)));
    }

    private static HookName of(String shortName, int layer, Predicate<Site> where) {
        if (layer < 0) {
            throw new IllegalArgumentException("layer must be 0 or more, got " + layer);
        }
        String plain = shortName(shortName);
        List<Site> sites = sites(site -> site.shortName().equals(plain) && where.test(site));
        if (sites.size() > 1) {
            Site first = sites.get(0);
            throw new IllegalArgumentException("'" + shortName + "' means several hooks: "
                    + String.join(
                            ", ", sites.stream().map(site -> site.name(layer)).toList())
                    + "; give the whole name, or its part: (\"" + shortName + "\", " + layer + ", \"" + first.part()
                    + "\")");
        }
        if (sites.isEmpty()) {
            List<String> shortNames =
                    Arrays.stream(Site.values()).map(Site::shortName).toList();
            List<Site> nearest = NearestNames.of(
                            plain, shortNames.stream().distinct().toList(), 3)
                    .stream()
                    .map(name -> Site.values()[shortNames.indexOf(name)])
                    .toList();
            throw unknown(
                    shortName, nearest.stream().map(site -> site.name(layer)).toList());
        }
        return new HookName(sites.get(0), layer);
    }

    /** What a site is called in short, "hook_" taken off and aliases replaced. */
    static String shortName(String name) {
        String plain = name.startsWith("hook_") ? name.substring("hook_".length()) : name;
        return ALIASES.getOrDefault(plain, plain);
    }

    private static List<Site> sites(Predicate<Site> filter) {
        return Arrays.stream(Site.values()).filter(filter).toList();
    }

    /** The layer, from 0; 0 also for hook points outside the blocks. */
    public int layer() {
        return layer;
    }

    /** The names of the axes, in order, for example [batch, pos, head, dHead]. */
    public List<String> axes() {
        return site.axes;
    }

    /** The same for an array of that many axes: with split inputs, the norm before attention has one per head. */
    List<String> axes(int count) {
        if (count == site.axes.size()) {
            return site.axes;
        }
        List<String> axes = new ArrayList<>(site.axes);
        axes.add(2, "head");
        return axes;
    }

    /** The position in the flat table of hook points: sites of all layers, in order of layer. */
    int index() {
        return layer * Site.COUNT + site.ordinal();
    }

    static IllegalArgumentException unknown(String name, List<String> known) {
        List<String> nearest = NearestNames.of(name, known, 3);
        return new IllegalArgumentException("no hook named '" + name + "'; the nearest are "
                + String.join(", ", nearest) + "; list them all with model.hookNames()");
    }

    private static List<String> allNames(int layer) {
        return Arrays.stream(Site.values()).map(s -> s.name(layer)).toList();
    }

    @Override
    public int compareTo(HookName other) {
        return Integer.compare(index(), other.index());
    }

    @Override
    public boolean equals(Object other) {
        return other instanceof HookName name && name.site == site && name.layer == layer;
    }

    @Override
    public int hashCode() {
        return index();
    }

    @Override
    public String toString() {
        return site.name(layer);
    }
}
