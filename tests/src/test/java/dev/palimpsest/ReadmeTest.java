package dev.palimpsest;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.ByteArrayOutputStream;
import java.io.PrintStream;
import java.io.StringWriter;
import java.net.URL;
import java.net.URLClassLoader;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.regex.MatchResult;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import java.util.stream.Stream;
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
        Matcher block =
                Pattern.compile("```java\n(float.*?)```", Pattern.DOTALL).matcher(Files.readString(README));
        assertTrue(block.find(), "the README has no java block with a kernel");
        assertTrue(block.group(1).lines().count() <= 10, "the README promises few lines");
        String[] printed = run(List.of("dev.palimpsest.kernel", "java.util"), block.group(1))
                .split(" ", 2);
        double expected = 0.5 * kl(new double[] {2.0, 0.1, -1.0}, new double[] {0.5, 1.0, -0.5})
                + 0.5 * kl(new double[] {0.3, 0.7}, new double[] {1.0, -0.5});
        assertEquals(expected, Double.parseDouble(printed[0]), 1e-6);
        assertEquals(3, printed[1].split(",").length);
    }

    @Test
    void linesThatTrainOwnImagesCompileAndTrain() throws Exception {
        Matcher block =
                Pattern.compile("```java\n(Dataset.*?)```", Pattern.DOTALL).matcher(Files.readString(README));
        assertTrue(block.find(), "the README has no java block with a data set");
        String images = """
            var random = new Random(1);
            List<String> classNames = List.of("a", "b", "c", "d", "e", "f", "g", "h", "i", "j");
            int[] trainLabels = new int[40];
            Arrays.setAll(trainLabels, i -> i % 10);
            byte[] trainBytes = new byte[40 * 3 * 32 * 32];
            random.nextBytes(trainBytes);
            int[] testLabels = Arrays.copyOf(trainLabels, 10);
            byte[] testBytes = new byte[10 * 3 * 32 * 32];
            random.nextBytes(testBytes);
            """;
        List<String> packages = Stream.of("data", "engine", "method", "model", "stream", "train")
                .map(name -> "dev.palimpsest." + name)
                .collect(Collectors.toCollection(ArrayList::new));
        packages.add("java.util");
        double accuracy = Double.parseDouble(run(packages, images + block.group(1)));
        assertTrue(accuracy >= 0 && accuracy <= 1, "accuracy " + accuracy);
    }

    @Test
    void linesThatKeepLearningCompileAndRun() throws Exception {
        Matcher block = Pattern.compile("```java\n(try \\(var model.*?)```", Pattern.DOTALL)
                .matcher(Files.readString(README));
        assertTrue(block.find(), "the README has no java block with a model that keeps learning");
        String images = """
            var random = new Random(1);
            int[] labels = new int[60];
            Arrays.setAll(labels, i -> i % 2);
            byte[] pixels = new byte[60 * 3 * 32 * 32];
            random.nextBytes(pixels);
            Images images = Images.of(3, 32, 32, pixels, labels);
            random.nextBytes(pixels);
            Images more = Images.of(3, 32, 32, pixels, labels);
            var picture = new java.awt.image.BufferedImage(40, 30, java.awt.image.BufferedImage.TYPE_INT_RGB);
            var folder = java.nio.file.Path.of("FOLDER");
            """.replace("FOLDER", folder.resolve("model").toString());
        String[] printed = run(List.of("dev.palimpsest", "dev.palimpsest.data", "java.util"), images + block.group(1))
                .split("\n");
        assertTrue(printed[0].startsWith("TRAINED OptionalDouble["), printed[0]);
        assertTrue(List.of("cat", "dog", "horse", "ship").contains(printed[1].split(" ")[0]), printed[1]);
    }

    @Test
    void linesOfTheKernelsPageCompileAndPrintWhatTheirCommentsSay() throws Exception {
        Matcher block = Pattern.compile("```java\n(.*?)```", Pattern.DOTALL)
                .matcher(Files.readString(Path.of("../native/API.md")));
        assertTrue(block.find(), "native/API.md has no java block");
        String printed = run(List.of("dev.palimpsest.kernel", "java.lang.foreign", "java.util"), block.group(1));
        assertEquals("5.0 [2.0, -4.0]\n[0.5, 0.0, 0.0, 2.0]", printed);
        for (String line : printed.split("\n")) {
            assertTrue(block.group(1).contains("// " + line), "no comment says " + line);
        }
    }

    @Test
    void whatThePagesLinkToIsThere() throws Exception {
        for (String page :
                List.of("README.md", "java/README.md", "java/features.md", "native/README.md", "native/API.md")) {
            Path file = Path.of("..").resolve(page);
            List<String> links = Pattern.compile("\\]\\((?!https?:)([^)#]+)(?:#[^)]*)?\\)")
                    .matcher(Files.readString(file))
                    .results()
                    .map(link -> link.group(1))
                    .toList();
            assertFalse(links.isEmpty(), page);
            for (String link : links) {
                assertTrue(Files.exists(file.resolveSibling(link)), page + " links to " + link);
            }
        }
    }

    /** Means and deviations of what it reaches are those that bench/RESULTS.md has, with their commands. */
    @Test
    void figuresOfWhatItReachesAreThoseOfTheResults() throws Exception {
        String readme = Files.readString(README);
        String results = Files.readString(Path.of("../bench/RESULTS.md"));
        int from = readme.indexOf("## What it reaches");
        assertTrue(from > 0, "the README has no such section");
        List<String> figures = Pattern.compile("\\d+\\.\\d ± \\d+\\.\\d")
                .matcher(readme.substring(from, readme.indexOf("\n## ", from)))
                .results()
                .map(MatchResult::group)
                .toList();
        assertTrue(figures.size() > 10, figures.size() + " figures");
        for (String figure : figures) {
            assertTrue(results.contains(figure), "bench/RESULTS.md lacks " + figure);
        }
    }

    /** Those programs need jars that are compiled with -Pstacks alone; what the page shows is a part of them. */
    @Test
    void linesOfThePageOnFeaturesAreThoseOfProgramsThatAreCompiled() throws Exception {
        String programs = "";
        for (String name : List.of("OnnxFeatures", "DjlFeatures", "OtherStacksTest")) {
            programs += Files.readString(Path.of("src/stacks/java/example/features", name + ".java"));
        }
        List<String> blocks = Pattern.compile("```java\n(.*?)```", Pattern.DOTALL)
                .matcher(Files.readString(Path.of("../java/features.md")))
                .results()
                .map(block -> block.group(1))
                .toList();
        assertEquals(3, blocks.size());
        for (String block : blocks) {
            assertTrue(
                    programs.replaceAll("\n +", "\n").contains(block.replaceAll("\n +", "\n")),
                    "no program has these lines:\n" + block);
        }
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

    private String run(List<String> packages, String lines) throws Exception {
        Path source = folder.resolve("Example.java");
        Files.writeString(
                source,
                packages.stream().map(name -> "import " + name + ".*;\n").collect(Collectors.joining())
                        + "public class Example { public static void main(String[] args) throws Exception {\n" + lines
                        + "}}\n");
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
