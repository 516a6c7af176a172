// A double of NVRTC. What it compiles must be complete, as NVRTC has no headers of its own: every include is one that
// was given. The host compiler then checks the syntax, with the host build's stand-ins for CUDA. The image that comes
// out lists the kernels' names.
#include <unistd.h>

#include <cstdio>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <regex>
#include <set>
#include <string>
#include <vector>

#include "../image.h"
#include "../library.h"

using namespace driver_double;

namespace {

namespace files = std::filesystem;

enum Status : int {
    SUCCESS = 0,
    OUT_OF_MEMORY = 1,
    INVALID_INPUT = 3,
    INVALID_PROGRAM = 4,
    INVALID_OPTION = 5,
    COMPILATION = 6
};

struct Program {
    std::string source, name, log, image;
    std::vector<std::pair<std::string, std::string>> headers;
};

std::set<Program*>& programs() {
    static std::set<Program*> all;
    return all;
}

bool is_known_option(const std::string& option) {
    static const std::regex known(
        "-(-?(gpu-architecture|std|fmad|ftz|prec-div|prec-sqrt|device-debug|generate-line-info|extra-device-"
        "vectorization"
        "|maxrregcount|use_fast_math|define-macro|include-path|default-device|device-as-default-execution-space"
        "|diag-suppress|dlto|no-source-include|disable-warnings|arch|default_device)(=.*)?|[DIUG].*|lineinfo|w)");
    return std::regex_match(option, known);
}

std::string run(const std::string& command, bool* well) {
    std::string output;
    FILE* pipe = popen((command + " 2>&1").c_str(), "r");
    if (!pipe) {
        *well = false;
        return "cannot run " + command;
    }
    char buffer[4096];
    for (size_t n; (n = fread(buffer, 1, sizeof buffer, pipe)) > 0;) output.append(buffer, n);
    *well = pclose(pipe) == 0;
    return output;
}

void write(const files::path& path, const std::string& text) {
    files::create_directories(path.parent_path());
    std::ofstream(path, std::ios::binary) << text;
}

// Names of functions marked as kernels; macros are expanded by then.
std::string kernels_in(const std::string& preprocessed) {
    // Definitions, not the declarations of all kernels.
    static const std::regex marked("__palimpsest_kernel__[^;{]*?\\b(palimpsest_cuda_\\w+)\\s*\\([^;{]*\\)\\s*\\{");
    std::string names;
    for (std::sregex_iterator found(preprocessed.begin(), preprocessed.end(), marked), end; found != end; ++found) {
        names += "// " + (*found)[1].str() + "\n";
    }
    return names;
}

// In a folder of its own, which is removed again.
Status compile(Program& program) {
    char name[] = "/tmp/palimpsest-nvrtc-XXXXXX";
    if (!mkdtemp(name)) return OUT_OF_MEMORY;
    const files::path folder = name;
    for (const auto& [header, text] : program.headers) write(folder / "given" / header, text);
    // NVRTC finds `#include "../cuda/x.cuh"` by the name that the header was given; here by a place below the source.
    write(folder / "given" / "a" / "b" / "program.cu", program.source);
    const std::string source = (folder / "given" / "a" / "b" / "program.cu").string(),
                      given = (folder / "given").string();
    for (const auto& [header, text] : program.headers) {
        if (header.rfind("../", 0) == 0) write(folder / "given" / "a" / "b" / header, text);
    }
    bool complete = false, correct = false;
    // Without the compiler's own headers: what NVRTC would not find, this does not find.
    const std::string places = " -I" + given + " " + source;
    const std::string expanded =
        run("g++ -E -P -xc++ -std=c++17 -nostdinc -D__CUDACC_RTC__ -D__CUDACC__ -D__global__=__palimpsest_kernel__" +
                places,
            &complete);
    files::remove(folder / "given" / "stdint.h");  // the host build has the compiler's own
    if (complete) {
        program.log = run(
            "g++ -fsyntax-only -xc++ -std=c++20 -w -DPALIMPSEST_SIMT -I" PALIMPSEST_SIMT_FOLDER + places, &correct);
        program.image = COMPILED + kernels_in(expanded);
    } else {
        program.log = expanded;
    }
    files::remove_all(folder);
    return complete && correct ? SUCCESS : COMPILATION;
}

bool unknown(Program* program) { return programs().count(program) == 0; }

Status give(const std::string& text, size_t bytes, char* to) {
    std::memcpy(to, text.c_str(), bytes);
    return SUCCESS;
}

}  // namespace

