package dev.palimpsest.cli;

import dev.palimpsest.option.Option;
import dev.palimpsest.recipe.RecipeOptions;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.SequencedMap;
import picocli.CommandLine.Model.ArgGroupSpec;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Model.ISetter;
import picocli.CommandLine.Model.OptionSpec;
import picocli.CommandLine.ParameterException;

/** Every option of a recipe as a flag, made from its one declaration. */
final class RecipeFlags {
    private final SequencedMap<String, String> given = new LinkedHashMap<>();

    /** Adds the flags, a heading for each subject. */
    void addTo(CommandSpec command) {
        int order = 100;
        for (RecipeOptions.Section section : RecipeOptions.sections()) {
            ArgGroupSpec.Builder group = ArgGroupSpec.builder()
                    .heading("%n" + section.title() + "%n")
                    .validate(false)
                    .order(order);
            for (Option<?, ?> option : section.options()) {
                group.addArg(flag(command, option, order++));
            }
            command.addArgGroup(group.build());
        }
    }

    private OptionSpec flag(CommandSpec command, Option<?, ?> option, int order) {
        String standard = option.defaultText().isEmpty() ? "" : " [" + option.defaultText() + "]";
        return OptionSpec.builder("--" + option.name())
                .paramLabel(option.hint())
                .order(order)
                .type(String.class)
                .arity("1")
                .description(escape(option.description() + standard + owners(option)))
                .setter(new ISetter() {
                    @Override
                    @SuppressWarnings({"unchecked", "NullAway"
                    }) // picocli's interface: the old value as any type, or null
                    public <T> T set(T value) {
                        // picocli looks for this itself, but not in groups
                        if (value != null && given.containsKey(option.name())) {
                            throw new ParameterException(
                                    command.commandLine(),
                                    "--" + option.name() + " is given twice, as " + given.get(option.name()) + " and "
                                            + value + ": give it once");
                        }
                        return (T)
                                (value == null
                                        ? given.remove(option.name())
                                        : given.put(option.name(), (String) value));
                    }
                })
                .build();
    }

    /** The methods that have an option, where its heading does not name them. */
    private static String owners(Option<?, ?> option) {
        List<String> methods = RecipeOptions.methodsWith(option.name());
        return methods.size() < 2 ? "" : " Of " + String.join(", ", methods) + ".";
    }

    /** picocli formats descriptions. */
    private static String escape(String text) {
        return text.replace("%", "%%");
    }

    /** What the command line sets, by option name. */
    Map<String, String> given() {
        return given;
    }
}
