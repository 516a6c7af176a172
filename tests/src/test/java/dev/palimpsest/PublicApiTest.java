package dev.palimpsest;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.fail;

import java.io.IOException;
import java.io.InputStream;
import java.lang.module.ModuleDescriptor;
import java.lang.reflect.AnnotatedElement;
import java.lang.reflect.Constructor;
import java.lang.reflect.Executable;
import java.lang.reflect.Field;
import java.lang.reflect.Member;
import java.lang.reflect.Method;
import java.lang.reflect.Modifier;
import java.lang.reflect.Parameter;
import java.lang.reflect.Type;
import java.net.URI;
import java.net.URISyntaxException;
import java.net.URL;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;

/** What other modules can call, held against a list that is checked in, so that no change of it goes unannounced. */
class PublicApiTest {
    private static final String LIST = "/public-api.txt";
    private static final Pattern OWN_TYPE = Pattern.compile("dev\\.palimpsest[\\w.$]+");

    @Test
    void thePublicInterfaceIsTheOneThatIsCheckedIn() throws Exception {
        List<String> now = listed();
        Path copy = Files.createDirectories(Path.of("target"))
                .resolve("public-api.txt")
                .toAbsolutePath();
        Files.write(copy, now);
        List<String> announced;
        try (InputStream in = PublicApiTest.class.getResourceAsStream(LIST)) {
            announced = in == null
                    ? List.of()
                    : new String(in.readAllBytes(), StandardCharsets.UTF_8)
                            .lines()
                            .toList();
        }
        List<String> added = new ArrayList<>(now);
        announced.forEach(added::remove);
        List<String> removed = new ArrayList<>(announced);
        now.forEach(removed::remove);
        if (!added.isEmpty() || !removed.isEmpty()) {
            fail("the public interface changed. If that is meant, copy " + copy
                    + " to tests/src/test/resources/public-api.txt and say in the commit what users have to change.\n"
                    + "Added:\n"
                    + "  "
                    + String.join("\n  ", added) + "\nRemoved:\n  " + String.join("\n  ", removed));
        }
        assertEquals(announced, now);
    }

    /** A type that a signature names and nobody can import is public by mistake, or hidden by mistake. */
    @Test
    void whatSignaturesNameIsPublicToo() throws Exception {
        List<String> lines = listed();
        Set<String> types = lines.stream()
                .filter(line -> !line.startsWith(" "))
                .map(line ->
                        line.replaceFirst("^.*?(dev\\.palimpsest\\S+).*$", "$1").replaceFirst("<.*", ""))
                .collect(Collectors.toSet());
        List<String> wrong = lines.stream()
                .filter(line -> line.startsWith(" ")
                        && OWN_TYPE.matcher(line).results().anyMatch(found -> !types.contains(found.group())))
                .toList();
        assertEquals(List.of(), wrong, "members whose signatures name types that are not public");
    }

    /** One line per type or member of the packages that our modules export to everybody. */
    private static List<String> listed() throws Exception {
        List<String> lines = new ArrayList<>();
        Map<String, Path> roots = new TreeMap<>();
        for (URL descriptor :
                Collections.list(PublicApiTest.class.getClassLoader().getResources("module-info.class"))) {
            try (InputStream in = descriptor.openStream()) {
                ModuleDescriptor module = ModuleDescriptor.read(in);
                if (module.name().startsWith("dev.palimpsest") && !module.name().equals("dev.palimpsest.cli")) {
                    for (ModuleDescriptor.Exports exported : module.exports()) {
                        if (!exported.isQualified()) {
                            roots.put(exported.source(), root(descriptor));
                        }
                    }
                }
            }
        }
        for (Map.Entry<String, Path> exported : roots.entrySet()) {
            for (Class<?> type : types(exported.getKey(), exported.getValue())) {
                list(type, lines);
            }
        }
        return lines;
    }

    /** The folder of class files that a descriptor stands in: the tests run against the reactor's folders or jars. */
    private static Path root(URL descriptor) throws URISyntaxException, IOException {
        if (descriptor.getProtocol().equals("jar")) {
            String jar = descriptor.toString();
            URI uri = URI.create(jar.substring(0, jar.indexOf('!')));
            try {
                return java.nio.file.FileSystems.newFileSystem(uri, Map.of()).getPath("/");
            } catch (java.nio.file.FileSystemAlreadyExistsException e) {
                return java.nio.file.FileSystems.getFileSystem(uri).getPath("/");
            }
        }
        return Path.of(descriptor.toURI()).getParent();
    }

