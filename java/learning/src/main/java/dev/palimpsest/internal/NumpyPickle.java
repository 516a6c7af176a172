package dev.palimpsest.internal;

import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Set;
import net.razorvine.pickle.Opcodes;
import net.razorvine.pickle.PickleException;
import net.razorvine.pickle.PickleUtils;
import net.razorvine.pickle.Unpickler;
import org.jspecify.annotations.Nullable;

/**
 * Reads a Python pickle of dictionaries, lists, tuples, text, numbers and numpy arrays of whole numbers. A pickle is a
 * program; this runs the operations that build such data and refuses every other, so that no name but numpy's few
 * constructors ever means anything.
 *
 * <p>What comes out: Map, List, Object[] (a tuple), String, byte[], Number, Boolean, null, {@link Array}. Never hash or
 * compare what a file holds: lists that contain one another would take for ever.
 */
public final class NumpyPickle extends Unpickler {
    /**
     * An array of whole numbers in C order.
     *
     * @param shape extents, outermost first
     * @param type of an element
     * @param bytes of all elements, as the file has them; shared with other arrays of the same file
     */
    public record Array(List<Integer> shape, Type type, byte[] bytes) {
        /**
         * The number of elements.
         *
         * @return product of the extents
         */
        public int size() {
            return bytes.length / type.bytes;
        }

        /**
         * One element.
         *
         * @param index in C order, from 0
         * @return its value; of an unsigned one of 8 bytes the bits
         */
        public long at(int index) {
            return type.read(
                    ByteBuffer.wrap(bytes, index * type.bytes, type.bytes).order(type.order));
        }

        /**
         * Whether the bytes are the elements.
         *
         * @return whether elements are unsigned bytes
         */
        public boolean isOfUnsignedBytes() {
            return type.bytes == 1 && !type.signed;
        }
    }

    /** The names that may occur, and what stands for them until they are called. */
    private enum Name {
        RECONSTRUCT,
        NDARRAY,
        DTYPE,
        SCALAR,
        FROMBUFFER,
        ENCODE
    }

    private static final long SMALL = 1 << 20;

    private static final Map<String, Name> NAMES = Map.of(
            "_codecs encode",
            Name.ENCODE,
            "numpy ndarray",
            Name.NDARRAY,
            "numpy dtype",
            Name.DTYPE,
            "numpy.core.multiarray _reconstruct",
            Name.RECONSTRUCT,
            "numpy._core.multiarray _reconstruct",
            Name.RECONSTRUCT,
            "numpy.core.multiarray scalar",
            Name.SCALAR,
            "numpy._core.multiarray scalar",
            Name.SCALAR,
            "numpy.core.numeric _frombuffer",
            Name.FROMBUFFER,
            "numpy._core.numeric _frombuffer",
            Name.FROMBUFFER);

    /**
     * Operations on plain data, left to the library. Not among them: whatever makes objects, and whatever only
     * protocols 0 and 1 use.
     */
    private static final Set<Short> PLAIN = Set.of(
            Opcodes.PROTO,
            Opcodes.FRAME,
            Opcodes.STOP,
            Opcodes.MARK,
            Opcodes.MEMOIZE,
            Opcodes.BINPUT,
            Opcodes.LONG_BINPUT,
            Opcodes.BINGET,
            Opcodes.LONG_BINGET,
            Opcodes.NONE,
            Opcodes.NEWTRUE,
            Opcodes.NEWFALSE,
            Opcodes.BININT,
            Opcodes.BININT1,
            Opcodes.BININT2,
            Opcodes.LONG1,
            Opcodes.BINFLOAT,
            Opcodes.SHORT_BINUNICODE,
            Opcodes.BINUNICODE,
            Opcodes.SHORT_BINSTRING,
            Opcodes.SHORT_BINBYTES,
            Opcodes.BINBYTES,
            Opcodes.BINBYTES8,
            Opcodes.BYTEARRAY8,
            Opcodes.EMPTY_TUPLE,
            Opcodes.TUPLE,
            Opcodes.TUPLE1,
            Opcodes.TUPLE2,
            Opcodes.TUPLE3,
            Opcodes.EMPTY_LIST,
            Opcodes.APPEND,
            Opcodes.APPENDS,
            Opcodes.EMPTY_DICT);

    /** An element's type: a sign and a size, and the byte order once it is known. */
    public static final class Type {
        private final boolean signed;
        private final int bytes;
        private ByteOrder order = ByteOrder.LITTLE_ENDIAN;

        private Type(boolean signed, int bytes) {
            this.signed = signed;
            this.bytes = bytes;
        }

