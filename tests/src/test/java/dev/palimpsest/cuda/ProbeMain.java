package dev.palimpsest.cuda;

/** A process of its own that looks for CUDA, since no JVM can forget a driver or JCuda's classes. */
final class ProbeMain {
    private ProbeMain() {}

    public static void main(String[] arguments) {
        Cuda.Probe probe = Cuda.probe(CudaOptions.ofSystem());
        System.out.println("trouble: " + probe.trouble().orElse("none"));
        System.out.println("devices: " + probe.devices().size());
        probe.missing().forEach((library, why) -> System.out.println("missing " + library + ": " + why));
        System.out.println("java.io.tmpdir: " + System.getProperty("java.io.tmpdir"));
    }
}
