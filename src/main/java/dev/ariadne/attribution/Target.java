package dev.ariadne.attribution;

import java.util.Locale;

/**
 * What a graph explains: the logit of an output token less the mean of all logits, before a soft cap; or how far what is unembedded goes along a
 * direction.
 *
 * @param label the token, readable, or the direction's name
 * @param id the token's; that of a direction is the vocabulary's size plus its place
 * @param probability of the token, in [0, 1]; the weight of a direction
 */
public record Target(String label, long id, double probability) {
    @Override
    public String toString() {
        return String.format(Locale.ROOT, "“%s” %.4f", label, probability);
    }
}