        private long read(ByteBuffer buffer) {
            return switch (bytes) {
                case 1 -> signed ? buffer.get() : Byte.toUnsignedLong(buffer.get());
                case 2 -> signed ? buffer.getShort() : Short.toUnsignedLong(buffer.getShort());
                case 4 -> signed ? buffer.getInt() : Integer.toUnsignedLong(buffer.getInt());
                default -> buffer.getLong();
            };
        }
    }

    /** An array that is not filled yet. */
    private static final class Unfilled {
        @Nullable
        Array array;
    }

    /** Bytes of elements that arrays may still have: a few bytes of a file can stand for one buffer again and again. */
    private long left;

    private NumpyPickle(int length) {
        left = Math.max(SMALL, 2L * length);
    }

    /**
     * Reads a whole pickle. Arrays in it may have up to twice the bytes of the file, or 1 MiB, all together.
     *
     * @param bytes of the file
     * @return Map, List, Object[] (a tuple), String, byte[], Number, Boolean, null or {@link Array}; elements are to be
     *     {@link #finished}
     * @throws IOException with the reason, if the bytes are not a whole pickle of such data
     */
    public static Object read(byte[] bytes) throws IOException {
        try {
            return finished(new NumpyPickle(bytes.length).loads(bytes));
        } catch (PickleException
                | IndexOutOfBoundsException
                | ClassCastException
                | NullPointerException
                | NegativeArraySizeException e) {
            // The library runs into the last four where an operation finds another operand, or none.
            throw new IOException(
                    e instanceof PickleException ? e.getMessage() : "an operation needs another operand than it finds",
                    e);
        }
    }

    /**
     * What an element stands for: arrays are filled after they have been put into lists.
     *
     * @param element of a list or dictionary that was read
     * @return the element, or the array that it has become
     * @throws IOException if the file never says what is in the array
     */
    public static Object finished(Object element) throws IOException {
        if (element instanceof Unfilled unfilled) {
            if (unfilled.array == null) {
                throw new IOException("an array is never filled");
            }
            return unfilled.array;
        }
        return element;
    }

    @Override
    protected Object dispatch(short key) throws IOException {
        switch (key) {
            case Opcodes.GLOBAL -> push(named(PickleUtils.readline(input), PickleUtils.readline(input)));
            case Opcodes.STACK_GLOBAL -> {
                String name = (String) stack.pop();
                push(named((String) stack.pop(), name));
            }
            case Opcodes.REDUCE -> {
                Object[] arguments = (Object[]) stack.pop();
                push(call(stack.pop(), arguments));
            }
            case Opcodes.BUILD -> {
                Object[] state = (Object[]) stack.pop();
                build(stack.peek(), state);
            }
            case Opcodes.BINSTRING -> push(string());
            case Opcodes.SETITEMS -> put(stack.pop_all_since_marker());
            case Opcodes.SETITEM -> {
                Object value = stack.pop();
                Object name = stack.pop();
                put(Arrays.asList(name, value));
            }
            default -> {
                if (!PLAIN.contains(key)) {
                    throw refused("operation 0x" + Integer.toHexString(key));
                }
                checkLength(key);
                return super.dispatch(key);
            }
        }
        return NO_RETURN_VALUE;
    }

    /** Python 2's text, which is bytes: an array's, where it is longer than 255. */
    private byte[] string() throws IOException {
        checkLength(Opcodes.BINSTRING);
        byte[] length = input.readNBytes(Integer.BYTES);
        return input.readNBytes(
                ByteBuffer.wrap(length).order(ByteOrder.LITTLE_ENDIAN).getInt());
    }

    private static byte[] bytes(Object value) {
        return value instanceof String text ? text.getBytes(StandardCharsets.ISO_8859_1) : (byte[]) value;
    }

    /** Text of Python 3, or of Python 2, which has bytes for it. */
    private static String text(Object value) {
        return value instanceof byte[] bytes ? new String(bytes, StandardCharsets.UTF_8) : (String) value;
    }

    private void push(Object value) {
        stack.add(value);
    }

    private static Name named(String module, String name) {
        Name known = NAMES.get(module + " " + name);
        if (known == null) {
            throw refused(Reason.brief((module + "." + name).replaceAll("\\p{Cntrl}", "?")));
        }
        return known;
    }

    private static PickleException refused(String what) {
        return new PickleException("it asks for " + what
                + ", which is none of the constructors and operations that numpy arrays in lists need");
    }

