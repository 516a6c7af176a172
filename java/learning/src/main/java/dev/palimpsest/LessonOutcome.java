package dev.palimpsest;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;

/**
 * What held-out samples say of a lesson: shares of 1 by class.
 *
 * @param before of the classes that were known before, before the lesson
 * @param after of the same samples, after it
 * @param fresh of the new classes
 */
record LessonOutcome(Map<String, Double> before, Map<String, Double> after, Map<String, Double> fresh) {
    /**
     * @param accuracyBefore of the version that the lesson goes on from
     * @param known what that version knows
     * @param learnt names of the lesson's classes
     * @param made what is known after the lesson
     * @param tested of {@code made}
     */
    static LessonOutcome of(
            Map<String, Double> accuracyBefore,
            Knowledge known,
            Set<String> learnt,
            Knowledge made,
            Knowledge.Tested tested) {
        Map<String, Double> after = new TreeMap<>();
        for (String name : accuracyBefore.keySet()) {
            // A class that came back has more held-out samples now; before and after are of the same ones.
            after.put(
                    name,
                    learnt.contains(name)
                            ? made.accuracy(known, name).orElseThrow()
                            : tested.accuracy().get(name));
        }
        Map<String, Double> fresh = new LinkedHashMap<>(tested.accuracy());
        fresh.keySet().removeIf(name -> !learnt.contains(name) || known.knows(name));
        return new LessonOutcome(accuracyBefore, after, fresh);
    }

    /** @param notable share of 1 that a class has to lose to be warned of */
    List<String> losses(double notable) {
        List<String> losses = new ArrayList<>();
        after.forEach((name, now) -> {
            double share = before.getOrDefault(name, now);
            if (share - now > notable) {
                losses.add(String.format(
                        Locale.ROOT,
                        "%s: %.1f %% of held-out samples were right before the lesson, %.1f %% are after it, a loss of"
                                + " more than %.1f points",
                        name,
                        100 * share,
                        100 * now,
                        100 * notable));
            }
        });
        return losses;
    }
}
