package dev.palimpsest.cli;

import dev.palimpsest.report.CheckpointEvery;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Spec;

/** Flags of commands that train runs: what those write beside their results, and how often they keep their state. */
final class RunFlags {
    @Option(
            names = "--tensorboard",
            order = 6,
            description = "Also writes losses and accuracies as TensorBoard event files, into the folder of each run.")
    private boolean tensorboard;

    @Option(
            names = "--checkpoint-every",
            paramLabel = "N|Nm",
            order = 7,
            description = "Keeps the state of a run after so many steps, or minutes with an m, besides every end of"
                    + " an experience; 0: there alone [10m]. Results do not depend on it.")
    private @Nullable String every;

    @Spec(Spec.Target.MIXEE)
    private CommandSpec command;

    /** Whether each run writes an event file. */
    boolean tensorboard() {
        return tensorboard;
    }

    /**
     * How often runs keep their state.
     *
     * @param otherwise where it is not said
     * @throws ParameterException with a sentence, if it says nothing of the kind
     */
    CheckpointEvery every(CheckpointEvery otherwise) {
        try {
            return every == null ? otherwise : CheckpointEvery.parse(every);
        } catch (IllegalArgumentException e) {
            throw new ParameterException(command.commandLine(), "--" + e.getMessage(), e);
        }
    }
}
