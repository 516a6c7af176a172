package dev.palimpsest.cli;

import dev.palimpsest.report.CheckpointEvery;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Spec;

/** The flag of commands that train runs: how often those keep their state. */
final class CheckpointFlag {
    @Option(
            names = "--checkpoint-every",
            paramLabel = "N|Nm",
            order = 7,
            description = "Keeps the state of a run after so many steps, or minutes with an m, besides every end of"
                    + " an experience; 0: there alone [10m]. Results do not depend on it.")
    private @Nullable String every;

    @Spec(Spec.Target.MIXEE)
    private CommandSpec command;

    /**
     * What the flag says.
     *
     * @param otherwise where it is not set
     * @throws ParameterException with a sentence, if it says nothing of the kind
     */
    CheckpointEvery or(CheckpointEvery otherwise) {
        try {
            return every == null ? otherwise : CheckpointEvery.parse(every);
        } catch (IllegalArgumentException e) {
            throw new ParameterException(command.commandLine(), "--" + e.getMessage(), e);
        }
    }
}
