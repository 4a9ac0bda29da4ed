package dev.ariadne.model.weights;

import java.util.Collection;
import java.util.Comparator;
import java.util.List;
import java.util.Map;

/** Finds the names a caller may have meant, for error messages. */
public final class NearestNames {
    private static final int LONGEST_COMPARED = 200;

    private NearestNames() {}

    /**
     * Sorts names by their number of edits from the one that was asked for.
     *
     * @param wanted what was asked for
     * @param names what there is
     * @param count how many to return at most
     * @return the nearest, nearest first
     */
    public static List<String> of(String wanted, Collection<String> names, int count) {
        return names.stream()
                .map(name -> Map.entry(distance(cut(wanted), cut(name)), name))
                .sorted(Comparator.comparingInt(Map.Entry::getKey)) // stable: file order among equals
                .limit(count)
                .map(Map.Entry::getValue)
                .toList();
    }

    private static String cut(String text) {
        return text.length() <= LONGEST_COMPARED ? text : text.substring(0, LONGEST_COMPARED);
    }

    /** Levenshtein distance, with two rows of the table. */
    private static int distance(String a, String b) {
        int[] row = new int[b.length() + 1];
        for (int j = 0; j < row.length; j++) {
            row[j] = j;
        }
        for (int i = 1; i <= a.length(); i++) {
            int diagonal = row[0];
            row[0] = i;
            for (int j = 1; j <= b.length(); j++) {
                int substituted = diagonal + (a.charAt(i - 1) == b.charAt(j - 1) ? 0 : 1);
                diagonal = row[j];
                row[j] = Math.min(substituted, Math.min(row[j], row[j - 1]) + 1);
            }
        }
        return row[b.length()];
    }
}
