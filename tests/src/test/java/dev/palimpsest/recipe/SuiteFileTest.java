package dev.palimpsest.recipe;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.palimpsest.train.Experiment;
import java.io.IOException;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.MethodSource;

class SuiteFileTest {
    @Test
    void aVariantIsTheSuitesOptionsThenItsBlocksThenItsOwn() {
        SuiteFile suite = SuiteFile.parse("s", """
            # What it shows.
            # More about it.
            orders = 1, 2
            threads = 1
            epochs = 4

            [one]
            recipe = m2kd-digits
            reference = LwF
            epochs = 3
            augment = shift:1
            LwF: method=lwf
            M2KD, long: epochs=9 augment=crop-flip:2

            [two]
            recipe = other.properties
            reference = a
            a: prune=false
            """);
        assertEquals("What it shows.", suite.summary());
        assertEquals(new Repeats(List.of("1", "2"), false), suite.repeats());
        SuiteFile.Block one = suite.blocks().getFirst();
        assertEquals("m2kd-digits", one.recipe());
        assertEquals("LwF", one.reference());
        assertEquals(List.of("LwF", "M2KD, long"), List.copyOf(one.variants().keySet()));
        assertEquals(
                Map.of("threads", "1", "epochs", "3", "augment", "shift:1", "method", "lwf"),
                one.variants().get("LwF"));
        assertEquals(
                Map.of("threads", "1", "epochs", "9", "augment", "crop-flip:2"),
                one.variants().get("M2KD, long"));
        assertEquals(
                Map.of("a", Map.of("threads", "1", "epochs", "4", "prune", "false")),
                suite.blocks().getLast().variants());
    }

    @Test
    void seedsChangeAllThatIsDrawnAndOrdersTheClassOrderAlone() {
        Map<String, String> options = new HashMap<>(Map.of("epochs", "3"));
        SuiteFile.parse("s", "seeds = 4,5\n[x]\nrecipe = r\nreference = a\na: method=lwf")
                .repeats()
                .set(options, "5");
        assertEquals(Map.of("epochs", "3", "order", "5", "seed", "5"), options);
        options.clear();
        SuiteFile.parse("s", "orders = 4,5\n[x]\nrecipe = r\nreference = a\na: method=lwf")
                .repeats()
                .set(options, "5");
        assertEquals(Map.of("order", "5"), options);
    }

    static List<String> builtIn() {
        return SuiteFile.builtIn();
    }

    @ParameterizedTest
    @MethodSource("builtIn")
    void builtInSuitesCompareOverThreeRepetitionsOrMore(String name) throws IOException {
        SuiteFile suite = SuiteFile.load(name);
        assertTrue(suite.repeats().seeds().size() >= 3);
        for (SuiteFile.Block block : suite.blocks()) {
            for (var variant : block.variants().values()) {
                Recipe recipe = Recipe.of(merged(RecipeFile.load(block.recipe()).texts(), variant));
                assertEquals(1, recipe.threads(), "results do not depend on the machine's cores");
                assertEquals(Experiment.Evaluate.TEST, recipe.data().evaluate());
            }
        }
    }

    private static Map<String, String> merged(Map<String, String> texts, Map<String, String> variant) {
        Map<String, String> all = new HashMap<>(texts);
        all.putAll(variant);
        return all;
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {
                "epohcs = 3 | line 1: epohcs is not an option; did you mean epochs?",
                "order = 3 | line 1: class orders are the suite's: set orders",
                "epochs | line 1: expected option = value or LABEL: option=value, found epochs",
                "a: method=lwf | line 1: a variant stands before the first [block]",
                "orders = 1 | line 1: it has no block; a line [title] begins one",
                "tune.epohcs = 3,4 | line 1: epohcs is not an option; did you mean epochs?",
                "tune.epochs = 3,3 | line 1: tune.epochs: expected two or more different values with commas, found 3,3",
                "[x];a: method=lwf | line 2: [x] lacks recipe = NAME",
                "[x];recipe = r;a: method=lwf | line 3: [x] needs reference = LABEL, one of a",
                "[x];recipe = r;reference = b;a: method=lwf | line 4: [x] needs reference = LABEL, one of a",
                "[x];recipe = r;reference = a;a: method=lwf;a: method=m2kd | line 5: there are two variants a",
                "[x];recipe = r;reference = a;a: method | line 4: expected LABEL: option=value option=value, found a:"
                        + " method",
                "[x];recipe = r;recipe = s | line 3: recipe is set twice",
                "[x];recipe = r;reference = a;a: method=lwf;[x] | line 5: there are two blocks [x]",
                "[x];recipe = r;reference = a;a: method=lwf | line 4: expected either orders = 1,2,3, which are class"
                        + " orders, or seeds = 1,2,3, with which all that is drawn changes, found neither",
                "orders = 1;seeds = 1;[x];recipe = r;reference = a;a: method=lwf | line 6: expected either orders ="
                    + " 1,2,3, which are class orders, or seeds = 1,2,3, with which all that is drawn changes, found"
                    + " both",
                "seed = 7;seeds = 1;[x];recipe = r;reference = a;a: method=lwf | line 6: seed is set, and seeds sets"
                        + " it: set one of them",
                "seeds = 1;[x];recipe = r;reference = a;a: seed=7 | line 5: seed is set, and seeds sets it: set one of"
                        + " them",
            })
    void badSuitesAreRefusedWithTheLine(String lines, String sentence) {
        assertEquals(
                "suite s, " + sentence,
                assertThrows(IllegalArgumentException.class, () -> SuiteFile.parse("s", lines.replace(';', '\n')))
                        .getMessage());
    }

    @Test
    void aSuiteThereIsNotIsRefusedWithTheNearest() {
        String sentence = assertThrows(IllegalArgumentException.class, () -> SuiteFile.load("fasion"))
                .getMessage();
        assertTrue(
                sentence.startsWith("There is no suite fasion, neither a file nor one of digits, digits-10x1, ")
                        && sentence.endsWith("; did you mean fashion?"),
                sentence);
    }
}
