package example.shaded;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.palimpsest.engine.EngineProvider.Diagnosis;
import dev.palimpsest.engine.Engines;
import dev.palimpsest.option.Registration;
import dev.palimpsest.train.Methods;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;

/** Runs the command line out of the one jar, and looks for the own method in everything that it leaves. */
public final class Check {
    private static final double CHANCE = 0.25;

    private Check() {}

    /**
     * Fails if the method is missing somewhere, or nothing was learnt.
     *
     * @param arguments the jar, the recipe, and the run's folder
     */
    public static void main(String[] arguments) throws IOException, InterruptedException {
        List<String> methods = Methods.all().stream().map(Registration::name).toList();
        require(methods.containsAll(List.of("m2kd", TwoLosses.NAME)), "the jar has the methods " + methods);
        List<Diagnosis> engines = Engines.diagnose(1);
        require(engines.stream().noneMatch(found -> found.toString().contains("no engine")), "engines: " + engines);

        Path run = Path.of(arguments[2]);
        String java = ProcessHandle.current().info().command().orElseThrow();
        Process process = new ProcessBuilder(
                        java,
                        "-jar",
                        arguments[0],
                        "train",
                        arguments[1],
                        "--sigmoid-weight",
                        "0.25",
                        "--out",
                        arguments[2])
                .redirectErrorStream(true)
                .start();
        String printed = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
        System.out.println(printed);
        require(process.waitFor() == 0, "the command ends with " + process.exitValue());
        require(printed.contains(TwoLosses.NAME), "the printed table lacks the method");
        require(!printed.contains("WARNING"), "the run warns");

        ObjectMapper json = new ObjectMapper();
        JsonNode options = json.readTree(run.resolve("run.json").toFile()).path("options");
        require(options.path("method").asText().equals(TwoLosses.NAME), "run.json has another method: " + options);
        require(options.path("softmax-weight").asText().equals("1"), "run.json lacks the default: " + options);
        require(options.path("sigmoid-weight").asText().equals("0.25"), "run.json lacks the option: " + options);
        require(options.path("data").asText().equals("stripes"), "run.json has another data set: " + options);
        require(Files.readString(run.resolve("report.html")).contains(TwoLosses.NAME), "the report lacks the method");
        JsonNode accuracy = json.readTree(run.resolve("metrics.json").toFile()).path("accuracy");
        require(accuracy.size() == 2, "expected two experiences: " + accuracy);
        double last =
                (accuracy.path(1).path(0).asDouble() + accuracy.path(1).path(1).asDouble()) / 2;
        require(last > 2 * CHANCE, "final accuracy " + last);
    }

    private static void require(boolean holds, String otherwise) {
        if (!holds) {
            throw new AssertionError(otherwise);
        }
    }
}
