package dev.palimpsest.cli;

import dev.palimpsest.train.Progress;
import java.io.PrintWriter;
import java.time.Duration;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.function.LongSupplier;
import java.util.stream.Collectors;

/** Progress as plain lines: one after every experience, and one where some time has passed without any. */
final class Lines implements Display.Watch {
    private final String name;
    private final long quietNanos;
    private final PrintWriter out;
    private final LongSupplier nanoTime;
    private int experiences;
    private long epochs;
    private long lastLine;

    /** @param quiet longest time between lines while steps are made */
    Lines(String name, Duration quiet, PrintWriter out, LongSupplier nanoTime) {
        this.name = name;
        this.quietNanos = quiet.toNanos();
        this.out = out;
        this.nanoTime = nanoTime;
        this.lastLine = nanoTime.getAsLong();
    }

    @Override
    public void computes(String engine, List<String> remarks) {
        remarks.forEach(this::print);
    }

    @Override
    public void begins(Setup setup) {
        experiences = setup.experiences();
        print(String.format(
                Locale.ROOT,
                "%s: %s%,d weights",
                name,
                experiences == 1 ? "" : experiences + " experiences, ",
                setup.weights()));
    }

    /** Where a run that was cut short goes on. */
    static String goesOn(int done, int steps, int experiences) {
        return "goes on after experience " + done + "/" + experiences + (steps > 0 ? " and step " + steps : "");
    }

    @Override
    public void resumes(int done, int steps) {
        if (done + steps > 0) {
            print(name + ": " + goesOn(done, steps, experiences));
        }
    }

    @Override
    public void phaseBegins(Phase begun) {
        epochs = Math.ceilDiv(begun.steps(), begun.stepsPerEpoch());
    }

    @Override
    public void step(Step step) {
        if (nanoTime.getAsLong() - lastLine >= quietNanos) {
            print(String.format(
                    Locale.ROOT,
                    "%s  epoch %d/%d  %s",
                    where(name, step.experience(), experiences, step.phase()),
                    step.epoch() + 1,
                    epochs,
                    figures(step)));
        }
    }

    @Override
    public void evaluated(Evaluation evaluation) {
        print(after(name, experiences, evaluation));
    }

    @Override
    public void close() {}

    private void print(String line) {
        out.println(line);
        out.flush();
        lastLine = nanoTime.getAsLong();
    }

    static String where(String name, int experience, int experiences, String phase) {
        return name + (experiences == 1 ? "" : " " + (experience + 1) + "/" + experiences) + " " + phase;
    }

    static String figures(Step step) {
        String terms = step.terms().entrySet().stream().map(Lines::figure).collect(Collectors.joining("  "));
        return String.format(Locale.ROOT, "%,.0f images/s  loss %.3f", step.imagesPerSecond(), step.loss())
                + (step.terms().size() > 1 ? "  " + terms : "");
    }

    private static String figure(Map.Entry<String, Double> term) {
        return String.format(Locale.ROOT, "%s %.3f", term.getKey(), term.getValue());
    }

    static String after(String name, int experiences, Progress.Evaluation evaluation) {
        return String.format(
                Locale.ROOT,
                "%s after experience %d/%d: %.1f %% on all classes seen, %.1f %% within their experience",
                name,
                evaluation.experience() + 1,
                experiences,
                100 * evaluation.allSeen(),
                100 * evaluation.withinExperience());
    }
}
