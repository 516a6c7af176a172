package dev.palimpsest.cuda;

import dev.palimpsest.cuda.CudaException.Kind;
import dev.palimpsest.kernel.ffi.NativeLibrary;
import java.util.Arrays;

/**
 * What the kernels over rows share on the device: tables of the teachers, written by a kernel that carries them in its
 * arguments and only when they change; row losses; the argument struct; the mean of the rows' losses in row order.
 */
abstract class CudaRowKernel implements AutoCloseable {
    private static final String MEAN = "row_loss";
    private static final int WORDS_A_LAUNCH = 64;

    private final CudaDevice device;
    private final CudaStream stream;
    private final int maxRows;
    private final int columns;
    private final int[] teacherColumns;
    private final ElementType type;
    private final CudaKernel[] variants;
    private final CudaKernel table;
    private final CudaKernel mean;
    private final DeviceBuffer tables;
    private final DeviceBuffer rowLoss;
    private final CudaArguments arguments;
    private final CudaArguments tableArguments = new CudaArguments(8 * WORDS_A_LAUNCH, 8, 8);
    private final CudaArguments meanArguments = new CudaArguments(8, 8, 8);
    private final long[] written; // addresses and strides of the teachers that the tables hold
    private final LaunchShape shape = new LaunchShape();
    private boolean closed;

    /**
     * @param fields of the struct of palimpsest.h
     * @param kernel as in the kernels' names
     * @param variantNames by number of palimpsest_cuda_variant
     */
    CudaRowKernel(
            CudaDevice device,
            CudaStream stream,
            int fields,
            String kernel,
            String[] variantNames,
            int maxRows,
            int columns,
            int[] teacherColumns,
            ElementType type) {
        if (!NativeLibrary.isLoaded()) {
            throw new CudaException(
                    Kind.UNAVAILABLE,
                    "libpalimpsest, which knows how the CUDA kernels are launched, is not here: "
                            + NativeLibrary.description());
        }
        this.device = device;
        this.stream = stream;
        this.maxRows = maxRows;
        this.columns = columns;
        this.teacherColumns = teacherColumns;
        this.type = type;
        variants = new CudaKernel[variantNames.length];
        Arrays.setAll(
                variants,
                v -> device.kernel(kernel, "palimpsest_cuda_" + kernel + "_" + variantNames[v] + "_" + type.label()));
        table = device.kernel(MEAN, "palimpsest_cuda_row_loss_table");
        mean = device.kernel(MEAN, "palimpsest_cuda_row_loss_mean");
        arguments = new CudaArguments(8 * fields, 8);
        written = new long[2 * teacherColumns.length];
        rowLoss = device.memory().allocate(8L * maxRows, stream);
        try {
            tables = device.memory().allocate(8L * 4 * teacherColumns.length, stream);
        } catch (CudaException e) {
            rowLoss.close();
            throw e;
        }
        arguments.set(1, rowLoss.address());
        meanArguments.set(0, rowLoss.address());
    }

    final CudaArguments arguments() {
        return arguments;
    }

    final int sharedLimit() {
        return device.info().sharedBytes();
    }

    final int teachers() {
        return teacherColumns.length;
    }

    /** Of table 0 to 3: the teachers' addresses, their strides, and two of the kernel's own; a word a teacher. */
    final long tableAddress(int which) {
        return tables.address() + 8L * which * teachers();
    }

    /** Queues the writing of one of the kernel's own tables. */
    final void writeTable(int which, int[] values) {
        writeWords(tableAddress(which), Arrays.stream(values).asLongStream().toArray());
    }

    /** Asks libpalimpsest for the launch of that many rows. */
    abstract boolean launchShape(int rows, LaunchShape into);

