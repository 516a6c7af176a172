package dev.palimpsest.checkpoint;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;

import dev.palimpsest.checkpoint.AccuracyRecorder.Right;
import dev.palimpsest.kernel.ClassRange;
import org.junit.jupiter.api.Test;

class AccuracyRecorderTest {
    private static final ClassRange FIRST = new ClassRange(0, 2);
    private static final ClassRange SECOND = new ClassRange(2, 3);
    private static final ClassRange ALL = new ClassRange(0, 3);

    /** Classes 0 and 1, then class 2; answers written out by hand. */
    @Test
    void everyAnswerIsCountedUnderItsClass() {
        AccuracyRecorder recorder = new AccuracyRecorder(new int[] {4, 2});
        recorder.add(new Right[] {Right.count(answers(0, 1, 1, 0), new int[] {0, 0, 1, 1}, FIRST, FIRST)});
        assertArrayEquals(new int[][] {{1, 1}, {1, 1}}, recorder.confusion());
        Right old = Right.count(answers(0, 2, 1, 2), new int[] {0, 0, 1, 1}, ALL, FIRST);
        Right young = Right.count(answers(1, 2), new int[] {2, 2}, ALL, SECOND);
        recorder.add(new Right[] {old, young});
        int[][] confusion = recorder.confusion();
        assertArrayEquals(new int[][] {{1, 0, 1}, {0, 1, 1}, {0, 1, 1}}, confusion);
        assertEquals(
                confusion[0][0] + confusion[1][1], recorder.accuracy().right(1, 0), "the diagonal is what is right");
        assertEquals(confusion[2][2], recorder.accuracy().right(1, 1));
        confusion[0][0] = 7;
        assertEquals(1, recorder.confusion()[0][0], "a copy");
    }

    private static double[][] answers(int... answers) {
        double[][] scores = new double[answers.length][3];
        for (int i = 0; i < answers.length; i++) {
            scores[i][answers[i]] = 1;
        }
        return scores;
    }
}
