package dev.palimpsest.report;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;

import dev.palimpsest.train.Progress;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Clock;
import java.time.Instant;
import java.time.ZoneOffset;
import java.util.Base64;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.SequencedMap;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Event files are those that TensorBoard's own writer makes. */
class EventFileTest {
    /**
     * Of the events below, by tensorboard 2.21.0: RecordWriter.write(event_pb2.Event(wall_time=1700000000.25, step=…,
     * summary=…).SerializeToString()), after a file_version "brain.Event:2" and a session_log of status START.
     */
    private static final String GOLDEN = """
        GAAAAAAAAACjf0siCQAAEED8VNlBGg1icmFpbi5FdmVudDoyM40v6Q0AAAAAAAAAPDe4NAkAABBA/FTZQToCCAGMjlTNiQAAAAAA
        AAA0UapcCQAAEED8VNlBKn4KDwoIbG9zcy9hbGwVAABAPwoZChJsb3NzL2Nyb3NzLWVudHJvcHkVAAAAPwoOCgdsb3NzL2tsFQAA
        gD4KHQoWdHJhaW5pbmcvbGVhcm5pbmcgcmF0ZRXNzMw9CiEKGnRyYWluaW5nL2ltYWdlcyBwZXIgc2Vjb25kFQAAekR0EMfLYAAA
        AAAAAAAoIcbaCQAAEED8VNlBEAEqUwoPCghsb3NzL2FsbBUAAMB/Ch0KFnRyYWluaW5nL2xlYXJuaW5nIHJhdGUVAAAAAAohChp0
        cmFpbmluZy9pbWFnZXMgcGVyIHNlY29uZBUoa25OuAYRNJkAAAAAAAAAiFnRSwkAABBA/FTZQRACKosBCiAKGWFjY3VyYWN5L2Fs
        bCBjbGFzc2VzIHNlZW4VAABgPwolCh5hY2N1cmFjeS93aXRoaW4gdGhlIGV4cGVyaWVuY2UVAACAPwofChhhY2N1cmFjeSBvZiBl
        eHBlcmllbmNlLzEVAABAPwofChhhY2N1cmFjeSBvZiBleHBlcmllbmNlLzIVAACAP+xWXUo=
        """;

    private static final Clock CLOCK = Clock.fixed(Instant.ofEpochMilli(1_700_000_000_250L), ZoneOffset.UTC);

    @TempDir
    private Path folder;

    @Test
    void bytesAreThoseOfTensorBoardsWriter() throws IOException {
        SequencedMap<String, Double> terms = new LinkedHashMap<>();
        terms.put("cross-entropy", 0.5);
        terms.put("kl", 0.25);
        try (EventFile events = new EventFile(folder, CLOCK)) {
            events.resumes(0);
            events.step(new Progress.Step(0, "train", 0, 0, 0.75, terms, 0.1, 1000));
            events.step(new Progress.Step(1, "train", 0, 0, Double.NaN, new LinkedHashMap<>(), 0, 1e9));
            events.evaluated(new Progress.Evaluation(1, List.of(0.75, 1.0), 0.875, 1, new int[0][]));
        }
        assertArrayEquals(Base64.getMimeDecoder().decode(GOLDEN), Files.readAllBytes(files().getFirst()));
    }

    /** Whose steps.csv kept three steps: a second file begins there, and says so. */
    @Test
    void aRunThatGoesOnCountsItsStepsOn() throws IOException {
        try (EventFile events = new EventFile(folder, CLOCK)) {
            events.resumes(0);
        }
        Files.writeString(folder.resolve("steps.csv"), "header\n1\n2\n3\n");
        try (EventFile events = new EventFile(folder, CLOCK)) {
            events.resumes(1);
            events.step(new Progress.Step(1, "train", 0, 0, 1, new LinkedHashMap<>(), 1, 1));
        }
        List<Path> files = files();
        assertEquals(
                List.of("events.out.tfevents.1700000000.palimpsest", "events.out.tfevents.1700000001.palimpsest"),
                files.stream().map(file -> file.getFileName().toString()).toList());
        ByteBuffer records =
                ByteBuffer.wrap(Files.readAllBytes(files.getLast())).order(ByteOrder.LITTLE_ENDIAN);
        records.position(8 + 4 + 24 + 4); // the version's
        assertEquals(8 + 1 + 2 + 4, records.getLong());
        records.position(records.position() + 4 + 9);
        assertArrayEquals(new byte[] {2 << 3, 3, 7 << 3 | 2, 2, 1 << 3, 1}, next(records, 6), "START at step 3");
        records.position(records.position() + 4 + 8 + 4 + 9);
        assertArrayEquals(new byte[] {2 << 3, 3}, next(records, 2), "the next step is number 3");
    }

    private static byte[] next(ByteBuffer records, int count) {
        byte[] bytes = new byte[count];
        records.get(bytes);
        return bytes;
    }

    private List<Path> files() throws IOException {
        try (Stream<Path> files = Files.list(folder)) {
            return files.filter(EventFile::isOne).sorted().toList();
        }
    }
}
