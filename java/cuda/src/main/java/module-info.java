/** NVIDIA GPUs: an engine, and the three kernels on device addresses. */
module dev.palimpsest.cuda {
    requires transitive dev.palimpsest;
    requires jcuda;
    requires jcublas;
    requires jcudnn;
    requires static org.jspecify; // annotations for the compiler alone

    exports dev.palimpsest.cuda;

    provides dev.palimpsest.engine.EngineProvider with
            dev.palimpsest.cuda.engine.CudaProvider;
}
