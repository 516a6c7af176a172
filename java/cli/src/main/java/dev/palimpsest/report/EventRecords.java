package dev.palimpsest.report;

import static java.nio.charset.StandardCharsets.UTF_8;

import java.io.ByteArrayOutputStream;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.Map;
import java.util.zip.CRC32C;

/**
 * TensorBoard's Event messages (protocol buffers, event.proto and summary.proto) as TFRecords: length, checksum of the
 * length, message, checksum of the message. Not thread-safe.
 */
final class EventRecords {
    /** Fields of Event. */
    private static final int WALL_TIME = 1;

    private static final int STEP = 2;
    private static final int FILE_VERSION = 3;
    private static final int SUMMARY = 5;
    private static final int SESSION_LOG = 7;

    /** Fields of Summary and of its Value. */
    private static final int VALUE = 1;

    private static final int TAG = 1;
    private static final int SIMPLE_VALUE = 2;

    /** Field of SessionLog, and its value START: events of this step and later ones, in earlier files, do not count. */
    private static final int STATUS = 1;

    private static final int START = 1;

    private final ByteArrayOutputStream records = new ByteArrayOutputStream();

    /** The record that every file begins with. */
    void version(double seconds) {
        add(event(seconds, 0).bytes(FILE_VERSION, "brain.Event:2".getBytes(UTF_8)));
    }

    /** A session begins before so many steps. */
    void start(double seconds, long step) {
        add(event(seconds, step)
                .bytes(SESSION_LOG, new Message().varint(STATUS, START).toBytes()));
    }

    /** Values by tag, each rounded to float32. */
    void values(double seconds, long step, Map<String, Double> values) {
        Message summary = new Message();
        values.forEach((tag, value) -> summary.bytes(
                VALUE,
                new Message()
                        .bytes(TAG, tag.getBytes(UTF_8))
                        .float32(SIMPLE_VALUE, value.floatValue())
                        .toBytes()));
        add(event(seconds, step).bytes(SUMMARY, summary.toBytes()));
    }

    private static Message event(double seconds, long step) {
        Message event = new Message().float64(WALL_TIME, seconds);
        return step == 0 ? event : event.varint(STEP, step); // a field of value 0 is left out
    }

    private void add(Message event) {
        byte[] message = event.toBytes();
        byte[] length = littleEndian(Long.BYTES).putLong(message.length).array();
        records.writeBytes(length);
        records.writeBytes(checksum(length));
        records.writeBytes(message);
        records.writeBytes(checksum(message));
    }

    /** CRC-32C, turned by 15 bits and moved, as a record of records would otherwise have checksums of checksums. */
    private static byte[] checksum(byte[] bytes) {
        CRC32C crc = new CRC32C();
        crc.update(bytes);
        return littleEndian(Integer.BYTES)
                .putInt(Integer.rotateRight((int) crc.getValue(), 15) + 0xa282ead8)
                .array();
    }

    private static ByteBuffer littleEndian(int bytes) {
        return ByteBuffer.allocate(bytes).order(ByteOrder.LITTLE_ENDIAN);
    }

    /** What was added since the last call. */
    byte[] take() {
        byte[] bytes = records.toByteArray();
        records.reset();
        return bytes;
    }

    /** Fields of a protocol buffer, one after another. */
    private static final class Message {
        /** How a field's value is laid out, in the low bits of its number. */
        private static final int VARINT = 0;

        private static final int FIXED_64 = 1;
        private static final int LENGTH = 2;
        private static final int FIXED_32 = 5;

        private final ByteArrayOutputStream out = new ByteArrayOutputStream();

        Message varint(int field, long value) {
            number(field << 3 | VARINT);
            number(value);
            return this;
        }

        Message float64(int field, double value) {
            number(field << 3 | FIXED_64);
            out.writeBytes(littleEndian(Double.BYTES).putDouble(value).array());
            return this;
        }

        Message float32(int field, float value) {
            number(field << 3 | FIXED_32);
            out.writeBytes(littleEndian(Float.BYTES).putFloat(value).array());
            return this;
        }

        Message bytes(int field, byte[] value) {
            number(field << 3 | LENGTH);
            number(value.length);
            out.writeBytes(value);
            return this;
        }

        /** Seven bits per byte, the lowest first. */
        private void number(long value) {
            long left = value;
            for (; left > 0x7f; left >>>= 7) {
                out.write((int) (left & 0x7f) | 0x80);
            }
            out.write((int) left);
        }

        byte[] toBytes() {
            return out.toByteArray();
        }
    }
}
