package dev.ariadne.intervention;

/**
 * What stays as it was in the run without the intervention.
 *
 * @param frozenAttention whether attention patterns do
 * @param firstConstrained the first layer whose MLP output does, but for what the set features write; −1 for none
 * @param lastConstrained the last one
 */
public record Mode(boolean frozenAttention, int firstConstrained, int lastConstrained) {
    /** Attention patterns stay; norms and MLPs answer to the edited stream. The published demos use it. */
    public static final Mode FROZEN = new Mode(true, -1, -1);

    /** Nothing stays. */
    public static final Mode LIVE = new Mode(false, -1, -1);

    /**
     * Patterns, MLP outputs and all norm scales stay: what is left is the features' direct effect, which is linear and which an attribution
     * graph's edges state.
     */
    public static final Mode DIRECT = new Mode(true, 0, Integer.MAX_VALUE);

    /** Checks the layers. */
    public Mode {
        boolean none = firstConstrained == -1 && lastConstrained == -1;
        if (!none && (firstConstrained < 0 || lastConstrained < firstConstrained || !frozenAttention)) {
            throw new IllegalArgumentException("constrained layers go from a first one, 0 or more, to a last one, and"
                    + " attention stays then; got " + firstConstrained + " to " + lastConstrained);
        }
    }

    /**
     * Patterns stay, and the MLP outputs of some layers, but for what the set features write there; above them everything answers. Changes are
     * counted from the clean activations, and what features write outside of these layers is left out.
     */
    public static Mode constrained(int first, int last) {
        return new Mode(true, first, last);
    }

    boolean constrains() {
        return firstConstrained >= 0;
    }

    boolean constrains(int layer) {
        return constrains() && layer >= firstConstrained && layer <= lastConstrained;
    }

    /** Whether all layers of a model are constrained: then norms stay, too. */
    boolean direct(int layers) {
        return firstConstrained == 0 && lastConstrained >= layers - 1;
    }

    @Override
    public String toString() {
        if (!constrains()) {
            return frozenAttention ? "attention patterns frozen" : "attention live";
        }
        return lastConstrained == Integer.MAX_VALUE
                ? "direct effect"
                : "layers " + firstConstrained + " to " + lastConstrained + " constrained";
    }
}
