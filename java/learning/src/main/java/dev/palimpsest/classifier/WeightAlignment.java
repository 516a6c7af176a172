package dev.palimpsest.classifier;

import dev.palimpsest.classifier.ClassifierType.Fitting;
import dev.palimpsest.kernel.ClassRange;
import dev.palimpsest.tensor.Safetensors;

/**
 * Weight alignment, WA (Zhao et al., CVPR 2020): the weights of the newest classes times the mean length of the older
 * classes' weights over that of their own; biases stay. There the aligned head also trains on and teaches; here it
 * classifies alone, since a head that is shortened after every experience hurt what came next. It mends heads whose
 * newest rows are longest, as when exemplars are mixed among many more new images; where half of every batch is
 * exemplars it may lengthen them.
 */
record WeightAlignment() implements ClassifierType {
    static final String NAME = "weight-alignment";

    @Override
    public String name() {
        return NAME;
    }

    @Override
    public Classifier fit(Fitting after) {
        return aligned(LinearHead.of(after.network().classifier()), after.newest());
    }

    @Override
    public Classifier read(Safetensors file, String prefix) {
        return LinearHead.read(file, prefix);
    }

    /** The head itself while there are no older classes. */
    static LinearHead aligned(LinearHead head, ClassRange newest) {
        if (newest.begin() == 0) {
            return head;
        }
        double older = meanLength(head.matrix(), 0, newest.begin());
        double factor = older / meanLength(head.matrix(), newest.begin(), newest.end());
        double[][] aligned = head.copy();
        for (int d = 0; d < head.dimensions(); d++) {
            for (int c = newest.begin(); c < newest.end(); c++) {
                aligned[d][c] *= factor;
            }
        }
        return new LinearHead(aligned);
    }

    private static double meanLength(double[][] rows, int begin, int end) {
        double sum = 0;
        for (int c = begin; c < end; c++) {
            double squares = 0;
            for (int d = 0; d < rows.length - 1; d++) {
                squares += rows[d][c] * rows[d][c];
            }
            sum += Math.sqrt(squares);
        }
        return sum / (end - begin);
    }
}
