package dev.palimpsest.cuda;

import dev.palimpsest.kernel.ffi.DeclaredKernel;
import dev.palimpsest.kernel.ffi.DeclaredKernel.Parameter;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.List;

/**
 * The arguments of one kernel, made once and set again and again: for calls that may not allocate. Every argument is
 * set by its own number and stays until it is set anew, so a call that fails half-way leaves nothing that the next one
 * could trip over. Not thread-safe.
 */
final class ArgumentBlock {
    private final DeclaredKernel kernel;
    private final MemorySegment memory;
    private final long[] offsets;
    private long missing;

    ArgumentBlock(CudaKernel kernel) {
        this.kernel = kernel.declared();
        offsets = new long[this.kernel.parameters().size()];
        long words = 0;
        for (int i = 0; i < offsets.length; i++) {
            offsets[i] = words * Long.BYTES;
            words += CudaKernel.words(this.kernel.parameters().get(i));
        }
        memory = Arena.ofAuto().allocate(words * Long.BYTES, 16);
        missing = (1L << offsets.length) - 1;
    }

    /** The memory of an argument that is a struct; counts as set. */
    MemorySegment struct(int argument) {
        Parameter parameter = require(argument, DeclaredKernel.Type.STRUCT);
        return memory.asSlice(offsets[argument], parameter.bytes());
    }

    void setAddress(int argument, long address) {
        Parameter parameter = require(argument, DeclaredKernel.Type.ADDRESS);
        if (address % parameter.alignment() != 0 || (address == 0 && !parameter.isNullable())) {
            missing |= 1L << argument;
            throw new IllegalArgumentException(
                    "argument " + parameter.name() + " of kernel " + kernel + " is the address " + address
                            + ", expected one aligned to " + parameter.alignment() + " bytes and not 0");
        }
        memory.set(ValueLayout.JAVA_LONG, offsets[argument], address);
    }

    void setLong(int argument, long value) {
        require(argument, DeclaredKernel.Type.INT64);
        memory.set(ValueLayout.JAVA_LONG, offsets[argument], value);
    }

    private Parameter require(int argument, DeclaredKernel.Type type) {
        Parameter parameter = kernel.parameters().get(argument);
        if (parameter.type() != type) {
            throw new IllegalArgumentException("argument " + argument + " of kernel " + kernel + " is no " + type);
        }
        missing &= ~(1L << argument);
        return parameter;
    }

    /** As equals, without the iterator that it makes: a kernel's variants have lists of their own. */
    private static boolean same(List<Parameter> a, List<Parameter> b) {
        boolean same = a.size() == b.size();
        for (int i = 0; same && i < a.size(); i++) {
            same = a.get(i).equals(b.get(i));
        }
        return same;
    }

    /** The arguments one after another, each at the beginning of a word, for a kernel with the same parameters. */
    MemorySegment of(DeclaredKernel launched) {
        if (!same(launched.parameters(), kernel.parameters())) {
            throw new IllegalArgumentException("arguments of " + kernel + " given to " + launched);
        }
        if (missing != 0) {
            String name =
                    kernel.parameters().get(Long.numberOfTrailingZeros(missing)).name();
            throw new IllegalStateException("argument " + name + " of kernel " + kernel + " was not set");
        }
        return memory;
    }
}
