package dev.palimpsest.engine;

import java.util.List;

/**
 * Makes a kind of engine. Providers are found by {@link java.util.ServiceLoader}, those of other artifacts included;
 * whoever adds one changes nothing here. A provider needs a public constructor without parameters, which must touch
 * nothing that may be missing on a machine.
 */
public interface EngineProvider {
    /**
     * What a check of this machine found.
     *
     * @param subject what was looked at, one to three words
     * @param usable whether a run can use it
     * @param text what was found, or why it cannot be used and what to do
     */
    record Diagnosis(String subject, boolean usable, String text) {}

    /**
     * The name that {@code --device} chooses it by.
     *
     * @return lower-case letters, digits and hyphens; never {@code auto}
     */
    String name();

    /**
     * What computes, for sentences.
     *
     * @return such as "The processor"
     */
    String title();

    /**
     * Where it stands when the device is chosen automatically.
     *
     * @return the highest is tried first; the processor has 0
     */
    int preference();

    /**
     * Whether it has several devices, so that {@code name:1} means something.
     *
     * @return false if an index is an error
     */
    boolean indexed();

    /**
     * Starts an engine, which belongs to the calling thread.
     *
     * @param options what the user asked for; the device's name is this provider's, or {@code auto}
     * @return the engine's operations, to be closed by the caller
     * @throws EngineException if it cannot work on this machine; the message says why and what to do
     */
    Backend open(DeviceOptions options);

    /**
     * Looks at what this kind of engine needs.
     *
     * @param threads of the processor, at least 1
     * @return what was found, in the order in which a reader wants to see it
     */
    List<Diagnosis> diagnose(int threads);
}
