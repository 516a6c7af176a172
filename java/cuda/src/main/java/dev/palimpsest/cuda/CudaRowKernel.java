package dev.palimpsest.cuda;

import dev.palimpsest.cuda.CudaException.Kind;
import dev.palimpsest.cuda.DeviceMatrix.ElementType;
import dev.palimpsest.kernel.ffi.NativeLibrary;
import dev.palimpsest.kernel.ffi.NativeStruct;
import dev.palimpsest.kernel.ffi.NativeStruct.Field;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.Arrays;

/**
 * What the kernels over rows share on the device: tables of the teachers, written by a kernel that carries them in its
 * arguments and only when they change; row losses; the argument struct with the fields that both have; the mean of the
 * rows' losses in row order.
 */
abstract class CudaRowKernel implements AutoCloseable {
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
    private final NativeStruct struct;
    private final ArgumentBlock arguments;
    private final MemorySegment args; // the struct among them
    private final ArgumentBlock tableArguments;
    private final MemorySegment words; // of one launch of the table's kernel
    private final ArgumentBlock meanArguments;
    private final long[] written; // addresses and strides of the teachers that the tables hold
    private final Field rowsField;
    private final Field studentField;
    private final Field studentStrideField;
    private final Field weightField;
    private final Field weightStrideField;
    private final Field gradientField;
    private final Field gradientStrideField;
    private final LaunchPlan plan;
    private boolean closed;

    /**
     * @param kernel as in the kernels' names
     * @param planSizes how many sizes its plan depends on
     * @param variantNames by number of palimpsest_cuda_variant
     */
    CudaRowKernel(
            CudaDevice device,
            CudaStream stream,
            String kernel,
            int planSizes,
            String[] variantNames,
            int maxRows,
            int columns,
            int[] teacherColumns,
            ElementType type) {
        plan = new LaunchPlan(kernel, planSizes);
        this.device = device;
        this.stream = stream;
        this.maxRows = maxRows;
        this.columns = columns;
        this.teacherColumns = teacherColumns;
        this.type = type;
        variants = new CudaKernel[variantNames.length];
        Arrays.setAll(variants, v -> device.kernel(kernel + "_" + variantNames[v] + "_" + type.label()));
        table = device.kernel("row_loss_table");
        mean = device.kernel("row_loss_mean");
        tableArguments = new ArgumentBlock(table);
        words = tableArguments.struct(0);
        meanArguments = new ArgumentBlock(mean);
        struct = NativeLibrary.struct("palimpsest_" + kernel + "_args");
        arguments = new ArgumentBlock(variants[0]);
        args = arguments.struct(0);
        rowsField = struct.field("rows");
        studentField = struct.field("student");
        studentStrideField = struct.field("student_stride");
        weightField = struct.field("weight");
        weightStrideField = struct.field("weight_stride");
        gradientField = struct.field("gradient");
        gradientStrideField = struct.field("gradient_stride");
        written = new long[2 * teacherColumns.length];
        rowLoss = device.memory().allocate(8L * maxRows, stream);
        try {
            tables = device.memory().allocate(8L * 4 * teacherColumns.length, stream);
        } catch (CudaException e) {
            rowLoss.close();
            throw e;
        }
        arguments.setAddress(1, rowLoss.address());
        meanArguments.setAddress(0, rowLoss.address());
        set("teachers", teacherColumns.length);
        set("teacher", tableAddress(0));
        set("teacher_stride", tableAddress(1));
    }

    /** A field of the argument struct, by its name in palimpsest.h. */
    final Field field(String name) {
        return struct.field(name);
    }

    final void set(String field, long value) {
        field(field).set(args, value);
    }

    final MemorySegment args() {
        return args;
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
    abstract boolean plan(int rows, LaunchPlan into);

    /** Fills the fields of the struct that both kernels have, and launches. */
    final void queue(
            int rows,
            DeviceMatrix student,
            DeviceMatrix[] teachers,
            DeviceMatrix weight,
            DeviceMatrix gradient,
            long loss) {
        check(rows, student, teachers, weight, gradient, loss);
        if (!plan(rows, plan)) {
            throw new CudaException(
                    Kind.LAUNCH,
                    "no launch is possible for " + rows + "×" + columns + " and " + teachers.length + " teachers with "
                            + sharedLimit() + " bytes of shared memory a block");
        }
        writeTeachers(teachers);
        rowsField.set(args, rows);
        studentField.set(args, student.address());
        studentStrideField.set(args, student.stride());
        weightField.set(args, weight.address());
        weightStrideField.set(args, weight.stride());
        gradientField.set(args, gradient.address());
        gradientStrideField.set(args, gradient.stride());
        variants[plan.variant()].launch(stream, plan, arguments);
        meanArguments.setLong(1, rows);
        meanArguments.setAddress(2, loss);
        mean.launch(stream, meanArguments);
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

    private void writeWords(long target, long[] values) {
        int most = Math.toIntExact(words.byteSize() / Long.BYTES);
        for (int begin = 0; begin < values.length; begin += most) {
            int count = Math.min(most, values.length - begin);
            MemorySegment.copy(values, begin, words, ValueLayout.JAVA_LONG, 0, count);
            tableArguments.setAddress(1, target + (long) Long.BYTES * begin);
            tableArguments.setLong(2, count);
            table.launch(stream, tableArguments);
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
