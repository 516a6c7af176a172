package dev.palimpsest.kernel.ffi;

import static java.lang.foreign.ValueLayout.ADDRESS;
import static java.lang.foreign.ValueLayout.JAVA_DOUBLE;
import static java.lang.foreign.ValueLayout.JAVA_FLOAT;
import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.MemorySegment;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.regex.MatchResult;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Test;

/** native/API.md and the example in Python say of the C interface what palimpsest.h says. */
class ApiPageTest {
    private static final Path NATIVE = Path.of("../native");
    private static final Path EXAMPLE = NATIVE.resolve("examples/multi_teacher_kl.py");
    /** What NumPy gives for the example in float64. */
    private static final double LOSS = 0.462542067;

    private static final String ARGS = "palimpsest_multi_teacher_kl_args";

    @Test
    void everyFunctionOfTheHeaderIsOnThePage() throws IOException {
        String page = inOneLine(Files.readString(NATIVE.resolve("API.md")));
        List<String> prototypes = matches("PALIMPSEST_API ([^#]*?;)", header()).stream()
                .map(match -> inOneLine(match.group(1)))
                .toList();
        assertEquals(17, prototypes.size(), "functions of palimpsest.h: " + prototypes);
        for (String prototype : prototypes) {
            assertTrue(page.contains(prototype), "native/API.md lacks " + prototype);
        }
    }

    @Test
    void everyFieldOfTheHeaderIsOnThePage() throws IOException {
        String page = Files.readString(NATIVE.resolve("API.md"));
        Map<String, List<String>> tables = new LinkedHashMap<>();
        for (MatchResult table :
                matches("\\| `(palimpsest_\\w+)` \\| type \\|[^\n]*\n[^\n]*\n((?:\\|[^\n]*\n)+)", page)) {
            tables.put(
                    table.group(1),
                    matches("\\| `(\\w+)` \\| `([^`]+)` \\|", table.group(2)).stream()
                            .map(row -> row.group(2) + " " + row.group(1))
                            .toList());
        }
        assertEquals(structs(), tables);
    }

    @Test
    void theExamplesStructIsTheHeaders() throws IOException {
        List<String> expected = structs().get(ARGS).stream()
                .map(field -> switch (field.substring(0, field.lastIndexOf(' '))) {
                            case "int64_t" -> "c_int64";
                            case "double" -> "c_double";
                            default -> "c_void_p";
                        }
                        + field.substring(field.lastIndexOf(' ')))
                .toList();
        assertEquals(expected, exampleFields());
    }

    /**
     * The example itself where Python 3 with NumPy is installed; elsewhere its calls from here, with the struct that it
     * declares. {@code -Drequire.tools=numpy} makes a machine without them an error.
     */
    @Test
    void theExampleAgreesWithItsFormula() throws Throwable {
        String library = NATIVE.resolve("target/classes/dev/palimpsest/native/linux-x86_64/libpalimpsest.so")
                .toAbsolutePath()
                .normalize()
                .toString();
        double[] losses;
        if (hasNumPy()) {
            Process process = new ProcessBuilder("python3", EXAMPLE.toString(), library)
                    .redirectErrorStream(true)
                    .start();
            String printed = new String(process.getInputStream().readAllBytes());
            assertEquals(0, process.waitFor(), printed);
            losses = matches("\\d+\\.\\d+", printed).stream()
                    .mapToDouble(match -> Double.parseDouble(match.group()))
                    .toArray();
        } else {
            assertFalse(
                    System.getProperty("require.tools", "").contains("numpy"),
                    "python3 with NumPy was not found: install the package python3-numpy");
            System.out.println("python3 with NumPy was not found: the example's calls are made from Java");
            losses = new double[] {lossByTheExamplesStruct(), LOSS};
        }
        assertEquals(LOSS, losses[0], 1e-7);
        assertEquals(LOSS, losses[1], 1e-7);
    }

    private static boolean hasNumPy() throws IOException, InterruptedException {
        try {
            return new ProcessBuilder("python3", "-c", "import numpy")
                            .redirectErrorStream(true)
                            .redirectOutput(ProcessBuilder.Redirect.DISCARD)
                            .start()
                            .waitFor()
                    == 0;
        } catch (IOException e) {
            return false;
        }
    }