    private static List<Class<?>> types(String packageName, Path root) throws IOException {
        try (Stream<Path> files = Files.list(root.resolve(packageName.replace('.', '/')))) {
            List<String> names = files.map(file -> file.getFileName().toString())
                    .filter(name -> name.endsWith(".class") && !name.equals("package-info.class"))
                    .map(name -> packageName + "." + name.substring(0, name.length() - ".class".length()))
                    .sorted()
                    .toList();
            List<Class<?>> types = new ArrayList<>();
            for (String name : names) {
                Class<?> type = Class.forName(name, false, PublicApiTest.class.getClassLoader());
                if (isVisible(type)) {
                    types.add(type);
                }
            }
            return types;
        } catch (ClassNotFoundException e) {
            throw new AssertionError(e);
        }
    }

    private static boolean isVisible(Class<?> type) {
        boolean own = Modifier.isPublic(type.getModifiers()) || Modifier.isProtected(type.getModifiers());
        return own
                && !type.isAnonymousClass()
                && (type.getDeclaringClass() == null || isVisible(type.getDeclaringClass()));
    }

    private static void list(Class<?> type, List<String> lines) {
        String kind = type.isAnnotation()
                ? "@interface"
                : type.isInterface() ? "interface" : type.isEnum() ? "enum" : type.isRecord() ? "record" : "class";
        String supertypes = Stream.concat(
                        Stream.ofNullable(type.getGenericSuperclass()), Arrays.stream(type.getGenericInterfaces()))
                .map(Type::getTypeName)
                .filter(name -> !name.equals("java.lang.Object")
                        && !name.startsWith("java.lang.Enum")
                        && !name.equals("java.lang.Record"))
                .collect(Collectors.joining(", "));
        lines.add(modifiers(type.getModifiers() & ~Modifier.ABSTRACT) + (type.isSealed() ? "sealed " : "") + kind + " "
                + type.getTypeName() + (supertypes.isEmpty() ? "" : " : " + supertypes));
        TreeSet<String> members = new TreeSet<>();
        Arrays.stream(type.getDeclaredFields())
                .filter(PublicApiTest::isListed)
                .forEach(field -> members.add(field(field)));
        Arrays.stream(type.getDeclaredConstructors())
                .filter(PublicApiTest::isListed)
                .forEach(made -> members.add(made(made)));
        Arrays.stream(type.getDeclaredMethods())
                .filter(method -> isListed(method) && !method.isBridge() && !isImplied(type, method))
                .forEach(method -> members.add(modifiers(method.getModifiers())
                        + method.getGenericReturnType().getTypeName() + " " + method.getName() + parameters(method)));
        members.forEach(member -> lines.add("  " + member));
    }

    /** What every enum and record has. */
    private static boolean isImplied(Class<?> type, Method method) {
        return switch (method.getName()) {
            case "values", "valueOf" -> type.isEnum();
            case "equals", "hashCode", "toString" -> true;
            default -> false;
        };
    }

    private static <M extends Member & AnnotatedElement> boolean isListed(M member) {
        return (Modifier.isPublic(member.getModifiers()) || Modifier.isProtected(member.getModifiers()))
                && !member.isSynthetic();
    }

    private static String field(Field field) {
        return modifiers(field.getModifiers()) + field.getGenericType().getTypeName() + " " + field.getName();
    }

    private static String made(Constructor<?> constructor) {
        return modifiers(constructor.getModifiers()) + "new" + parameters(constructor);
    }

    private static String parameters(Executable executable) {
        return Arrays.stream(executable.getParameters())
                .map(Parameter::getParameterizedType)
                .map(Type::getTypeName)
                .collect(Collectors.joining(", ", "(", ")"));
    }

    private static String modifiers(int modifiers) {
        String text = Modifier.toString(modifiers & (Modifier.PROTECTED | Modifier.STATIC | Modifier.ABSTRACT));
        return text.isEmpty() ? "" : text + " ";
    }
}
