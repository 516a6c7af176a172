package dev.palimpsest.report;

import dev.palimpsest.train.Progress;
import java.util.ArrayList;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.SequencedSet;
import java.util.StringJoiner;

/**
 * The rows of steps.csv. For programs, experiences, epochs and steps count from 0 there: row 0 of metrics.json's
 * accuracy belongs to experience 0 of steps.csv. A term that an experience lacks is left blank; columns are in the
 * order in which terms first appeared.
 */
final class StepTable {
    private final List<Progress.Step> steps = new ArrayList<>();
    private final SequencedSet<String> terms = new LinkedHashSet<>();

    void add(Progress.Step step) {
        steps.add(step);
        terms.addAll(step.terms().keySet());
    }

    int count() {
        return steps.size();
    }

    String toCsv() {
        StringJoiner lines = new StringJoiner("\n", "", "\n");
        StringJoiner header = new StringJoiner(",")
                .add("experience")
                .add("phase")
                .add("epoch")
                .add("step")
                .add("loss");
        terms.forEach(header::add);
        lines.add(header.add("learning_rate").add("images_per_second").toString());
        for (Progress.Step step : steps) {
            StringJoiner row = new StringJoiner(",")
                    .add(Integer.toString(step.experience()))
                    .add(step.phase())
                    .add(Integer.toString(step.epoch()))
                    .add(Integer.toString(step.step()))
                    .add(Double.toString(step.loss()));
            for (String term : terms) {
                Double value = step.terms().get(term);
                row.add(value == null ? "" : value.toString());
            }
            lines.add(row.add(Double.toString(step.learningRate()))
                    .add(Double.toString(step.imagesPerSecond()))
                    .toString());
        }
        return lines.toString();
    }
}