    /**
     * Fills the struct: weight and gradient with their strides are its last four fields, student and teachers the four
     * given here.
     */
    final void queue(
            int rows,
            int inputs,
            int outputs,
            DeviceMatrix student,
            DeviceMatrix[] teachers,
            DeviceMatrix weight,
            DeviceMatrix gradient,
            long loss) {
        check(rows, student, teachers, weight, gradient, loss);
        if (!launchShape(rows, shape)) {
            throw new CudaException(
                    Kind.LAUNCH,
                    "no launch is possible for " + rows + "×" + columns + " and " + teachers.length + " teachers with "
                            + sharedLimit() + " bytes of shared memory a block");
        }
        writeTeachers(teachers);
        arguments.field(0, 0, (long) rows);
        arguments.field(0, inputs, student.address());
        arguments.field(0, inputs + 1, student.stride());
        arguments.field(0, inputs + 2, tableAddress(0));
        arguments.field(0, inputs + 3, tableAddress(1));
        arguments.field(0, outputs, weight.address());
        arguments.field(0, outputs + 1, weight.stride());
        arguments.field(0, outputs + 2, gradient.address());
        arguments.field(0, outputs + 3, gradient.stride());
        variants[shape.variant()].launch(stream, shape.blocks(), shape.threads(), shape.sharedBytes(), arguments);
        meanArguments.set(1, (long) rows);
        meanArguments.set(2, loss);
        mean.launch(stream, 1, 32, 0, meanArguments);
    }

    private void writeTeachers(DeviceMatrix[] teachers) {
        boolean same = true;
        for (int k = 0; k < teachers.length; k++) {
            same &= written[k] == teachers[k].address() && written[teachers.length + k] == teachers[k].stride();
            written[k] = teachers[k].address();
            written[teachers.length + k] = teachers[k].stride();
        }
        if (!same) {
            writeWords(tableAddress(0), written);
        }
    }

    private void writeWords(long target, long[] words) {
        for (int begin = 0; begin < words.length; begin += WORDS_A_LAUNCH) {
            int count = Math.min(WORDS_A_LAUNCH, words.length - begin);
            for (int i = 0; i < count; i++) {
                tableArguments.field(0, i, words[begin + i]);
            }
            tableArguments.set(1, target + 8L * begin);
            tableArguments.set(2, (long) count);
            table.launch(stream, 1, WORDS_A_LAUNCH, 0, tableArguments);
        }
    }

    private void check(
            int rows,
            DeviceMatrix student,
            DeviceMatrix[] teachers,
            DeviceMatrix weight,
            DeviceMatrix gradient,
            long loss) {
        if (closed) {
            throw new IllegalStateException("this kernel is closed");
        }
        if (rows < 1 || rows > maxRows) {
            throw new IllegalArgumentException(
                    "rows " + rows + ": expected 1 to " + maxRows + ", the most this kernel was made for");
        }
        if (teachers.length != teacherColumns.length) {
            throw new IllegalArgumentException(
                    "got " + teachers.length + " teachers, expected " + teacherColumns.length);
        }
        check("student", -1, student, columns, Float.BYTES);
        check("gradient", -1, gradient, columns, Float.BYTES);
        if (teachers.length > 0) {
            check("weight", -1, weight, teachers.length, Float.BYTES);
        }
        for (int k = 0; k < teachers.length; k++) {
            check("teacher", k, teachers[k], teacherColumns[k], type.bytes());
        }
        if (loss == 0 || loss % Double.BYTES != 0) {
            throw new IllegalArgumentException("loss at device address " + loss + ": expected one of 8 aligned bytes");
        }
    }

    /** The text is made only when it is needed: calls allocate nothing. */
    private static void check(String name, int k, DeviceMatrix matrix, int columns, int elementBytes) {
        if (matrix.address() == 0 || matrix.address() % elementBytes != 0 || matrix.stride() < columns) {
            throw new IllegalArgumentException(name + (k < 0 ? "" : " " + k) + " at device address " + matrix.address()
                    + " with stride " + matrix.stride() + ": expected an address aligned to " + elementBytes
                    + " bytes and a stride of at least " + columns);
        }
    }

    /** Gives its device memory back; queued work is not disturbed. */
    @Override
    public final void close() {
        if (!closed) {
            closed = true;
            tables.close();
            rowLoss.close();
        }
    }
}
