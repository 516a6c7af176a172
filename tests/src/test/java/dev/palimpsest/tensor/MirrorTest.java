package dev.palimpsest.tensor;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/** Whoever reads gets what was written last, wherever that was, and nothing is copied that need not be. */
class MirrorTest {
    private final Arena arena = Arena.ofConfined();
    private final Mirror mirror = new Mirror(arena.allocate(8, 64));
    private final List<String> moves = new ArrayList<>();

    @AfterEach
    void close() {
        arena.close();
    }

    @Test
    void anArrayIsRefused() {
        assertEquals(
                "values that engines share must be off-heap, got an array of 8 bytes: allocate them in an Arena",
                assertThrows(IllegalArgumentException.class, () -> new Mirror(MemorySegment.ofArray(new float[2])))
                        .getMessage());
    }

    private final class Device extends Mirror.DeviceCopy {
        private final String name;
        private final float[] values = {Float.NaN, Float.NaN};

        Device(String name) {
            super(mirror);
            this.name = name;
        }

        @Override
        protected void renew(MemorySegment host) {
            moves.add("to " + name);
            MemorySegment.copy(host, JAVA_FLOAT, 0, values, 0, 2);
        }

        @Override
        protected void download(MemorySegment host) {
            moves.add("from " + name);
            MemorySegment.copy(values, 0, host, JAVA_FLOAT, 0, 2);
        }

        @Override
        protected void clear() {
            moves.add("clear " + name);
            values[0] = 0;
            values[1] = 0;
        }

        @Override
        protected void free() {
            moves.add("free " + name);
        }

        void write(float first, float second) {
            update();
            values[0] = first;
            values[1] = second;
        }
    }

    private void write(float first, float second) {
        mirror.update().copyFrom(MemorySegment.ofArray(new float[] {first, second}));
    }

    private void requireHost(float first, float second) {
        assertArrayEquals(new float[] {first, second}, mirror.read().toArray(JAVA_FLOAT));
    }

    private void requireMoves(String... expected) {
        assertEquals(List.of(expected), moves);
        moves.clear();
    }

    @Test
    void packedCopiesAreRenewedOnlyAfterAChange() {
        CountedCopy copy = new CountedCopy(mirror);
        write(1, 2);
        assertArrayEquals(new float[] {1, 2}, copy.values());
        requireHost(1, 2);
        assertEquals(1, copy.renewals(), "reading is no change");
        write(3, 4);
        assertArrayEquals(new float[] {3, 4}, copy.values());
        Device device = new Device("a");
        device.write(5, 6);
        assertArrayEquals(new float[] {5, 6}, copy.values());
        mirror.clear();
        assertArrayEquals(new float[] {0, 0}, copy.values());
        assertEquals(4, copy.renewals());
    }

    @Test
    void valuesMoveOnlyWhenTheOtherSideWantsThem() {
        write(1, 2);
        Device device = new Device("a");
        device.read();
        device.read();
        requireMoves("to a");
        device.write(3, 4);
        device.write(5, 6);
        requireMoves();
        requireHost(5, 6);
        requireHost(5, 6);
        device.read();
        requireMoves("from a");
        write(7, 8);
        device.read();
        assertArrayEquals(new float[] {7, 8}, device.values);
        requireMoves("to a");
    }

    @Test
    void twoDevicesSeeEachOthersValues() {
        Device a = new Device("a");
        Device b = new Device("b");
        a.write(1, 2);
        b.read();
        assertArrayEquals(new float[] {1, 2}, b.values);
        b.write(3, 4);
        a.read();
        assertArrayEquals(new float[] {3, 4}, a.values);
        requireHost(3, 4);
        requireMoves("to a", "from a", "to b", "from b", "to a");
    }

    @Test
    void zerosAreMadeWhereTheValuesAre() {
        write(1, 2);
        mirror.clear();
        requireHost(0, 0);
        Device device = new Device("a");
        device.write(3, 4);
        mirror.clear();
        requireMoves("to a", "clear a");
        requireHost(0, 0);
        requireMoves("from a");
        write(5, 6);
        mirror.clear();
        requireMoves();
        device.read();
        assertArrayEquals(new float[] {0, 0}, device.values);
    }

    @Test
    void anEngineThatClosesBringsValuesHomeAndIsNotAskedAgain() {
        Device device = new Device("a");
        device.write(3, 4);
        device.detach();
        requireMoves("to a", "from a");
        requireHost(3, 4);
        mirror.clear();
        requireHost(0, 0);
        mirror.forget();
        requireMoves();
    }

    @Test
    void whatIsForgottenIsFreedAndNotBroughtHome() {
        Device device = new Device("a");
        device.write(3, 4);
        mirror.forget();
        device.detach();
        requireMoves("to a", "free a");
    }

    @Test
    void whoeverOnlyReadsCannotWrite() {
        assertTrue(mirror.read().isReadOnly());
        assertThrows(RuntimeException.class, () -> mirror.read().setAtIndex(JAVA_FLOAT, 0, 1));
    }
}