    private static double lossByTheExamplesStruct() throws Throwable {
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment student = arena.allocate(JAVA_FLOAT, 40);
            MemorySegment[] teachers = {arena.allocate(JAVA_FLOAT, 40), arena.allocate(JAVA_FLOAT, 16)};
            for (int i = 0; i < 40; i++) {
                student.setAtIndex(JAVA_FLOAT, i, (float) Math.sin(i));
                teachers[0].setAtIndex(JAVA_FLOAT, i, (float) Math.cos(2 * i));
            }
            for (int i = 0; i < 16; i++) {
                teachers[1].setAtIndex(JAVA_FLOAT, i, (float) Math.cos(3 * i));
            }
            Map<String, Object> values = Map.ofEntries(
                    Map.entry("rows", 4L),
                    Map.entry("classes", 10L),
                    Map.entry("teachers", 2L),
                    Map.entry("temperature", 2.0),
                    Map.entry("student", student),
                    Map.entry("student_stride", 10L),
                    Map.entry("teacher", arena.allocateFrom(JAVA_LONG, teachers[0].address(), teachers[1].address())),
                    Map.entry("teacher_stride", arena.allocateFrom(JAVA_LONG, 10, 4)),
                    Map.entry("class_begin", arena.allocateFrom(JAVA_LONG, 0, 4)),
                    Map.entry("class_end", arena.allocateFrom(JAVA_LONG, 10, 8)),
                    Map.entry("weight", arena.allocateFrom(JAVA_FLOAT, 0.5f, 0.5f, 0.5f, 0.5f, 0.5f, 0.5f, 0.5f, 0.5f)),
                    Map.entry("weight_stride", 2L),
                    Map.entry("gradient", arena.allocate(JAVA_FLOAT, 40)),
                    Map.entry("gradient_stride", 10L));
            List<String> fields = exampleFields();
            MemorySegment args = arena.allocate(JAVA_LONG, fields.size());
            for (int i = 0; i < fields.size(); i++) {
                switch (values.get(fields.get(i).split(" ")[1])) {
                    case Double real -> args.setAtIndex(JAVA_DOUBLE, i, real);
                    case MemorySegment pointer -> args.setAtIndex(JAVA_LONG, i, pointer.address());
                    case Object number -> args.setAtIndex(JAVA_LONG, i, (Long) number);
                }
            }
            long bytes =
                    (long) NativeLibrary.function("multi_teacher_kl_scratch", FunctionDescriptor.of(JAVA_LONG, ADDRESS))
                            .invokeExact(args);
            MemorySegment rowLoss = arena.allocate(JAVA_DOUBLE, 4);
            var call = NativeLibrary.function(
                    "multi_teacher_kl",
                    FunctionDescriptor.of(JAVA_INT, JAVA_INT, ADDRESS, JAVA_LONG, JAVA_LONG, ADDRESS, ADDRESS));
            assertEquals(0, (int) call.invokeExact(0, args, 0L, 4L, arena.allocate(bytes, 64), rowLoss));
            double sum = 0;
            for (int row = 0; row < 4; row++) {
                sum += rowLoss.getAtIndex(JAVA_DOUBLE, row);
            }
            return sum / 4;
        }
    }

    private static List<String> exampleFields() throws IOException {
        return matches("\\(\"(\\w+)\", ctypes\\.(\\w+)\\)", Files.readString(EXAMPLE)).stream()
                .map(match -> match.group(2) + " " + match.group(1))
                .toList();
    }

    /** The header's structs of callers' arguments: "type name" of each field. */
    private static Map<String, List<String>> structs() throws IOException {
        String header = header();
        Map<String, List<String>> structs = new LinkedHashMap<>();
        for (MatchResult list :
                matches("#define (PALIMPSEST_\\w+)_FIELDS\\(FIELD\\)(.*?)typedef struct (\\w+) \\{", header)) {
            List<String> fields = new ArrayList<>();
            for (MatchResult field : matches("FIELD\\(([^,]+), (\\w+)\\)", list.group(2))) {
                fields.add(field.group(1) + " " + field.group(2));
            }
            structs.put(list.group(3), fields);
        }
        assertEquals(10, structs.size(), "structs of palimpsest.h: " + structs.keySet());
        return structs;
    }

    private static String header() throws IOException {
        return Files.readString(NATIVE.resolve("include/palimpsest.h"));
    }

    private static String inOneLine(String text) {
        return text.replaceAll("\\s+", " ").replace("( ", "(");
    }

    private static List<MatchResult> matches(String pattern, String text) {
        return Pattern.compile(pattern, Pattern.DOTALL).matcher(text).results().toList();
    }
}
