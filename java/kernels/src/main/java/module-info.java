/** Fused multi-teacher KL, feature MSE and snapshot reconstruction over arrays and memory segments. */
@SuppressWarnings("module") // the modules that the foreign interface is opened to are built after this one
module dev.palimpsest.kernels {
    requires dev.palimpsest.natives;
    requires static org.jspecify; // annotations for the compiler alone

    exports dev.palimpsest.kernel;
    exports dev.palimpsest.kernel.passes to
            dev.palimpsest;
    exports dev.palimpsest.kernel.threads to
            dev.palimpsest;
    exports dev.palimpsest.kernel.ffi to
            dev.palimpsest,
            dev.palimpsest.cuda;
}
