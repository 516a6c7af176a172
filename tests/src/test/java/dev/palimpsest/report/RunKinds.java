package dev.palimpsest.report;

import dev.palimpsest.recipe.Recipe;
import dev.palimpsest.train.SmallRun;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.SequencedMap;

/** Options of small runs that keep every kind of state between them, by a name: what is stopped, killed and resumed. */
final class RunKinds {
    /** With a memory that is full after an experience, so that what is replaced is drawn. */
    private static final String MLKD = "method=mlkd learning-rate=0.01 unlabelled-batch=32 memory=30 augment=shift:1"
            + " margin-weight=0.1 feature-weight=0.02 ema=0.9";

    private static final String REPETITION = " stream=repetition validation=0 experiences=4 labelled=40 unlabelled=80"
            + " first-window=2 window=2 new-classes=5 fewest-classes=2 most-classes=6 batch=8";

    /** Each kind of state once. */
    static final SequencedMap<String, String> EACH_STATE;

    /** Those, and settings whose state is of the same kinds. */
    static final SequencedMap<String, String> ALL;

    static {
        SequencedMap<String, String> kinds = new LinkedHashMap<>();
        kinds.put("m2kd", "method=m2kd");
        kinds.put("m2kd-adam", "method=m2kd optimiser=adam learning-rate=0.01 retrain-epochs=0.5");
        kinds.put("m2kd-gaussian", "method=m2kd classifier=gaussian prune=false");
        kinds.put("lwf-unlabelled", "method=lwf-unlabelled unlabelled-batch=32");
        kinds.put("icarl", "method=icarl");
        kinds.put("replay-refit", "method=replay classifier=refit");
        kinds.put("mlkd-ensemble", MLKD + " ensemble=true relation=paper teacher-batches=joined ssl=simclr");
        kinds.put(
                "mlkd-repetition-adam", MLKD + REPETITION + " teachers=1 ssl=none keep-optimiser=true optimiser=adam");
        kinds.put("m2kd-max-minutes", "method=m2kd keep-optimiser=true max-minutes=600");
        EACH_STATE = Collections.unmodifiableSequencedMap(new LinkedHashMap<>(kinds));
        kinds.put("m2kd-full", "method=m2kd prune=false");
        kinds.put("lwf", "method=lwf exemplars=0");
        kinds.put("lwf-mc", "method=lwf-mc");
        kinds.put("fine-tuning-adam", "method=fine-tuning optimiser=adam");
        kinds.put("joint", "method=joint");
        kinds.put("mlkd", MLKD);
        kinds.put("mlkd-repetition", MLKD + REPETITION);
        kinds.put(
                "m2kd-max-memory",
                "method=m2kd keep-optimiser=true optimiser=adam learning-rate=0.01 max-memory=1000000");
        kinds.put("lwf-keep-optimiser", "method=lwf keep-optimiser=true");
        ALL = Collections.unmodifiableSequencedMap(kinds);
    }

    private RunKinds() {}

    /** @param options of a kind */
    static Recipe recipe(String options) {
        return SmallRun.recipe(("split=4+3+3 validation=0.8 batch=16 " + options).split(" "));
    }
}
