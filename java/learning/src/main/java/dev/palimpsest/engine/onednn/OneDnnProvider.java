package dev.palimpsest.engine.onednn;

import dev.palimpsest.engine.Backend;
import dev.palimpsest.engine.DeviceOptions;
import dev.palimpsest.engine.EngineProvider;
import java.util.List;

/** The processor, on oneDNN. */
public final class OneDnnProvider implements EngineProvider {
    /** For {@link java.util.ServiceLoader}. */
    public OneDnnProvider() {}

    @Override
    public String name() {
        return "cpu";
    }

    @Override
    public String title() {
        return "The processor";
    }

    @Override
    public int preference() {
        return 0;
    }

    @Override
    public boolean indexed() {
        return false;
    }

    @Override
    public Backend open(DeviceOptions options) {
        return new OneDnnBackend(options.threads());
    }

    @Override
    public List<Diagnosis> diagnose(int threads) {
        try (Backend backend = new OneDnnBackend(threads)) {
            return List.of(new Diagnosis("Layers", true, backend.description()));
        }
    }
}
