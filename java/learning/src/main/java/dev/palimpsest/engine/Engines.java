package dev.palimpsest.engine;

import dev.palimpsest.engine.DeviceOptions.Device;
import dev.palimpsest.engine.EngineProvider.Diagnosis;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Optional;
import java.util.ServiceLoader;
import java.util.TreeMap;
import java.util.function.Consumer;
import java.util.stream.Collectors;

/** Opens engines, with what their {@linkplain EngineProvider providers} offer. Thread-safe. */
public final class Engines {
    /** Engines of artifacts that may be absent, so that asking for one says what to add. */
    private static final List<String> OF_OTHER_ARTIFACTS = List.of("cuda");
    /** Threads for each core from which on a user is told: more only wait for one another. */
    private static final int MOST_PER_CORE = 4;

    private Engines() {}

    /**
     * The engine on this machine's processor. It belongs to the calling thread.
     *
     * @param threads that share the work, at least 1
     * @return an engine, to be closed by the caller
     * @throws EngineException if oneDNN cannot be loaded
     */
    public static Engine cpu(int threads) {
        return open(DeviceOptions.of(Device.CPU, threads), remark -> {});
    }

    /**
     * The engine that the options ask for; it belongs to the calling thread. {@code auto} takes the first one that
     * works, a GPU before the processor.
     *
     * @param options where and how to compute
     * @param remark is given, in one sentence each, why an automatic choice passed over a more capable engine, and
     *     that there are far more threads than cores
     * @return an engine, to be closed by the caller
     * @throws EngineException if an engine is asked for by name and is not installed or cannot work; the message says
     *     why and what to do
     */
    public static Engine open(DeviceOptions options, Consumer<String> remark) {
        int cores = Runtime.getRuntime().availableProcessors();
        if (options.threads() > MOST_PER_CORE * cores) {
            remark.accept(options.threads() + " threads share " + cores + (cores == 1 ? " core" : " cores")
                    + ": fewer would be faster, and results do not depend on how many there are.");
        }
        if (!options.device().equals(Device.AUTO)) {
            return new Engine(provider(options.device()).open(options));
        }
        List<String> reasons = new ArrayList<>();
        for (EngineProvider provider : providers()) {
            try {
                Engine engine = new Engine(provider.open(options));
                reasons.forEach(reason -> remark.accept(provider.title() + " computes: " + reason));
                return engine;
            } catch (EngineException e) {
                reasons.add(e.getMessage());
            }
        }
        throw new EngineException("no engine works here: " + String.join("; ", reasons));
    }

    /**
     * Reads the name of a device: {@code auto}, a provider's name, or that with the number of one of its devices, as
     * in {@code cuda:1}.
     *
     * @param text what the user wrote
     * @return the device; whether it works is found when it is opened
     * @throws IllegalArgumentException with a sentence, if there is no such engine
     */
    public static Device device(String text) {
        String[] parts = text.split(":", 2);
        Optional<EngineProvider> found = find(parts[0]);
        boolean known =
                parts[0].equals(Device.AUTO.name()) || found.isPresent() || OF_OTHER_ARTIFACTS.contains(parts[0]);
        boolean indexed = found.map(EngineProvider::indexed).orElse(OF_OTHER_ARTIFACTS.contains(parts[0]));
        if (!known || (parts.length == 2 && !(indexed && parts[1].matches("\\d{1,4}")))) {
            throw new IllegalArgumentException("device = " + text + ": expected " + choices());
        }
        return new Device(parts[0], parts.length == 2 ? Integer.parseInt(parts[1]) : 0);
    }

    private static String choices() {
        TreeMap<String, Boolean> indexedByName = new TreeMap<>();
        OF_OTHER_ARTIFACTS.forEach(name -> indexedByName.put(name, true));
        providers().forEach(provider -> indexedByName.put(provider.name(), provider.indexed()));
        List<String> names = new ArrayList<>(List.of(Device.AUTO.name()));
        indexedByName.forEach((name, indexed) -> {
            names.add(name);
            if (indexed) {
                names.add(name + ":N");
            }
        });
        return String.join(", ", names.subList(0, names.size() - 1)) + " or " + names.getLast();
    }

    /**
     * Looks at what every installed kind of engine needs.
     *
     * @param threads of the processor, at least 1
     * @return what was found, engine after engine, the processor first; a check that breaks is a finding, too
     */
    public static List<Diagnosis> diagnose(int threads) {
        List<Diagnosis> all = new ArrayList<>();
        for (EngineProvider provider : providers().reversed()) {
            try {
                all.addAll(provider.diagnose(threads));
            } catch (RuntimeException | LinkageError e) {
                all.add(new Diagnosis("Engine " + provider.name(), false, e.toString()));
            }
        }
        for (String name : OF_OTHER_ARTIFACTS) {
            if (find(name).isEmpty()) {
                all.add(new Diagnosis("Engine " + name, false, missing(name)));
            }
        }
        return all;
    }

    private static EngineProvider provider(Device device) {
        EngineProvider provider = find(device.name()).orElseThrow(() -> new EngineException(missing(device.name())));
        if (device.index() > 0 && !provider.indexed()) {
            throw new EngineException("device " + device + ": there is one " + provider.name() + " only");
        }
        return provider;
    }

    private static String missing(String name) {
        return "no engine " + name + " is installed, only "
                + providers().stream().map(EngineProvider::name).sorted().collect(Collectors.joining(", "))
                + (OF_OTHER_ARTIFACTS.contains(name)
                        ? ": put the artifact dev.palimpsest:palimpsest-" + name + " on the class path or module path"
                        : "");
    }

    private static Optional<EngineProvider> find(String name) {
        return providers().stream()
                .filter(provider -> provider.name().equals(name))
                .findFirst();
    }

    /** In the order in which an automatic choice tries them. */
    private static List<EngineProvider> providers() {
        return ServiceLoader.load(EngineProvider.class, Engines.class.getClassLoader()).stream()
                .map(ServiceLoader.Provider::get)
                .sorted(Comparator.comparingInt(EngineProvider::preference).reversed())
                .toList();
    }
}