DOUBLE_API Status nvrtcVersion(int* major, int* minor) {
    *major = 12;
    *minor = 999;  // what is compiled here must not be taken for NVRTC's
    return SUCCESS;
}

DOUBLE_API const char* nvrtcGetErrorString(Status status) {
    return status == SUCCESS ? "NVRTC_SUCCESS" : status == COMPILATION ? "NVRTC_ERROR_COMPILATION" : "NVRTC_ERROR";
}

DOUBLE_API Status nvrtcGetNumSupportedArchs(int* number) {
    *number = 3;
    return SUCCESS;
}

DOUBLE_API Status nvrtcGetSupportedArchs(int* to) {
    const int all[] = {80, 89, 90};
    std::memcpy(to, all, sizeof all);
    return SUCCESS;
}

DOUBLE_API Status nvrtcCreateProgram(Program** program, const char* source, const char* name, int headers,
    const char* const* texts, const char* const* names) {
    std::lock_guard<std::recursive_mutex> held(library_lock());
    if (!source || headers < 0) return INVALID_INPUT;
    *program = new Program{source, name ? name : "default_program", "", "", {}};
    for (int i = 0; i < headers; i++) (*program)->headers.emplace_back(names[i], texts[i]);
    programs().insert(*program);
    library_count("live.nvrtc_program", 1);
    return SUCCESS;
}

DOUBLE_API Status nvrtcDestroyProgram(Program** program) {
    std::lock_guard<std::recursive_mutex> held(library_lock());
    if (unknown(*program)) return INVALID_PROGRAM;
    programs().erase(*program);
    library_count("live.nvrtc_program", -1);
    delete *program;
    *program = nullptr;
    return SUCCESS;
}

DOUBLE_API Status nvrtcCompileProgram(Program* program, int count, const char* const* options) {
    std::lock_guard<std::recursive_mutex> held(library_lock());
    if (unknown(program)) return INVALID_PROGRAM;
    library_count("nvrtcCompileProgram", 1);
    for (int i = 0; i < count; i++) {
        if (is_known_option(options[i])) continue;
        program->log = std::string("unknown option ") + options[i];
        return INVALID_OPTION;
    }
    return compile(*program);
}

DOUBLE_API Status nvrtcAddNameExpression(Program* program, const char*) {
    return unknown(program) ? INVALID_PROGRAM : SUCCESS;
}

// Kernels are extern "C": their names are what they are.
DOUBLE_API Status nvrtcGetLoweredName(Program* program, const char* name, const char** lowered) {
    if (unknown(program)) return INVALID_PROGRAM;
    *lowered = name;
    return SUCCESS;
}

#define RESULT(Name, text)                                                             \
    DOUBLE_API Status nvrtcGet##Name##Size(Program* program, size_t* bytes) {          \
        if (unknown(program)) return INVALID_PROGRAM;                                  \
        *bytes = (text).size() + 1;                                                    \
        return SUCCESS;                                                                \
    }                                                                                  \
    DOUBLE_API Status nvrtcGet##Name(Program* program, char* to) {                     \
        return unknown(program) ? INVALID_PROGRAM : give(text, (text).size() + 1, to); \
    }
RESULT(PTX, program->image)
RESULT(CUBIN, program->image)
RESULT(ProgramLog, program->log)

#define UNSUPPORTED(name) \
    DOUBLE_API Status name() { return INVALID_INPUT; }
UNSUPPORTED(nvrtcGetLTOIR)
UNSUPPORTED(nvrtcGetLTOIRSize)
UNSUPPORTED(nvrtcGetNVVM)
UNSUPPORTED(nvrtcGetNVVMSize)
UNSUPPORTED(nvrtcGetOptiXIR)
UNSUPPORTED(nvrtcGetOptiXIRSize)
