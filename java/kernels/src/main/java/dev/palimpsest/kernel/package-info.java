/**
 * The fused kernels of continual learning, over arrays and off-heap memory, for any stack on the JVM.
 *
 * <ul>
 *   <li>{@link dev.palimpsest.kernel.MultiTeacherKl}: distillation of logits from several teachers at once, M2KD's and
 *       MLKD's losses among them;
 *   <li>{@link dev.palimpsest.kernel.FeatureMse}: distillation of features;
 *   <li>{@link dev.palimpsest.kernel.SnapshotReconstruction}: an earlier model's weights out of the current ones.
 * </ul>
 *
 * <p>Each exists in plain Java, which is its specification, and in C++ for three instruction sets;
 * {@link dev.palimpsest.kernel.Kernels} says which runs. All give the same bits, for any number of threads.
 *
 * <p>Matrices are float32, row-major and dense: a row begins where the last one ended. Rows with gaps are for the C
 * interface (palimpsest.h) and for the kernels on a GPU, which take a stride; here they would let a gradient lie
 * between the rows of its inputs, which no check of whole ranges of memory can distinguish from overlap.
 *
 * <p>Sizes, ranges and memory are checked before anything reaches C, and what is wrong is reported with its values.
 * Losses are float64. An instance may be called by any thread, by one at a time, and shares its work with as many
 * threads as it was made for. Memory that is closed while a call runs makes the call fail, or refuses to be closed.
 *
 * <p>Knows nothing of tensors, networks or training, and needs no jar but palimpsest-native.
 */
package dev.palimpsest.kernel;
