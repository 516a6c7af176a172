package dev.palimpsest.cli;

import dev.palimpsest.engine.DeviceOptions;
import dev.palimpsest.engine.Engines;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Spec;

/** The flag of commands that run a network: what computes. */
final class DeviceFlag {
    @Option(
            names = "--device",
            paramLabel = "auto|cpu|cuda|cuda:N",
            order = 9,
            description = "What computes: the processor, a GPU, or auto: a GPU if one works [cpu].")
    private String device = "cpu";

    @Spec(Spec.Target.MIXEE)
    private CommandSpec command;

    /** @throws ParameterException with a sentence, if there is no such device */
    DeviceOptions options() {
        try {
            return DeviceOptions.of(Engines.device(device), 1);
        } catch (IllegalArgumentException e) {
            throw new ParameterException(command.commandLine(), "--" + e.getMessage(), e);
        }
    }
}
