package dev.palimpsest.cli;

import dev.palimpsest.ContinualClassifier;
import java.io.IOException;
import java.io.PrintWriter;
import java.nio.file.Path;
import java.util.concurrent.Callable;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/** What all commands of a {@link ContinualClassifier} have: the model, and where to print. */
abstract class ModelCommand implements Callable<Integer> {
    @Parameters(paramLabel = "MODEL", index = "0", description = "The model's folder.")
    private Path model;

    @Spec
    private CommandSpec command;

    final Path model() {
        return model;
    }

    final ContinualClassifier open() throws IOException {
        return ContinualClassifier.open(model);
    }

    final PrintWriter out() {
        return command.commandLine().getOut();
    }

    final PrintWriter err() {
        return command.commandLine().getErr();
    }

    final ParameterException misused(String sentence) {
        return new ParameterException(command.commandLine(), sentence);
    }
}
