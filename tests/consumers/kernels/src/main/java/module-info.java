module example.kernels {
    requires dev.palimpsest.kernels;
}
