package dev.ariadne.model;

import dev.ariadne.model.weights.NearestNames;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * The name of a hook point: a site of the forward pass and, inside the blocks, a layer.
 *
 * <p>Written as in TransformerLens: {@code blocks.0.attn.hook_z}, {@code ln_final.hook_scale}. Values are equal when their names are.
 */
public final class HookName implements Comparable<HookName> {
    private static final Pattern BLOCK = Pattern.compile("blocks\\.(\\d{1,6})\\.(.+)");

    final Site site;
    private final int layer;

    HookName(Site site, int layer) {
        this.site = site;
        this.layer = site.inBlock ? layer : 0;
    }

    /**
     * Reads a full hook name.
     *
     * @param name for example {@code blocks.0.attn.hook_z}
     * @return the name
     * @throws IllegalArgumentException when there is no such hook point, with the nearest names
     */
    public static HookName of(String name) {
        Matcher block = BLOCK.matcher(name);
        int layer = block.matches() ? Integer.parseInt(block.group(1)) : 0;
        for (Site site : Site.values()) {
            if (site.name(layer).equals(name)) {
                return new HookName(site, layer);
            }
        }
        throw unknown(name, allNames(layer));
    }

    /**
     * Builds a hook name from its short form, as TransformerLens's {@code get_act_name("z", 3)} does.
     *
     * @param shortName "resid_pre", "q", "pattern", "z", "mlp_out" …
     * @param layer the block, from 0
     * @return the name
     * @throws IllegalArgumentException when no hook in a block has that short name, or several have
     */
    public static HookName of(String shortName, int layer) {
        if (layer < 0) {
            throw new IllegalArgumentException("layer must be 0 or more, got " + layer);
        }
        String plain = shortName.startsWith("hook_") ? shortName.substring("hook_".length()) : shortName;
        List<Site> sites = Arrays.stream(Site.values())
                .filter(site -> site.inBlock && site.shortName().equals(plain))
                .toList();
        if (sites.size() > 1) {
            throw new IllegalArgumentException("'" + shortName + "' means several hooks: "
                    + String.join(
                            ", ", sites.stream().map(site -> site.name(layer)).toList()) + "; give the whole name");
        }
        if (sites.isEmpty()) {
            throw unknown(shortName, allNames(layer));
        }
        return new HookName(sites.get(0), layer);
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
