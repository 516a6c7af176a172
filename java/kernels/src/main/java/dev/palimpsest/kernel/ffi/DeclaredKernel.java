package dev.palimpsest.kernel.ffi;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;

/**
 * What the library's list (native/kernels/kernels.def) says about a CUDA kernel. Immutable.
 *
 * @param name without {@code palimpsest_cuda_}, as in {@code add_relu}
 * @param source stem of the .cu file that defines it
 * @param parameters in order
 * @param work how the number of work items is known
 * @param workParameter index of the parameter that holds it; -1 unless work is {@link Work#PARAMETER}
 * @param threads of each block; 0 for {@link Work#PLAN}
 * @param items work items that a block takes; 0 for {@link Work#PLAN}
 * @param sharedBytes dynamic shared memory of a block
 */
public record DeclaredKernel(
        String name,
        String source,
        List<Parameter> parameters,
        Work work,
        int workParameter,
        int threads,
        int items,
        int sharedBytes) {
    /** How the number of work items, and with it the number of blocks, is known. */
    public enum Work {
        /** One of the parameters holds it. */
        PARAMETER,
        /** There is a single block. */
        ONE,
        /** The caller gives the number of blocks. */
        GIVEN,
        /** The function {@code palimpsest_SOURCE_cuda_launch} of the library gives everything. */
        PLAN
    }

    /** What a parameter takes. */
    public enum Type {
        /** An address on the device. */
        ADDRESS,
        /** A signed number of 64 bits. */
        INT64,
        /** A signed number of 32 bits. */
        INT32,
        /** A single-precision number. */
        FLOAT32,
        /** A double-precision number. */
        FLOAT64,
        /** A struct of palimpsest.h, passed by value. */
        STRUCT
    }

    /**
     * A parameter of a kernel.
     *
     * @param name as in C; {@code _or_null} ends those that may be null
     * @param declared its type in C, as in {@code const float*}
     * @param type what it takes
     * @param bytes its size
     * @param alignment of what an address points to, in bytes; 1 for anything else
     */
    public record Parameter(String name, String declared, Type type, int bytes, int alignment) {
        /**
         * Whether a null address is meant.
         *
         * @return true if the name ends in {@code _or_null}
         */
        public boolean isNullable() {
            return name.endsWith("_or_null");
        }

        @Override
        public String toString() {
            return declared + " " + name;
        }
    }

    static DeclaredKernel of(
            String name,
            String source,
            String parameters,
            String work,
            int threads,
            int items,
            int sharedBytes,
            Map<String, NativeStruct> structs) {
        List<Parameter> all = new ArrayList<>();
        int workParameter = -1;
        for (String parameter : parameters.split(",\\s*", -1)) {
            int space = parameter.lastIndexOf(' ');
            Parameter parsed = parameter(parameter.substring(space + 1), parameter.substring(0, space), structs);
            if (parsed.name.equals(work)) {
                workParameter = all.size();
            }
            all.add(parsed);
        }
        Work known = switch (work) {
            case "one" -> Work.ONE;
            case "given" -> Work.GIVEN;
            case "plan" -> Work.PLAN;
            default -> Work.PARAMETER;
        };
        if (known == Work.PARAMETER && (workParameter < 0 || all.get(workParameter).type != Type.INT64)) {
            throw new UnsupportedOperationException(
                    "its kernel " + name + "(" + parameters + ") has no int64_t " + work + ": rebuild it");
        }
        return new DeclaredKernel(name, source, List.copyOf(all), known, workParameter, threads, items, sharedBytes);
    }

    private static Parameter parameter(String name, String type, Map<String, NativeStruct> structs) {
        if (type.endsWith("*")) {
            String target = type.substring(0, type.length() - 1).replace("const ", "");
            return new Parameter(name, type, Type.ADDRESS, Long.BYTES, alignment(target));
        }
        return switch (type) {
            case "int64_t" -> new Parameter(name, type, Type.INT64, Long.BYTES, 1);
            case "int32_t" -> new Parameter(name, type, Type.INT32, Integer.BYTES, 1);
            case "float" -> new Parameter(name, type, Type.FLOAT32, Float.BYTES, 1);
            case "double" -> new Parameter(name, type, Type.FLOAT64, Double.BYTES, 1);
            default ->
                new Parameter(
                        name,
                        type,
                        Type.STRUCT,
                        Math.toIntExact(known(type, structs).bytes()),
                        1);
        };
    }

    private static NativeStruct known(String type, Map<String, NativeStruct> structs) {
        NativeStruct struct = structs.get(type);
        if (struct == null) {
            throw new UnsupportedOperationException("it has no struct " + type + ": rebuild it");
        }
        return struct;
    }

    private static int alignment(String target) {
        return switch (target) {
            case "float", "int32_t" -> 4;
            case "unsigned char" -> 1;
            default -> 8; // double, int64_t, and structs of such
        };
    }

    /**
     * Blocks for that many work items.
     *
     * @param workItems at least 0
     * @return ⌈workItems / items⌉
     */
    public long blocks(long workItems) {
        return Math.ceilDiv(workItems, (long) items);
    }

    /**
     * The kernel as C declares it.
     *
     * @return name and parameters
     */
    @Override
    public String toString() {
        return name + "("
                + String.join(", ", parameters.stream().map(Parameter::toString).toList()) + ")";
    }
}
