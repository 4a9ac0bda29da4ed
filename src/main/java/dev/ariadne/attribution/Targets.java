package dev.ariadne.attribution;

import java.util.Arrays;
import java.util.List;
import java.util.Objects;

/** What an attribution graph explains: output tokens, or directions of what is unembedded. */
public sealed interface Targets {
    /** The most probable next tokens: as many as it takes to reach 95 % of the probability, at most ten. */
    Targets SALIENT = new Salient(10, 0.95);

    /**
     * The most probable next tokens.
     *
     * @param most at most so many
     * @param mass as few as reach this probability together
     */
    record Salient(int most, double mass) implements Targets {
        /** Checks both. */
        public Salient {
            if (most < 1 || !(mass > 0 && mass <= 1)) {
                throw new IllegalArgumentException(
                        "targets are at least 1 token, of a probability above 0 and at most 1;" + " got " + most
                                + " and " + mass);
            }
        }
    }

    /**
     * Tokens by their text, such as " Austin"; each must be exactly one token.
     *
     * @param texts at least one
     */
    record Tokens(List<String> texts) implements Targets {
        /** Copies the list. */
        public Tokens {
            texts = List.copyOf(texts);
            requireSome(texts.size());
        }
    }

    /**
     * Tokens by their ids.
     *
     * @param ids at least one
     */
    record Ids(List<Long> ids) implements Targets {
        /** Copies the list. */
        public Ids {
            ids = List.copyOf(ids);
            requireSome(ids.size());
        }
    }

    /**
     * Directions.
     *
     * @param directions at least one
     */
    record Directions(List<Direction> directions) implements Targets {
        /** Copies the list. */
        public Directions {
            directions = List.copyOf(directions);
            requireSome(directions.size());
        }
    }

    /**
     * A direction of what the unembedding reads: the difference of two tokens' logits, a concept.
     *
     * @param label what it is called
     * @param weight what influence begins with, as the probability of a token, above 0
     * @param vector [dModel]; copied, and the accessor returns a copy
     */
    @SuppressWarnings("ArrayRecordComponent") // copied on the way in and out, compared by content below
    record Direction(String label, double weight, float[] vector) {
        /** Copies the vector. */
        public Direction {
            vector = vector.clone();
            if (!(weight > 0 && weight < Double.POSITIVE_INFINITY)) {
                throw new IllegalArgumentException(
                        "a direction's weight must be above 0, got " + weight + " for '" + label + "'; 1 is usual");
            }
            for (float value : vector) {
                if (!Float.isFinite(value)) {
                    throw new IllegalArgumentException("direction '" + label + "' holds " + value + "; give numbers");
                }
            }
        }

        @Override
        public float[] vector() {
            return vector.clone();
        }

        @Override
        public boolean equals(Object other) {
            return other instanceof Direction that
                    && label.equals(that.label)
                    && weight == that.weight
                    && Arrays.equals(vector, that.vector);
        }

        @Override
        public int hashCode() {
            return Objects.hash(label, weight, Arrays.hashCode(vector));
        }

        @Override
        public String toString() {
            return label;
        }
    }

    /** Tokens by their text; each must be exactly one token, usually with a leading blank. */
    static Targets tokens(String... texts) {
        return new Tokens(List.of(texts));
    }

    /** Tokens by their ids. */
    static Targets ids(long... ids) {
        return new Ids(Arrays.stream(ids).boxed().toList());
    }

    /** Directions of what is unembedded. */
    static Targets directions(Direction... directions) {
        return new Directions(List.of(directions));
    }

    private static void requireSome(int count) {
        if (count == 0) {
            throw new IllegalArgumentException("no targets given; give at least one, or Targets.SALIENT");
        }
    }
}
