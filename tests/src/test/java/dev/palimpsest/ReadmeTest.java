package dev.palimpsest;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.ByteArrayOutputStream;
import java.io.PrintStream;
import java.io.StringWriter;
import java.net.URL;
import java.net.URLClassLoader;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import javax.tools.ToolProvider;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What the README says about code is compiled and run. */
class ReadmeTest {
    private static final Path README = Path.of("../README.md");

    @TempDir
    Path folder;

    @Test
    void linesThatUseAKernelAloneCompileAndGiveTheLoss() throws Exception {
        Matcher block = Pattern.compile("```java\n(.*?)```", Pattern.DOTALL).matcher(Files.readString(README));
        assertTrue(block.find(), "the README has no java block");
        assertTrue(block.group(1).lines().count() <= 10, "the README promises few lines");
        String[] printed = run(block.group(1)).split(" ", 2);
        double expected = 0.5 * kl(new double[] {2.0, 0.1, -1.0}, new double[] {0.5, 1.0, -0.5})
                + 0.5 * kl(new double[] {0.3, 0.7}, new double[] {1.0, -0.5});
        assertEquals(expected, Double.parseDouble(printed[0]), 1e-6);
        assertEquals(3, printed[1].split(",").length);
    }

    /** T² KL(softmax(t/T) ‖ softmax(s/T)) at T = 2. */
    private static double kl(double[] teacher, double[] student) {
        double sum = 0;
        for (int c = 0; c < teacher.length; c++) {
            double p = softmax(teacher, c);
            sum += 4 * p * Math.log(p / softmax(student, c));
        }
        return sum;
    }

    private static double softmax(double[] logits, int c) {
        return Math.exp(logits[c] / 2)
                / Arrays.stream(logits).map(z -> Math.exp(z / 2)).sum();
    }

    private String run(String lines) throws Exception {
        Path source = folder.resolve("Example.java");
        Files.writeString(
                source,
                "import dev.palimpsest.kernel.*;\nimport dev.palimpsest.tensor.*;\nimport java.util.*;\n"
                        + "public class Example { public static void main(String[] args) {\n" + lines + "}}\n");
        var compiler = ToolProvider.getSystemJavaCompiler();
        var messages = new StringWriter();
        try (var files = compiler.getStandardFileManager(null, null, null)) {
            var options = List.of("-cp", System.getProperty("java.class.path"), "-d", folder.toString());
            assertTrue(
                    compiler.getTask(messages, files, null, options, null, files.getJavaFileObjects(source))
                            .call(),
                    messages.toString());
        }
        var printed = new ByteArrayOutputStream();
        PrintStream console = System.out;
        try (var loader = new URLClassLoader(new URL[] {folder.toUri().toURL()})) {
            System.setOut(new PrintStream(printed, true, StandardCharsets.UTF_8));
            loader.loadClass("Example").getMethod("main", String[].class).invoke(null, (Object) new String[0]);
        } finally {
            System.setOut(console);
        }
        return printed.toString(StandardCharsets.UTF_8).strip();
    }
}
