package dev.palimpsest.internal;

import java.util.Collection;
import java.util.Optional;

/** Finds what the user probably meant. */
public final class Nearest {
    private Nearest() {}

    /**
     * The candidate with the fewest edits from the word, if that is at most a third of the longer one's letters, but
     * at least two.
     *
     * @param word that is not among the candidates
     * @param candidates that could have been meant
     * @return the nearest of them; empty if none is near
     */
    public static Optional<String> of(String word, Collection<String> candidates) {
        String best = "";
        int bestEdits = Integer.MAX_VALUE;
        for (String candidate : candidates) {
            int edits = edits(word, candidate);
            if (edits < bestEdits) {
                best = candidate;
                bestEdits = edits;
            }
        }
        int allowed = Math.max(2, Math.max(word.length(), best.length()) / 3);
        return bestEdits <= allowed ? Optional.of(best) : Optional.empty();
    }

    /**
     * The end of a sentence that refuses a word.
     *
     * @param word that is not among the candidates
     * @param candidates that could have been meant
     * @return {@code "; did you mean X?"}, or nothing where no candidate is near
     */
    public static String suggestion(String word, Collection<String> candidates) {
        return of(word, candidates).map(name -> "; did you mean " + name + "?").orElse("");
    }

    /** Levenshtein distance with a row at a time. */
    private static int edits(String a, String b) {
        int[] row = new int[b.length() + 1];
        for (int j = 0; j <= b.length(); j++) {
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
