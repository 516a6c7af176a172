// Random calls of every function with a range, and the same with one argument wrong: calls COUNT [SEED]. Every array
// has exactly the size that the call may touch, so that a sanitizer or valgrind sees what lies beyond. Variants for
// all instruction sets of this machine must write the same bits; a wrong argument must be refused or must not matter.
#include <inttypes.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <functional>
#include <random>
#include <string>
#include <vector>

#include "palimpsest.h"

namespace {

std::mt19937_64 generator;

int64_t below(int64_t end) { return int64_t(generator() % uint64_t(end)); }

[[noreturn]] void fail(const std::string& what) {
    fprintf(stderr, "%s\n", what.c_str());
    abort();
}

/* Memory that begins at a line of the cache and ends with its last byte. */
template <typename Element>
class Exactly {
public:
    explicit Exactly(int64_t count) : bytes(size_t(count) * sizeof(Element)) {
        // A multiple of the alignment, as aligned_alloc wants it; what is used is its end.
        room = (bytes + 63) / 64 * 64;
        block = static_cast<char*>(aligned_alloc(64, room ? room : 64));
        memset(block, 0xff, room);
    }
    Exactly(const Exactly&) = delete;
    Exactly& operator=(const Exactly&) = delete;
    ~Exactly() { free(block); }
    Element* data() const { return reinterpret_cast<Element*>(block + (room - bytes)); }
    Element& operator[](int64_t i) const { return data()[i]; }
    std::string content() const { return std::string(block + (room - bytes), bytes); }

private:
    size_t bytes, room;
    char* block;
};

float value() { return float(below(2001) - 1000) / 128; }

template <typename Element>
void fill(const Exactly<Element>& array, int64_t count) {
    for (int64_t i = 0; i < count; i++) array[i] = Element(value());
}

/* Rows that lie apart; the last ends with its last value. */
int64_t strided(int64_t rows, int64_t columns, int64_t stride) { return (rows - 1) * stride + columns; }

enum class Kind { IGNORED, SIZE, NEEDED, OPTIONAL };

struct Field {
    size_t offset;
    Kind kind;
};

using Call = std::function<int32_t(int32_t isa)>;
int64_t right_calls, wrong_calls;

/* What all instruction sets write. */
void same_bits(const char* kernel, const Call& call, const std::function<std::string()>& written) {
    std::string first;
    for (int32_t isa = PALIMPSEST_BASELINE; isa <= PALIMPSEST_AVX512; isa++) {
        if (!palimpsest_isa_supported(isa)) continue;
        if (call(isa) != PALIMPSEST_OK) fail(std::string(kernel) + " refuses what is right");
        right_calls++;
        std::string now = written();
        if (isa == PALIMPSEST_BASELINE) first = now;
        if (now != first) fail(std::string(kernel) + ": instruction set " + std::to_string(isa) + " has other bits");
    }
}

/* Every field with every wrong value; afterwards the arguments are as they were. */
template <typename Args>
void wrong(const char* kernel, Args* args, const std::vector<Field>& fields, const Call& call) {
    for (int32_t isa : {-1, 3, INT32_MIN, INT32_MAX}) {
        wrong_calls++;
        if (call(isa) != PALIMPSEST_UNSUPPORTED_ISA) fail(std::string(kernel) + " takes an unknown instruction set");
    }
    for (const Field& field : fields) {
        char* place = reinterpret_cast<char*>(args) + field.offset;
        int64_t old;
        memcpy(&old, place, sizeof old);
        std::vector<int64_t> values;
        if (field.kind == Kind::SIZE) values = {-1, INT64_MIN, INT64_MAX, INT64_MAX - 63, INT64_C(1) << 61};
        if (field.kind == Kind::NEEDED) values = {0, old + 1, old + 2};
        if (field.kind == Kind::OPTIONAL && old) values = {old + 1, old + 3};
        if (field.kind == Kind::IGNORED) values = {0, 1, -1, INT64_MIN, INT64_MAX};
        for (int64_t value : values) {
            memcpy(place, &value, sizeof value);
            for (int32_t isa = PALIMPSEST_BASELINE; isa <= PALIMPSEST_AVX512; isa++) {
                if (!palimpsest_isa_supported(isa)) continue;
                wrong_calls++;
                bool refused = call(isa) == PALIMPSEST_INVALID_ARGUMENT;
                if (refused == (field.kind == Kind::IGNORED))
                    fail(std::string(kernel) + ": field at " + std::to_string(field.offset) + " = " +
                         std::to_string(value) + (refused ? " is refused" : " is taken"));
            }
        }
        memcpy(place, &old, sizeof old);
    }
}

/* A part of count rows, words, images or elements; and ranges that are none. */
struct Part {
    int64_t begin, end;
    explicit Part(int64_t count) : begin(below(count + 1)), end(begin + below(count - begin + 1)) {}
};

void wrong_ranges(const char* kernel, int64_t count, const std::function<int32_t(int64_t, int64_t)>& call) {
    const int64_t ranges[][2] = {{-1, 0}, {0, count + 1}, {INT64_MIN, INT64_MAX}, {1, 0}, {count, INT64_MAX}};
    for (const auto& range : ranges) {
        wrong_calls++;
        if (call(range[0], range[1]) != PALIMPSEST_INVALID_ARGUMENT)
            fail(std::string(kernel) + " takes a wrong range");
    }
}

/* The two kernels of rows, which differ in their struct and in the widths of their teachers. */
template <typename Args, typename Kernel, typename Scratch>
void rows_with_teachers(const char* name, Args args, int64_t columns, const std::vector<int64_t>& widths,
    std::vector<Field> fields, Kernel kernel, Scratch scratch_bytes) {
    const int64_t rows = args.rows, teachers = args.teachers;
    args.student_stride = below(4) ? columns + below(5) : 0;
    args.gradient_stride = columns + below(5);
    args.weight_stride = below(4) ? teachers + below(3) : 0;
    Exactly<float> student(strided(rows, columns, args.student_stride));
    fill(student, strided(rows, columns, args.student_stride));
    Exactly<float> gradient(strided(rows, columns, args.gradient_stride));
    Exactly<float> weight(teachers ? strided(rows, teachers, args.weight_stride) : 0);
    for (int64_t i = 0; teachers && i < strided(rows, teachers, args.weight_stride); i++)
        weight[i] = below(3) ? float(below(9)) / 8 : 0;
    std::vector<Exactly<float>*> owned;
    Exactly<const float*> teacher(teachers);
    Exactly<int64_t> stride(teachers);
    for (int64_t k = 0; k < teachers; k++) {
        stride[k] = below(4) ? widths[size_t(k)] + below(5) : 0;
        owned.push_back(new Exactly<float>(strided(rows, widths[size_t(k)], stride[k])));
        fill(*owned.back(), strided(rows, widths[size_t(k)], stride[k]));
        teacher[k] = owned.back()->data();
    }
    args.student = student.data();
    args.gradient = gradient.data();
    args.weight = weight.data();
    args.teacher = teacher.data();
    args.teacher_stride = stride.data();
    Exactly<double> loss(rows);
    const int64_t bytes = scratch_bytes(&args);
    Exactly<char> scratch((bytes + 63) / 64 * 64);  // begins at a line of the cache
    const Part part(rows);
    const Call call = [&](int32_t isa) {
        return kernel(isa, &args, part.begin, part.end, scratch.data(), loss.data());
    };
    same_bits(name, call, [&] { return gradient.content() + loss.content(); });
    const Kind with_teachers = teachers ? Kind::NEEDED : Kind::IGNORED;
    fields.insert(
        fields.end(), {{offsetof(Args, rows), Kind::SIZE}, {offsetof(Args, teachers), Kind::SIZE},
                          {offsetof(Args, student), Kind::NEEDED}, {offsetof(Args, student_stride), Kind::SIZE},
                          {offsetof(Args, gradient), Kind::NEEDED}, {offsetof(Args, gradient_stride), Kind::SIZE},
                          {offsetof(Args, teacher), with_teachers}, {offsetof(Args, teacher_stride), with_teachers},
                          {offsetof(Args, weight), with_teachers},
                          {offsetof(Args, weight_stride), teachers ? Kind::SIZE : Kind::IGNORED}});
    wrong(name, &args, fields, call);
    wrong_ranges(name, rows, [&](int64_t begin, int64_t end) {
        return kernel(PALIMPSEST_BASELINE, &args, begin, end, scratch.data(), loss.data());
    });
    for (int64_t k = 0; k < teachers; k++) {
        const float* pointer = teacher[k];
        const int64_t apart = stride[k];
        const char* bytes_of = reinterpret_cast<const char*>(pointer);
        for (const float* bad : {static_cast<const float*>(nullptr), reinterpret_cast<const float*>(bytes_of + 1)}) {
            teacher[k] = bad;
            if (call(PALIMPSEST_BASELINE) != PALIMPSEST_INVALID_ARGUMENT) fail(std::string(name) + " takes a teacher");
        }
        teacher[k] = pointer;
        stride[k] = -1 - below(INT64_MAX);
        if (call(PALIMPSEST_BASELINE) != PALIMPSEST_INVALID_ARGUMENT) fail(std::string(name) + " takes a stride");
        stride[k] = apart;
        wrong_calls += 3;
    }
    const int32_t without[] = {kernel(0, nullptr, 0, 0, scratch.data(), loss.data()),
        kernel(0, &args, 0, rows, nullptr, loss.data()), kernel(0, &args, 0, rows, scratch.data() + 8, loss.data()),
        kernel(0, &args, 0, rows, scratch.data(), nullptr)};
    for (int32_t status : without) {
        wrong_calls++;
        if (status != PALIMPSEST_INVALID_ARGUMENT) fail(std::string(name) + " takes missing memory");
    }
    for (Exactly<float>* each : owned) delete each;
}

void multi_teacher_kl() {
    palimpsest_multi_teacher_kl_args args{};
    args.rows = 1 + below(6);
    args.classes = 1 + below(80);
    args.teachers = below(4);
    args.temperature = 0.25 + double(below(16)) / 4;
    Exactly<int64_t> begin(args.teachers), end(args.teachers);
    std::vector<int64_t> widths;
    for (int64_t k = 0; k < args.teachers; k++) {
        begin[k] = below(args.classes);
        end[k] = begin[k] + 1 + below(args.classes - begin[k]);
        widths.push_back(end[k] - begin[k]);
    }
    args.class_begin = begin.data();
    args.class_end = end.data();
    const Kind with_teachers = args.teachers ? Kind::NEEDED : Kind::IGNORED;
    using Args = palimpsest_multi_teacher_kl_args;
    rows_with_teachers("multi_teacher_kl", args, args.classes, widths,
        {{offsetof(Args, classes), Kind::SIZE}, {offsetof(Args, class_begin), with_teachers},
            {offsetof(Args, class_end), with_teachers}},
        palimpsest_multi_teacher_kl, palimpsest_multi_teacher_kl_scratch);
}

void feature_mse() {
    palimpsest_feature_mse_args args{};
    args.rows = 1 + below(6);
    args.dims = 1 + below(150);
    args.teachers = below(4);
    rows_with_teachers("feature_mse", args, args.dims, std::vector<int64_t>(size_t(args.teachers), args.dims),
        {{offsetof(palimpsest_feature_mse_args, dims), Kind::SIZE}}, palimpsest_feature_mse,
        palimpsest_feature_mse_scratch);
}

/* The kernels of a range, whose struct has its arrays. */
template <typename Args, typename Kernel>
void range(const char* name, Args* args, int64_t count, const std::vector<Field>& fields, Kernel kernel,
    const std::function<std::string()>& written) {
    const Part part(count);
    const Call call = [&](int32_t isa) { return kernel(isa, args, part.begin, part.end); };
    same_bits(name, call, written);
    wrong(name, args, fields, call);
    wrong_ranges(
        name, count, [&](int64_t begin, int64_t end) { return kernel(PALIMPSEST_BASELINE, args, begin, end); });
    wrong_calls++;
    if (kernel(PALIMPSEST_BASELINE, nullptr, 0, 0) != PALIMPSEST_INVALID_ARGUMENT) fail("a null struct is taken");
}

void snapshot_reconstruction() {
    using Args = palimpsest_snapshot_reconstruction_args;
    Args args{};
    args.count = below(400);
    args.plane_count = 1 + below(8);
    args.step = below(INT64_C(1) << args.plane_count);
    args.weights_per_channel = below(2) ? 1 + below(100) : INT64_MAX;
    const int64_t words = (args.count + 63) / 64;
    const int64_t channels = args.count ? (args.count - 1) / args.weights_per_channel + 1 : 0;
    Exactly<float> weights(args.count), out(args.count), scale(channels);
    fill(weights, args.count);
    fill(scale, channels);
    Exactly<uint64_t> planes(words * args.plane_count);
    for (int64_t i = 0; i < words * args.plane_count; i++) planes[i] = generator();
    args.weights = weights.data();
    args.planes = planes.data();
    args.out = out.data();
    args.channel_scale = below(2) ? scale.data() : nullptr;
    range("snapshot_reconstruction", &args, words,
        {{offsetof(Args, count), Kind::SIZE}, {offsetof(Args, weights), Kind::NEEDED},
            {offsetof(Args, planes), Kind::NEEDED}, {offsetof(Args, plane_count), Kind::SIZE},
            {offsetof(Args, step), Kind::SIZE}, {offsetof(Args, channel_scale), Kind::OPTIONAL},
            {offsetof(Args, out), Kind::NEEDED}},
        palimpsest_snapshot_reconstruction, [&] { return out.content(); });
}

void batch_norm() {
    using Args = palimpsest_batch_norm_args;
    Args args{};
    args.pass = below(4);
    args.images = below(4);
    args.width = 1 + below(20);
    args.channels = args.width * (1 + below(3));
    args.positions = 1 + below(30);
    args.relu = below(2);
    const int64_t count = args.images * args.channels * args.positions;
    Exactly<float> x(count), residual(count), gradient(count), out(count), sums(2 * args.images * args.channels);
    Exactly<float> vectors(6 * args.channels);
    fill(x, count);
    fill(residual, count);
    fill(gradient, count);
    fill(vectors, 6 * args.channels);
    const auto vector = [&](int64_t i) { return vectors.data() + i * args.channels; };
    args.x = x.data();
    args.residual = below(2) ? residual.data() : nullptr;
    args.relu_scale = below(2) ? vector(0) : nullptr;
    args.relu_shift = vector(1);
    args.gradient = gradient.data();
    args.mean = vector(2);
    args.first = vector(3);
    args.second = args.pass == PALIMPSEST_NORM_GRADIENT && below(2) ? nullptr : vector(4);
    args.third = vector(5);
    args.out = out.data();
    args.sums = sums.data();
    const bool writes_sums = args.pass == PALIMPSEST_MOMENTS || args.pass == PALIMPSEST_GRADIENT_SUMS;
    std::vector<Field> fields = {{offsetof(Args, images), Kind::SIZE}, {offsetof(Args, channels), Kind::SIZE},
        {offsetof(Args, width), Kind::SIZE}, {offsetof(Args, positions), Kind::SIZE},
        {offsetof(Args, x), Kind::NEEDED}, {offsetof(Args, relu_scale), Kind::OPTIONAL},
        {offsetof(Args, pass), Kind::SIZE}, {offsetof(Args, sums), writes_sums ? Kind::NEEDED : Kind::IGNORED},
        {offsetof(Args, out), writes_sums ? Kind::IGNORED : Kind::NEEDED}};
    if (args.pass == PALIMPSEST_NORMALISE) {
        fields.push_back({offsetof(Args, second), Kind::NEEDED});
        fields.push_back({offsetof(Args, residual), Kind::OPTIONAL});
    }
    range("batch_norm", &args, args.images, fields, palimpsest_batch_norm,
        [&] { return out.content() + sums.content(); });
}

void elementwise() {
    using Args = palimpsest_elementwise_args;
    Args args{};
    args.operation = below(5);
    args.count = below(300);
    args.terms = 1 + below(4);
    args.stride = below(2) ? args.count : args.count + below(9);
    const int64_t read = args.operation == PALIMPSEST_SUM ? (args.terms - 1) * args.stride + args.count : args.count;
    Exactly<float> a(read), b(args.count), out(args.count);
    fill(a, read);
    fill(b, args.count);
    args.a = a.data();
    args.b = b.data();
    args.out = out.data();
    const bool one = args.operation == PALIMPSEST_RELU || args.operation == PALIMPSEST_SUM;
    const Kind of_sum = args.operation == PALIMPSEST_SUM ? Kind::SIZE : Kind::IGNORED;
    range("elementwise", &args, args.count,
        {{offsetof(Args, operation), Kind::SIZE}, {offsetof(Args, count), Kind::SIZE},
            {offsetof(Args, a), Kind::NEEDED}, {offsetof(Args, b), one ? Kind::IGNORED : Kind::NEEDED},
            {offsetof(Args, out), Kind::NEEDED}, {offsetof(Args, terms), of_sum}, {offsetof(Args, stride), of_sum}},
        palimpsest_elementwise, [&] { return out.content(); });
}

void winograd() {
    using Args = palimpsest_winograd_args;
    Args args{};
    args.pass = below(4);
    args.images = below(4);
    args.inputs = 16 * (1 + below(2));
    args.outputs = 16 * (1 + below(2));
    args.height = 1 + below(9);
    args.width = 1 + below(9);
    args.flipped = below(2);
    args.part = args.images ? 1 + below(args.images) : 1;
    args.relu = below(2);
    const int64_t pairs = args.inputs * args.outputs, positions = args.images * args.height * args.width;
    const int64_t parts = (args.images + args.part - 1) / args.part;
    const bool convolves = args.pass == PALIMPSEST_WINOGRAD_CONVOLVE;
    const bool images = convolves || args.pass == PALIMPSEST_WINOGRAD_GRADIENT;
    const int64_t reads = images ? positions * args.inputs : 9 * pairs;
    const int64_t writes[] = {16 * pairs, positions * args.outputs, parts * 9 * pairs, 9 * pairs};
    Exactly<float> x(reads), out(writes[args.pass]), transformed(16 * pairs), bias(args.outputs);
    Exactly<float> residual(positions * args.outputs), gradient(positions * args.outputs);
    fill(x, reads);
    fill(transformed, 16 * pairs);
    fill(bias, args.outputs);
    fill(residual, positions * args.outputs);
    fill(gradient, positions * args.outputs);
    args.x = x.data();
    args.transformed = transformed.data();
    args.gradient = gradient.data();
    args.bias = below(2) ? bias.data() : nullptr;
    args.residual = below(2) ? residual.data() : nullptr;
    args.out = out.data();
    const int64_t bytes = palimpsest_winograd_scratch(&args);
    Exactly<char> scratch((bytes + 63) / 64 * 64);  // begins at a line of the cache
    args.scratch = reinterpret_cast<float*>(scratch.data());
    const Kind of_images = images ? Kind::SIZE : Kind::IGNORED;
    std::vector<Field> fields = {{offsetof(Args, pass), Kind::SIZE}, {offsetof(Args, inputs), Kind::SIZE},
        {offsetof(Args, outputs), Kind::SIZE}, {offsetof(Args, x), Kind::NEEDED}, {offsetof(Args, out), Kind::NEEDED},
        {offsetof(Args, images), of_images}, {offsetof(Args, height), of_images}, {offsetof(Args, width), of_images},
        {offsetof(Args, part), images && !convolves ? Kind::SIZE : Kind::IGNORED},
        {offsetof(Args, transformed), convolves ? Kind::NEEDED : Kind::IGNORED},
        {offsetof(Args, bias), convolves ? Kind::OPTIONAL : Kind::IGNORED},
        {offsetof(Args, residual), convolves ? Kind::OPTIONAL : Kind::IGNORED},
        {offsetof(Args, gradient), images && !convolves ? Kind::NEEDED : Kind::IGNORED},
        {offsetof(Args, scratch), images ? Kind::NEEDED : Kind::IGNORED}};
    // What is added to is the same for every instruction set.
    const auto kernel = [&](int32_t isa, const Args* a, int64_t begin, int64_t end) {
        if (args.pass == PALIMPSEST_WINOGRAD_ADD) memset(out.data(), 0, size_t(9 * pairs) * sizeof(float));
        return palimpsest_winograd(isa, a, begin, end);
    };
    const int64_t counts[] = {args.outputs / 16, args.images, parts, args.outputs / 16};
    range("winograd", &args, counts[args.pass], fields, kernel, [&] { return out.content(); });
    for (int64_t channels : {INT64_C(0), INT64_C(8), INT64_C(24), INT64_C(1) << 60}) {
        Args other = args;
        other.inputs = channels;
        wrong_calls++;
        if (palimpsest_winograd(PALIMPSEST_BASELINE, &other, 0, 0) != PALIMPSEST_INVALID_ARGUMENT)
            fail("winograd takes " + std::to_string(channels) + " channels");
        if (channels < 64 && palimpsest_winograd_scratch(&other) != -1) fail("winograd has scratch for them");
    }
}

}  // namespace

int main(int argc, char** argv) {
    const int64_t rounds = argc > 1 ? atoll(argv[1]) : 1000;
    generator.seed(argc > 2 ? uint64_t(atoll(argv[2])) : 1);
    for (int64_t round = 0; round < rounds; round++) {
        multi_teacher_kl();
        feature_mse();
        snapshot_reconstruction();
        batch_norm();
        elementwise();
        winograd();
    }
    printf("%" PRId64 " calls, %" PRId64 " with wrong arguments, all refused or harmless\n", right_calls + wrong_calls,
        wrong_calls);
    return 0;
}
