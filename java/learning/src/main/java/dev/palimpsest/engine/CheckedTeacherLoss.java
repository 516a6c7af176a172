package dev.palimpsest.engine;

import dev.palimpsest.tensor.Shape;
import dev.palimpsest.tensor.Tensor;
import java.util.List;

/** A kernel whose every use is checked before the device has it. */
final class CheckedTeacherLoss implements TeacherLoss {
    private final Lifetime lifetime;
    private final TeacherLoss backend;
    private final int maxRows;
    private final int columns;
    private final int[] teacherColumns;

    CheckedTeacherLoss(Guard guard, TeacherLoss backend, int maxRows, int columns, int[] teacherColumns) {
        lifetime = new Lifetime(guard, "the kernel is closed: make another one with the engine");
        this.backend = backend;
        this.maxRows = maxRows;
        this.columns = columns;
        this.teacherColumns = teacherColumns;
    }

    @Override
    public Loss of(Tensor student, List<Tensor> teachers, Tensor weights) {
        lifetime.enter();
        lifetime.guard().matrix("the student", student);
        int rows = student.shape().extent(0);
        if (student.shape().extent(1) != columns || rows < 1 || rows > maxRows) {
            throw new IllegalArgumentException("the student must have 1 to " + maxRows + " rows of " + columns
                    + " columns, got " + student.shape());
        }
        if (teachers.size() != teacherColumns.length) {
            throw new IllegalArgumentException(
                    "expected outputs of " + teacherColumns.length + " teachers, got " + teachers.size());
        }
        for (int k = 0; k < teacherColumns.length; k++) {
            lifetime.guard().matrix("the output of teacher " + k, Shape.of(rows, teacherColumns[k]), teachers.get(k));
        }
        if (teacherColumns.length == 0) {
            lifetime.guard().held("the weights of teachers", weights); // which are none
        } else {
            lifetime.guard().matrix("the weights of teachers", weights);
        }
        if (weights.shape().rank() != 2
                || weights.shape().extent(0) < rows
                || weights.shape().extent(1) != teacherColumns.length) {
            throw new IllegalArgumentException("the weights of teachers must be " + teacherColumns.length
                    + " in each of at least " + rows + " rows, got " + weights.shape());
        }
        return backend.of(student, teachers, weights);
    }

    @Override
    public void close() {
        if (lifetime.close()) {
            backend.close();
        }
    }
}
