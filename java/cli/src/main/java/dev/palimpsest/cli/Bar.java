package dev.palimpsest.cli;

import java.io.PrintWriter;
import java.util.List;
import me.tongfei.progressbar.ConsoleProgressBarConsumer;
import me.tongfei.progressbar.ProgressBar;
import me.tongfei.progressbar.ProgressBarStyle;
import org.jspecify.annotations.Nullable;

/** Progress on a terminal: a bar for each phase with its time left, and a line that stays after every experience. */
final class Bar implements Display.Watch {
    private final String name;
    private final PrintWriter out;
    private int experiences;
    /** Null between phases. */
    private @Nullable ProgressBar bar;

    Bar(String name, PrintWriter out) {
        this.name = name;
        this.out = out;
    }

    /** Draws over its own line, and leaves the cursor there when it is done. */
    private static final class OneLine extends ConsoleProgressBarConsumer {
        OneLine() {
            super(System.out);
        }

        @Override
        public void close() {
            System.out.flush();
        }
    }

    @Override
    public void computes(String engine, List<String> remarks) {
        remarks.forEach(out::println);
        out.flush();
    }

    @Override
    public void begins(Setup setup) {
        experiences = setup.experiences();
    }

    @Override
    public void phaseBegins(Phase phase) {
        close();
        bar = ProgressBar.builder()
                .setTaskName(Lines.where(name, phase.experience(), experiences, phase.name()))
                .setInitialMax(phase.steps())
                .setStyle(ProgressBarStyle.UNICODE_BLOCK)
                .setUpdateIntervalMillis(200)
                .setConsumer(new OneLine())
                .clearDisplayOnFinish()
                .build();
    }

    @Override
    public void resumes(int done, int steps) {
        if (done + steps > 0) {
            out.println(name + ": " + Lines.goesOn(done, steps, experiences));
            out.flush();
        }
    }

    @Override
    public void step(Step step) {
        if (bar != null) {
            bar.step();
            bar.setExtraMessage(" " + Lines.figures(step));
        }
    }

    @Override
    public void evaluated(Evaluation evaluation) {
        close();
        out.println(Lines.after(name, experiences, evaluation));
        out.flush();
    }

    @Override
    public void close() {
        if (bar != null) {
            bar.close();
            bar = null;
        }
    }
}
