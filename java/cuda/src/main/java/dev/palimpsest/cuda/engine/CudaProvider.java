package dev.palimpsest.cuda.engine;

import dev.palimpsest.cuda.CudaOptions;
import dev.palimpsest.engine.Backend;
import dev.palimpsest.engine.DeviceOptions;
import dev.palimpsest.engine.EngineProvider;
import java.util.List;

/** NVIDIA GPUs, through JCuda; nothing of it is touched before an engine is asked for. */
public final class CudaProvider implements EngineProvider {
    /** For {@link java.util.ServiceLoader}. */
    public CudaProvider() {}

    @Override
    public String name() {
        return "cuda";
    }

    @Override
    public String title() {
        return "The GPU";
    }

    @Override
    public int preference() {
        return 10;
    }

    @Override
    public boolean indexed() {
        return true;
    }

    @Override
    public Backend open(DeviceOptions options) {
        return CudaBackend.open(options);
    }

    @Override
    public List<Diagnosis> diagnose(int threads) {
        return CudaDiagnosis.of(CudaOptions.ofSystem());
    }
}
