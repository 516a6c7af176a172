package dev.palimpsest;

import dev.palimpsest.checkpoint.BoundedArena;
import dev.palimpsest.checkpoint.StateDict;
import dev.palimpsest.data.Images;
import dev.palimpsest.engine.Engine;
import dev.palimpsest.engine.Engines;
import dev.palimpsest.evaluation.Inference;
import dev.palimpsest.model.FrozenNetwork;
import dev.palimpsest.model.FrozenNetwork.Weights;
import dev.palimpsest.model.Network;
import dev.palimpsest.tensor.Safetensors;
import dev.palimpsest.tensor.SafetensorsWriter;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.lang.foreign.Arena;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.RejectedExecutionException;
import org.jspecify.annotations.Nullable;

/**
 * Passes images through snapshots. An engine belongs to the thread that opened it, so one thread computes for all who
 * ask; any thread may ask. Networks are compiled when they are first read.
 */
final class SnapshotReader implements AutoCloseable {
    private final Setup setup;
    private final Files files;
    private final int threads;
    private final Map<String, FrozenNetwork> networks = new HashMap<>();
    private final ExecutorService thread = Executors.newSingleThreadExecutor(
            Thread.ofPlatform().daemon().name("palimpsest-snapshots").factory());
    /** Null until something is read. */
    private @Nullable Engine engine;

    /** Where snapshots are. */
    interface Files {
        /**
         * One of them.
         *
         * @throws IOException with a sentence, if there is no such snapshot or it is damaged
         */
        Safetensors read(String snapshot) throws IOException;
    }

    SnapshotReader(Setup setup, Files files, int threads) {
        this.setup = setup;
        this.files = files;
        this.threads = threads;
    }

    /**
     * The pooled outputs of all stages.
     *
     * @param images normalised as in training
     * @param snapshots files of the folder
     * @return [snapshots][indices][dimensions]
     */
    float[][][] features(Images images, int[] indices, List<String> snapshots) {
        return asked(() -> compute(images, indices, snapshots));
    }

    /** Lets a snapshot go whose file is deleted: another one may come to have its name. */
    void release(String snapshot) {
        asked(() -> {
            FrozenNetwork network = networks.remove(snapshot);
            if (network != null) {
                network.close();
            }
            return true;
        });
    }

    private <T> T asked(Callable<T> what) {
        Future<T> computed;
        try {
            computed = thread.submit(what);
        } catch (RejectedExecutionException e) {
            throw new IllegalStateException("this model is closed: open it again", e);
        }
        boolean interrupted = false;
        try {
            while (true) {
                try {
                    return computed.get();
                } catch (InterruptedException e) {
                    interrupted = true; // the pass ends in milliseconds; who asked is told afterwards
                }
            }
        } catch (ExecutionException e) {
            switch (Objects.requireNonNull(e.getCause())) {
                case RuntimeException failed -> throw failed;
                case Error failed -> throw failed;
                case Throwable failed -> throw new IllegalStateException(failed);
            }
        } finally {
            if (interrupted) {
                Thread.currentThread().interrupt();
            }
        }
    }

    private float[][][] compute(Images images, int[] indices, List<String> snapshots) {
        float[][][] features = new float[snapshots.size()][][];
        try (Inference inference = new Inference(engine(), images)) {
            for (int k = 0; k < features.length; k++) {
                FrozenNetwork network = networks.computeIfAbsent(snapshots.get(k), this::compiled);
                features[k] = inference.pooled(network, indices, setup.grid());
            }
        }
        return features;
    }

    /**
     * Weights of another program as the snapshot that the model keeps.
     *
     * @throws IllegalArgumentException with a sentence, if the weights are not the setup's network's
     */
    static SafetensorsWriter copy(Setup setup, Safetensors weights) {
        try (Arena arena = Arena.ofConfined()) {
            Network network = network(setup, weights, arena);
            SafetensorsWriter copy = new SafetensorsWriter();
            StateDict.write(network, Weights.of(network), copy);
            return copy;
        }
    }

    private static Network network(Setup setup, Safetensors weights, Arena arena) {
        long bytes = weights.names().stream()
                .mapToLong(name -> weights.shape(name).bytes())
                .sum();
        Network network;
        try {
            network = setup.architecture(setup.input()).create(new BoundedArena(arena, bytes), setup.seed());
            network.grow(1); // a head, which nobody reads
        } catch (IllegalArgumentException e) {
            throw new IllegalArgumentException(weights.source() + " does not fit the network: " + e.getMessage(), e);
        }
        StateDict.load(network, weights);
        return network;
    }

    /** What is frozen has copies: the network's own memory is let go, only its layers are asked for later. */
    private FrozenNetwork compiled(String snapshot) {
        try (Arena arena = Arena.ofShared()) {
            Network network = network(setup, files.read(snapshot), arena);
            return new FrozenNetwork(engine(), network, Weights.of(network));
        } catch (IOException e) {
            throw new UncheckedIOException(e.getMessage(), e);
        }
    }

    private Engine engine() {
        if (engine == null) {
            engine = Engines.cpu(threads);
        }
        return engine;
    }

    @Override
    public void close() {
        thread.execute(() -> {
            networks.values().forEach(FrozenNetwork::close);
            if (engine != null) {
                engine.close();
            }
        });
        thread.close();
    }
}
