package dev.palimpsest.kernel;

import dev.palimpsest.kernel.Kernels.Implementation;
import java.util.ArrayList;
import java.util.List;

/** Every implementation this machine has, with 1, 2 and 3 threads. */
record Variant(Implementation implementation, int threads) {
    static List<Variant> all() {
        List<Variant> all = new ArrayList<>();
        for (Implementation implementation : Kernels.available()) {
            for (int threads = 1; threads <= 3; threads++) {
                all.add(new Variant(implementation, threads));
            }
        }
        return all;
    }

    @Override
    public String toString() {
        return implementation + " with " + threads + " threads";
    }
}
