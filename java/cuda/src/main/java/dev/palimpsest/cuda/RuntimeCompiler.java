package dev.palimpsest.cuda;

import dev.palimpsest.cuda.CudaException.Kind;
import dev.palimpsest.kernel.ffi.NativeFiles;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Optional;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import jcuda.nvrtc.JNvrtc;
import jcuda.nvrtc.nvrtcProgram;

/**
 * Compiles the .cu files that ship in the jar by NVRTC. The result is kept in a private folder: the next process finds
 * it there.
 */
final class RuntimeCompiler {
    private static final String FOLDER = "dev/palimpsest/native/cuda/";
    private static final Pattern INCLUDE = Pattern.compile("(?m)^\\s*#\\s*include\\s+[<\"]([^>\"]+)[>\"]");

    /** As cmake/cuda-compile.cmake has them; launch.h has host functions, which NVRTC must take for the device's. */
    private static final String[] OPTIONS = {"-std=c++17", "-fmad=false", "-default-device"};

    /** NVRTC brings no C library. */
    private static final String STDINT = """
        #pragma once
        typedef signed char int8_t;
        typedef unsigned char uint8_t;
        typedef short int16_t;
        typedef unsigned short uint16_t;
        typedef int int32_t;
        typedef unsigned int uint32_t;
        typedef long int64_t;
        typedef unsigned long uint64_t;
        #define INT32_MAX 2147483647
        #define INT64_MAX 9223372036854775807L
        """;

    /**
     * Code for a device.
     *
     * @param compiler what made it, as in "NVRTC 12.6 for sm_90"
     */
    record Image(byte[] code, String compiler) {}

    private RuntimeCompiler() {}

    /**
     * @param source stem of the .cu file
     * @param arch compute capability, 90 for 9.0
     * @throws CudaException if NVRTC is missing or refuses the source
     */
    static Image compile(String source, int arch, CudaOptions options) {
        CudaLibrary.NVRTC.load(options);
        String path = "kernels/" + source + "/" + source + ".cu";
        String text = read(path)
                .orElseThrow(() -> new CudaException(
                        Kind.IMAGE, FOLDER + path + " is not on the class path: the library's jar is incomplete"));
        Map<String, String> headers = new LinkedHashMap<>();
        collect(path, text, headers);
        int[] known = architectures();
        int newest = Arrays.stream(known)
                .filter(each -> each <= arch)
                .max()
                .orElseThrow(() -> new CudaException(
                        Kind.IMAGE,
                        "NVRTC " + version() + " knows no architecture for compute capability " + arch / 10 + "."
                                + arch % 10));
        // Newer than NVRTC knows: PTX, which the driver compiles on.
        boolean ptx = newest != arch;
        String target = (ptx ? "compute_" : "sm_") + newest;
        String compiler = "NVRTC " + version() + " for " + target;
        String name = source + "-" + target + "-" + digest(compiler, text, headers) + (ptx ? ".ptx" : ".cubin");
        try {
            Optional<byte[]> kept = NativeFiles.kept(name);
            if (kept.isPresent()) {
                return new Image(kept.get(), compiler);
            }
            byte[] code = run(source, text, headers, target, ptx);
            NativeFiles.keep(name, code);
            return new Image(code, compiler);
        } catch (IOException e) {
            throw new CudaException(Kind.IMAGE, "kernels cannot be kept: " + e.getMessage(), e);
        }
    }

    private static byte[] run(String source, String text, Map<String, String> headers, String target, boolean ptx) {
        nvrtcProgram program = new nvrtcProgram();
        check(
                JNvrtc.nvrtcCreateProgram(
                        program,
                        text,
                        source + ".cu",
                        headers.size(),
                        headers.values().toArray(String[]::new),
                        headers.keySet().toArray(String[]::new)),
                "taking " + source + ".cu");
        try {
            String[] options = Arrays.copyOf(OPTIONS, OPTIONS.length + 1);
            options[OPTIONS.length] = "--gpu-architecture=" + target;
            int status = JNvrtc.nvrtcCompileProgram(program, options.length, options);
            if (status != 0) {
                String[] log = {""};
                JNvrtc.nvrtcGetProgramLog(program, log);
                throw new CudaException(
                        Kind.IMAGE,
                        "NVRTC " + version() + " cannot compile " + source + ".cu for " + target + " ("
                                + JNvrtc.nvrtcGetErrorString(status) + "):\n" + log[0].strip());
            }
            if (ptx) {
                String[] code = new String[1];
                check(JNvrtc.nvrtcGetPTX(program, code), "handing out PTX");
                return (code[0] + "\0").getBytes(StandardCharsets.US_ASCII);
            }
            long[] size = new long[1];
            check(JNvrtc.nvrtcGetCUBINSize(program, size), "handing out code");
            byte[] code = new byte[Math.toIntExact(size[0])];
            check(JNvrtc.nvrtcGetCUBIN(program, code), "handing out code");
            return code;
        } finally {
            JNvrtc.nvrtcDestroyProgram(program);
        }
    }

    /** Every header by the name that it is included by. Those not in the jar are NVRTC's own, or of the host build. */
    private static void collect(String path, String text, Map<String, String> headers) {
        Matcher includes = INCLUDE.matcher(text);
        while (includes.find()) {
            String name = includes.group(1);
            if (headers.containsKey(name)) {
                continue;
            }
            if (name.equals("stdint.h")) {
                headers.put(name, STDINT);
                continue;
            }
            String beside = Path.of(path).resolveSibling(name).normalize().toString();
            String found = read(beside).isPresent() ? beside : "include/" + name;
            read(found).ifPresent(header -> {
                headers.put(name, header);
                collect(found, header, headers);
            });
        }
    }

    private static Optional<String> read(String path) {
        try (InputStream in = RuntimeCompiler.class.getClassLoader().getResourceAsStream(FOLDER + path)) {
            return in == null ? Optional.empty() : Optional.of(new String(in.readAllBytes(), StandardCharsets.UTF_8));
        } catch (IOException e) {
            throw new CudaException(Kind.IMAGE, FOLDER + path + " cannot be read: " + e.getMessage(), e);
        }
    }

    private static int[] architectures() {
        int[] count = new int[1];
        check(JNvrtc.nvrtcGetNumSupportedArchs(count), "counting architectures");
        int[] known = new int[count[0]];
        check(JNvrtc.nvrtcGetSupportedArchs(known), "listing architectures");
        return known;
    }

    private static String version() {
        int[] major = new int[1];
        int[] minor = new int[1];
        check(JNvrtc.nvrtcVersion(major, minor), "asking for its version");
        return major[0] + "." + minor[0];
    }

    private static String digest(String compiler, String text, Map<String, String> headers) {
        try {
            MessageDigest digest = MessageDigest.getInstance("SHA-256");
            for (String part : new String[] {compiler, String.join(" ", OPTIONS), text, headers.toString()}) {
                digest.update(part.getBytes(StandardCharsets.UTF_8));
            }
            return HexFormat.of().formatHex(digest.digest(), 0, 8);
        } catch (NoSuchAlgorithmException e) {
            throw new AssertionError("every Java platform has SHA-256", e);
        }
    }

    private static void check(int status, String doing) {
        if (status != 0) {
            throw new CudaException(Kind.IMAGE, "NVRTC failed at " + doing + ": " + JNvrtc.nvrtcGetErrorString(status));
        }
    }
}
