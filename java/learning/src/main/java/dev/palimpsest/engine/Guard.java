package dev.palimpsest.engine;

import dev.palimpsest.tensor.Shape;
import dev.palimpsest.tensor.Tensor;

/**
 * What holds for every call of an engine and of what it hands out: it is open, its own thread calls, and tensors are
 * its own.
 */
final class Guard {
    private final Object owner;
    private final Thread thread = Thread.currentThread();
    private boolean closed;

    /**
     * A guard of an engine that is open and belongs to the calling thread.
     *
     * @param owner of the tensors that are taken
     */
    Guard(Object owner) {
        this.owner = owner;
    }

    /** To be called first by whatever computes. */
    void enter() {
        thread();
        if (closed) {
            throw new IllegalStateException("the engine is closed: open another one with Engines.open");
        }
    }

    @SuppressWarnings("ReferenceEquality") // a thread is equal to itself alone
    private void thread() {
        if (Thread.currentThread() != thread) {
            throw new IllegalStateException("the engine belongs to the thread " + thread.getName() + ", was called by "
                    + Thread.currentThread().getName() + ": open one engine for each thread");
        }
    }

    boolean isClosed() {
        return closed;
    }

    /**
     * Refuses every call from now on.
     *
     * @return whether it was open
     */
    boolean close() {
        if (closed) {
            return false;
        }
        thread();
        closed = true;
        return true;
    }

    /** Refuses a tensor of another engine. */
    @SuppressWarnings("ReferenceEquality") // the very engine that made it, whatever equals says
    void made(String what, Tensor tensor) {
        if (tensor.owner() != owner) {
            throw new IllegalArgumentException(what + ", a tensor of " + tensor.shape()
                    + ", belongs to another engine: make it with the engine that uses it");
        }
    }

    /** Refuses a tensor of another engine, and one that was released. */
    void held(String what, Tensor tensor) {
        made(what, tensor);
        if (!tensor.held()) {
            throw new IllegalArgumentException(what + ", a tensor of " + tensor.shape() + ", was released before");
        }
    }

    /** Refuses besides a tensor without values, over which there is nothing to compute. */
    void own(String what, Tensor tensor) {
        held(what, tensor);
        if (tensor.shape().elements() == 0) {
            throw new IllegalArgumentException(
                    what + ", a tensor of " + tensor.shape() + ", is empty: expected at least one value");
        }
    }

    /** An activation: images in the engine's own order, as convolutions give them. */
    void activation(String what, Tensor images) {
        own(what, images);
        if (images.shape().rank() != 4 || images.layout() != Tensor.Layout.ENGINE) {
            throw new IllegalArgumentException(
                    what + " must be an activation N×C×H×W that a convolution gave, got " + described(images));
        }
    }

    void activation(String what, Shape shape, Tensor images) {
        activation(what, images);
        shape(what, shape, images);
    }

    /** What elementwise operations take: activations or matrices. */
    void elementwise(String what, Tensor tensor) {
        own(what, tensor);
        int rank = tensor.shape().rank();
        if (rank != 2 && rank != 4) {
            throw new IllegalArgumentException(what + " must be a matrix or images N×C×H×W, got " + described(tensor));
        }
    }

    void rowMajor(String what, Tensor tensor) {
        own(what, tensor);
        if (tensor.layout() != Tensor.Layout.ROW_MAJOR) {
            throw new IllegalArgumentException(what + " must be row-major, got " + described(tensor));
        }
        if (tensor.shape().rank() == 0) {
            throw new IllegalArgumentException(what + " must have an axis, got " + described(tensor));
        }
    }

    /** A row-major matrix. */
    void matrix(String what, Tensor matrix) {
        own(what, matrix);
        if (matrix.shape().rank() != 2 || matrix.layout() != Tensor.Layout.ROW_MAJOR) {
            throw new IllegalArgumentException(what + " must be a matrix, got " + described(matrix));
        }
    }

    void matrix(String what, Shape shape, Tensor matrix) {
        matrix(what, matrix);
        shape(what, shape, matrix);
    }

    static void shape(String what, Shape expected, Tensor actual) {
        if (!actual.shape().equals(expected)) {
            throw new IllegalArgumentException(what + " must be " + expected + ", got " + actual.shape());
        }
    }

    static String described(Tensor tensor) {
        return (tensor.layout() == Tensor.Layout.ENGINE ? "an activation of " : "row-major values of ")
                + tensor.shape();
    }
}