    private Object call(Object called, Object[] arguments) {
        if (!(called instanceof Name name)) {
            throw refused("a call of something that is no constructor");
        }
        return switch (name) {
            case RECONSTRUCT -> new Unfilled();
            case DTYPE -> type(text(arguments[0]));
            case SCALAR ->
                array((Type) arguments[0], new Object[0], bytes(arguments[1]), false)
                        .at(0);
            case FROMBUFFER ->
                array((Type) arguments[1], (Object[]) arguments[2], bytes(arguments[0]), arguments[3].equals("F"));
            case ENCODE -> encoded(arguments);
            case NDARRAY -> throw refused("numpy.ndarray as a call");
        };
    }

    /** How Python 3 writes bytes for Python 2. */
    private byte[] encoded(Object[] arguments) {
        if (!text(arguments[1]).equals("latin1")) {
            throw refused("the encoding " + arguments[1]);
        }
        byte[] bytes = bytes(arguments[0]);
        take(bytes.length);
        return bytes;
    }

    private void take(int bytes) {
        left -= bytes;
        if (left < 0) {
            throw new PickleException("its arrays have more bytes than twice the file: it repeats the same ones");
        }
    }

    private static Type type(String text) {
        boolean known = text.matches("[<>=|]?[iu][1248]");
        if (!known) {
            throw new PickleException(
                    "it holds elements of type " + text + ", expected whole numbers of 1, 2, 4 or 8 bytes");
        }
        String plain = text.substring(text.length() - 2);
        Type type = new Type(plain.startsWith("i"), plain.charAt(1) - '0');
        type.order = text.startsWith(">") ? ByteOrder.BIG_ENDIAN : ByteOrder.LITTLE_ENDIAN;
        return type;
    }

    /** numpy's states: (3, byte order, …) of a type, (1, shape, type, Fortran order, bytes) of an array. */
    private void build(Object target, Object[] state) {
        switch (target) {
            case Type type -> type.order = ">".equals(text(state[1])) ? ByteOrder.BIG_ENDIAN : ByteOrder.LITTLE_ENDIAN;
            case Unfilled unfilled ->
                unfilled.array = array((Type) state[2], (Object[]) state[1], bytes(state[4]), (Boolean) state[3]);
            default -> throw refused("a state for something that is neither array nor type");
        }
    }

    private Array array(Type type, Object[] shape, byte[] bytes, boolean fortran) {
        long count = 1;
        Integer[] extents = new Integer[shape.length];
        for (int i = 0; i < shape.length; i++) {
            extents[i] = ((Number) shape[i]).intValue();
            if (extents[i] < 0 || (count *= extents[i]) > bytes.length) {
                throw new PickleException("it holds an array of more elements than its " + bytes.length + " bytes are");
            }
        }
        if (count * type.bytes != bytes.length) {
            throw new PickleException("it holds an array of " + count + " elements of " + type.bytes + " bytes, in "
                    + bytes.length + " bytes");
        }
        if (fortran && shape.length > 1) {
            throw new PickleException("it holds an array in Fortran order: save numpy.ascontiguousarray of it");
        }
        take(bytes.length);
        return new Array(List.of(extents), type, bytes);
    }

    private void put(List<Object> namesAndValues) {
        Map<?, ?> target = (Map<?, ?>) stack.peek();
        @SuppressWarnings("unchecked") // a dictionary takes whatever the file gives; readers check it
        Map<Object, Object> map = (Map<Object, Object>) target;
        for (int i = 0; i + 1 < namesAndValues.size(); i += 2) {
            // Only text: hashing a list goes through all that is in it.
            map.put(text(namesAndValues.get(i)), namesAndValues.get(i + 1));
        }
    }

    /**
     * A length that the file claims is allocated before it is read, so it must not exceed what is left of the file.
     */
    private void checkLength(short key) throws IOException {
        int width = switch (key) {
            case Opcodes.BINUNICODE, Opcodes.BINBYTES, Opcodes.BINSTRING -> Integer.BYTES;
            case Opcodes.BINBYTES8, Opcodes.BYTEARRAY8 -> Long.BYTES;
            default -> 0;
        };
        if (width == 0) {
            return;
        }
        ByteArrayInputStream in = (ByteArrayInputStream) input;
        in.mark(width);
        byte[] claimed = new byte[Long.BYTES];
        in.read(claimed, 0, width);
        in.reset();
        long length = ByteBuffer.wrap(claimed).order(ByteOrder.LITTLE_ENDIAN).getLong();
        if (length < 0 || length > in.available() - width) {
            throw new PickleException("it says that " + Long.toUnsignedString(length) + " bytes follow, there are "
                    + Math.max(0, in.available() - width));
        }
    }
}
