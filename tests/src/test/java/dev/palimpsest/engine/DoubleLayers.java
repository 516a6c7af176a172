package dev.palimpsest.engine;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;

import dev.palimpsest.tensor.Parameter;
import java.util.HashMap;
import java.util.Map;

/** The definitions of the layers as loops in double precision, with parameter values that a test may move. */
public class DoubleLayers implements Layers<DoubleLayers.Images> {
    /** Row-major values of [n, channels, height, width]. */
    public record Images(int n, int channels, int height, int width, double[] values) {
        double at(int image, int channel, int y, int x) {
            boolean inside = y >= 0 && y < height && x >= 0 && x < width;
            return inside ? values[((image * channels + channel) * height + y) * width + x] : 0;
        }

        static Images zeros(int n, int channels, int height, int width) {
            return new Images(n, channels, height, width, new double[n * channels * height * width]);
        }
    }

    private final Map<Parameter, double[]> values = new HashMap<>();

    /** The parameter's values, which may be changed. */
    public double[] values(Parameter parameter) {
        return values.computeIfAbsent(parameter, p -> doubles(p.toArray()));
    }

    public static double[] doubles(float[] values) {
        double[] wide = new double[values.length];
        for (int i = 0; i < wide.length; i++) {
            wide[i] = values[i];
        }
        return wide;
    }

    @Override
    public Images convolution(Images images, Parameter weight, Convolution g) {
        double[] w = values(weight);
        int height = (images.height + 2 * g.padding() - g.kernel()) / g.stride() + 1;
        int width = (images.width + 2 * g.padding() - g.kernel()) / g.stride() + 1;
        Images result = Images.zeros(images.n, g.outputs(), height, width);
        int at = 0;
        for (int n = 0; n < images.n; n++) {
            for (int o = 0; o < g.outputs(); o++) {
                for (int y = 0; y < height; y++) {
                    for (int x = 0; x < width; x++) {
                        result.values[at++] =
                                window(images, n, y * g.stride() - g.padding(), x * g.stride() - g.padding(), w, o, g);
                    }
                }
            }
        }
        return result;
    }

    private static double window(Images images, int n, int top, int left, double[] w, int o, Convolution g) {
        double sum = 0;
        for (int i = 0; i < g.inputs(); i++) {
            for (int ky = 0; ky < g.kernel(); ky++) {
                for (int kx = 0; kx < g.kernel(); kx++) {
                    sum += images.at(n, i, top + ky, left + kx)
                            * w[((o * g.inputs() + i) * g.kernel() + ky) * g.kernel() + kx];
                }
            }
        }
        return sum;
    }

    @Override
    public Images batchNorm(Images images, BatchNorm norm, boolean relu, boolean frozen) {
        Images result = Images.zeros(images.n, images.channels, images.height, images.width);
        int positions = images.height * images.width;
        for (int c = 0; c < images.channels; c++) {
            double mean = norm.runningMean().read().getAtIndex(JAVA_FLOAT, c);
            double variance = norm.runningVariance().read().getAtIndex(JAVA_FLOAT, c);
            if (!frozen) {
                mean = 0;
                variance = 0;
                for (int i = 0; i < images.n * positions; i++) {
                    mean += images.values[index(images, c, positions, i)] / (images.n * positions);
                }
                for (int i = 0; i < images.n * positions; i++) {
                    double d = images.values[index(images, c, positions, i)] - mean;
                    variance += d * d / (images.n * positions);
                }
            }
            for (int i = 0; i < images.n * positions; i++) {
                int at = index(images, c, positions, i);
                double y = (images.values[at] - mean) / Math.sqrt(variance + 1e-5) * values(norm.scale())[c]
                        + values(norm.shift())[c];
                result.values[at] = relu ? Math.max(y, 0) : y;
            }
        }
        return result;
    }

    /** Where the i-th value of channel c lies, image by image. */
    private static int index(Images images, int c, int positions, int i) {
        return (i / positions * images.channels + c) * positions + i % positions;
    }

    @Override
    public Images addRelu(Images a, Images b) {
        return relu(add(a, b));
    }

    @Override
    public Images add(Images a, Images b) {
        Images result = Images.zeros(a.n, a.channels, a.height, a.width);
        for (int i = 0; i < a.values.length; i++) {
            result.values[i] = a.values[i] + b.values[i];
        }
        return result;
    }

    @Override
    public Images relu(Images x) {
        Images result = Images.zeros(x.n, x.channels, x.height, x.width);
        for (int i = 0; i < x.values.length; i++) {
            result.values[i] = Math.max(x.values[i], 0);
        }
        return result;
    }

    @Override
    public Images flatten(Images images) {
        return new Images(images.n, images.channels * images.height * images.width, 1, 1, images.values);
    }

    @Override
    public Images averagePool(Images images) {
        Images result = Images.zeros(images.n, images.channels, 1, 1);
        int positions = images.height * images.width;
        for (int i = 0; i < images.values.length; i++) {
            result.values[i / positions] += images.values[i] / positions;
        }
        return result;
    }

    @Override
    public Images maxPool(Images images, MaxPooling g) {
        int height = (images.height + 2 * g.padding() - g.kernel()) / g.stride() + 1;
        int width = (images.width + 2 * g.padding() - g.kernel()) / g.stride() + 1;
        Images result = Images.zeros(images.n, images.channels, height, width);
        for (int i = 0; i < result.values.length; i++) {
            int plane = i / (height * width);
            int top = i / width % height * g.stride() - g.padding();
            int left = i % width * g.stride() - g.padding();
            double largest = Double.NEGATIVE_INFINITY;
            for (int y = Math.max(0, top); y < Math.min(images.height, top + g.kernel()); y++) {
                for (int x = Math.max(0, left); x < Math.min(images.width, left + g.kernel()); x++) {
                    largest = Math.max(largest, images.values[(plane * images.height + y) * images.width + x]);
                }
            }
            result.values[i] = largest;
        }
        return result;
    }

    @Override
    public Images linear(Images input, Parameter weight, Parameter bias) {
        int outputs = bias.size();
        Images result = Images.zeros(input.n, outputs, 1, 1);
        for (int i = 0; i < result.values.length; i++) {
            result.values[i] = values(bias)[i % outputs];
            for (int c = 0; c < input.channels; c++) {
                result.values[i] += input.values[i / outputs * input.channels + c]
                        * values(weight)[i % outputs * input.channels + c];
            }
        }
        return result;
    }
}
