package dev.palimpsest;

import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.noClasses;
import static org.junit.jupiter.api.Assertions.assertEquals;

import com.tngtech.archunit.core.domain.JavaClass;
import com.tngtech.archunit.core.domain.JavaClasses;
import com.tngtech.archunit.core.importer.ClassFileImporter;
import com.tngtech.archunit.core.importer.ImportOption;
import com.tngtech.archunit.library.dependencies.SliceAssignment;
import com.tngtech.archunit.library.dependencies.SliceIdentifier;
import com.tngtech.archunit.library.dependencies.SlicesRuleDefinition;
import java.lang.foreign.Linker;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Test;

/** Packages depend on one another along one line only, so that each can be read without those after it. */
class ArchitectureTest {
    private static final String ROOT = "dev.palimpsest";
    private static final JavaClasses LIBRARY = new ClassFileImporter()
            .withImportOption(ImportOption.Predefined.DO_NOT_INCLUDE_TESTS)
            .importPackages(ROOT);

    /** What each package may use; what those use, it may use too. */
    private static final Map<String, List<String>> MAY_USE = Map.ofEntries(
            Map.entry("kernel", List.of()),
            Map.entry("internal", List.of()),
            Map.entry("tensor", List.of("internal", "kernel")),
            Map.entry("optim", List.of("tensor")),
            Map.entry("engine", List.of("optim")),
            Map.entry("cuda", List.of("engine")),
            Map.entry("autograd", List.of("engine")),
            Map.entry("model", List.of("autograd")),
            Map.entry("data", List.of("tensor", "internal")),
            Map.entry("stream", List.of("data")),
            Map.entry("loss", List.of("autograd")),
            Map.entry("metrics", List.of()),
            Map.entry("snapshot", List.of("model")),
            Map.entry("option", List.of("internal")),
            Map.entry("evaluation", List.of("model", "stream")),
            Map.entry("gaussian", List.of("tensor")),
            Map.entry("classifier", List.of("evaluation", "option", "gaussian")),
            Map.entry("checkpoint", List.of("classifier", "metrics", "snapshot")),
            Map.entry("recipe", List.of("train")),
            Map.entry("train", List.of("checkpoint", "loss")),
            Map.entry("method", List.of("train")),
            Map.entry("report", List.of("train")),
            Map.entry("cli", List.of("recipe", "report")));

    @Test
    void packagesPointOneWay() {
        MAY_USE.keySet().forEach(name -> {
            String[] allowed = reachable(name).stream()
                    .map(used -> ROOT + "." + used + "..")
                    .toArray(String[]::new);
            Set<String> forbidden = new TreeSet<>(MAY_USE.keySet());
            forbidden.removeAll(reachable(name));
            noClasses()
                    .that()
                    .resideInAPackage(ROOT + "." + name + "..")
                    .should()
                    .dependOnClassesThat()
                    .resideInAnyPackage(forbidden.stream()
                            .map(other -> ROOT + "." + other + "..")
                            .toArray(String[]::new))
                    .because(name + " may use " + String.join(", ", allowed))
                    .allowEmptyShould(true)
                    .check(LIBRARY);
        });
    }

    @Test
    void everyPackageHasItsPlace() {
        Set<String> found = LIBRARY.stream()
                .map(type -> type.getPackageName())
                .filter(name -> !name.equals(ROOT))
                .map(name -> name.substring(ROOT.length() + 1).split("\\.")[0])
                .collect(Collectors.toCollection(TreeSet::new));
        found.removeAll(MAY_USE.keySet());
        assertEquals(Set.of(), found, "packages that MAY_USE does not know");
    }

    @Test
    void onlyTheForeignInterfaceAndTheEngineCallNativeCode() {
        noClasses()
                .that()
                .resideOutsideOfPackages(ROOT + ".kernel.ffi..", ROOT + ".engine.onednn..")
                .should()
                .dependOnClassesThat()
                .areAssignableTo(Linker.class)
                .check(LIBRARY);
    }

    /** Behind the façade nobody sees which backend computes: those are found by name. */
    @Test
    void nobodyImportsABackend() {
        for (String backend : List.of(ROOT + ".engine.onednn", ROOT + ".cuda.engine")) {
            noClasses()
                    .that()
                    .resideOutsideOfPackage(backend)
                    .should()
                    .dependOnClassesThat()
                    .resideInAPackage(backend)
                    .check(LIBRARY);
        }
    }

    /** Each file of an engine can be read without those that use it. */
    @Test
    void enginesHaveNoCircles() {
        for (String engine : List.of(ROOT + ".engine", ROOT + ".engine.onednn", ROOT + ".cuda.engine")) {
            SlicesRuleDefinition.slices()
                    .assignedFrom(new TopLevelTypesOf(engine))
                    .should()
                    .beFreeOfCycles()
                    .check(LIBRARY);
        }
    }

    /** A slice for each file. */
    private record TopLevelTypesOf(String packageName) implements SliceAssignment {
        @Override
        public SliceIdentifier getIdentifierOf(JavaClass type) {
            return type.getPackageName().equals(packageName)
                    ? SliceIdentifier.of(type.getName().split("\\$")[0])
                    : SliceIdentifier.ignore();
        }

        @Override
        public String getDescription() {
            return "the files of " + packageName;
        }
    }

    private static Set<String> reachable(String name) {
        Map<String, Boolean> seen = new LinkedHashMap<>();
        List<String> open = new ArrayList<>(List.of(name));
        while (!open.isEmpty()) {
            String next = open.removeFirst();
            if (seen.put(next, true) == null) {
                open.addAll(MAY_USE.get(next));
            }
        }
        return seen.keySet();
    }
}
