// Launches of the .cu files on the host, and the checks of what they touched.
#include <cstring>
#include <memory>

#include "cases.h"
#include "declared.h"
#include "device_memory.h"
#include "simt.h"

namespace cases {

namespace {

#define TYPES(name) \
    { palimpsest_cuda_##name##_float32, palimpsest_cuda_##name##_bfloat16, palimpsest_cuda_##name##_float16 }
void (*const KL[3][3])(const palimpsest_multi_teacher_kl_args, double*) = {
    TYPES(multi_teacher_kl_narrow), TYPES(multi_teacher_kl_wide), TYPES(multi_teacher_kl_streaming)};
void (*const MSE[2][3])(const palimpsest_feature_mse_args, double*) = {
    TYPES(feature_mse_narrow), TYPES(feature_mse_wide)};

constexpr unsigned char FILLER = 0x7b;  // what lies between rows; it must stay

// Rows of `columns` elements of `size` bytes with gaps between them.
std::vector<unsigned char> with_gaps(
    const unsigned char* dense, int64_t rows, int64_t columns, int64_t gap, size_t size) {
    std::vector<unsigned char> all(static_cast<size_t>(rows * (columns + gap)) * size, FILLER);
    for (int64_t r = 0; dense && r < rows; r++) {
        std::memcpy(all.data() + r * (columns + gap) * size, dense + r * columns * size, columns * size);
    }
    return all;
}

// A watched [rows, columns] with gaps.
struct Matrix {
    int64_t rows, columns, gap;
    size_t size;
    std::unique_ptr<simt::Watched> memory;

    Matrix(const char* name, const void* dense, int64_t rows_, int64_t columns_, int64_t gap_, size_t size_,
        size_t offset)
        : rows(rows_), columns(columns_), gap(gap_), size(size_) {
        std::vector<unsigned char> bytes =
            with_gaps(static_cast<const unsigned char*>(dense), rows, columns, gap, size);
        memory = std::make_unique<simt::Watched>(name, bytes.size(), size, offset * size);
        memory->copy_in(bytes.data());
    }
    int64_t stride() const { return columns + gap; }
    const float* address() const { return static_cast<const float*>(memory->address()); }

    // Every element of row r as often as given, its gap never.
    std::string check_row(int64_t r, uint32_t reads, uint32_t writes) const {
        for (int64_t i = 0; i < stride(); i++) {
            const bool own = i < columns;
            std::string wrong =
                memory->check_element(static_cast<size_t>(r * stride() + i), own ? reads : 0, own ? writes : 0);
            if (!wrong.empty()) return wrong;
        }
        return "";
    }
    std::string check(uint32_t reads, uint32_t writes) const {
        for (int64_t r = 0; r < rows; r++) {
            std::string wrong = check_row(r, reads, writes);
            if (!wrong.empty()) return wrong;
        }
        return "";
    }
};

// Everything that both row kernels take, in device memory.
struct Device {
    Matrix student, weight, gradient;
    std::vector<Matrix> teacher;
    std::unique_ptr<simt::Array<const float*>> pointers;
    std::unique_ptr<simt::Array<int64_t>> strides, begin, end;
    simt::Array<double> row_loss;

    explicit Device(const Rows& r)
        : student("student", r.student.data(), r.rows, r.columns, r.gap, 4, r.offset),
          weight("weight", r.weight.data(), r.rows, r.teachers(), r.gap, 4, r.offset),
          gradient("gradient", nullptr, r.rows, r.columns, r.gap, 4, r.offset),
          row_loss("row_loss", std::vector<double>(r.rows, -1)) {
        std::vector<const float*> at;
        std::vector<int64_t> stride;
        for (int64_t k = 0; k < r.teachers(); k++) {
            std::vector<uint16_t> narrowed;
            const void* values = r.teacher[k].data();
            if (r.type != FLOAT32) {
                for (float x : r.teacher[k]) narrowed.push_back(narrow(r.type, x));
                values = narrowed.data();
            }
            teacher.emplace_back("teacher", values, r.rows, r.end[k] - r.begin[k], r.gap, bytes_of(r.type), r.offset);
            at.push_back(teacher.back().address());
            stride.push_back(teacher.back().stride());
        }
        pointers = std::make_unique<simt::Array<const float*>>("teacher pointers", at);
        strides = std::make_unique<simt::Array<int64_t>>("teacher strides", stride);
        begin = std::make_unique<simt::Array<int64_t>>("class_begin", r.begin);
        end = std::make_unique<simt::Array<int64_t>>("class_end", r.end);
    }

    Result result(const Rows& r) const {
        std::vector<unsigned char> bytes(static_cast<size_t>(r.rows * gradient.stride()) * 4);
        gradient.memory->copy_out(bytes.data());
        Result out{row_loss.values(), std::vector<float>(r.rows * r.columns)};
        for (int64_t row = 0; row < r.rows; row++) {
            std::memcpy(
                out.gradient.data() + row * r.columns, bytes.data() + row * gradient.stride() * 4, r.columns * 4);
        }
        return out;
    }

    // Inputs once and outputs once; a teacher of weight 0 never. A streaming row is read and written as often as it
    // needs.
    std::string check(const Rows& r, bool streaming) const {
        std::string wrong = weight.check(1, 0);
        if (wrong.empty()) wrong = row_loss.check(0, 1);
        if (wrong.empty() && !streaming) wrong = student.check(1, 0);
        if (wrong.empty() && !streaming) wrong = gradient.check(0, 1);
        for (int64_t k = 0; k < r.teachers() && wrong.empty(); k++) {
            for (int64_t row = 0; row < r.rows && wrong.empty(); row++) {
                const bool off = r.weight[row * r.teachers() + k] == 0;
                if (off || !streaming) wrong = teacher[k].check_row(row, off ? 0 : 1, 0);
            }
        }
        return wrong;
    }
};

std::string refused(const char* kernel) { return std::string("libpalimpsest knows no launch of ") + kernel; }

}  // namespace

Result kl_cuda(const Library& library, const Rows& r, uint64_t seed, std::string& problems) {
    Device d(r);
    int64_t widest = 0;
    for (int64_t k = 0; k < r.teachers(); k++) widest = std::max(widest, r.end[k] - r.begin[k]);
    palimpsest_cuda_launch shape;
    if (library.kl_launch(r.rows, r.columns, widest, r.teachers(), r.shared_limit, &shape) != PALIMPSEST_OK) {
        throw simt::Fault(refused("multi_teacher_kl"));
    }
    const palimpsest_multi_teacher_kl_args args = {r.rows, r.columns, r.teachers(), r.temperature, d.student.address(),
        d.student.stride(), d.pointers->data(), d.strides->data(), d.begin->data(), d.end->data(), d.weight.address(),
        d.weight.stride(), const_cast<float*>(d.gradient.address()), d.gradient.stride()};
    auto kernel = KL[shape.variant][r.type];
    simt::launch(shape.blocks, shape.threads, shape.shared_bytes, seed, [&] { kernel(args, d.row_loss.data()); });
    problems = d.check(r, shape.variant == PALIMPSEST_CUDA_STREAMING);
    return d.result(r);
}

Result mse_cuda(const Library& library, const Rows& r, uint64_t seed, std::string& problems) {
    Device d(r);
    palimpsest_cuda_launch shape;
    if (library.mse_launch(r.rows, r.columns, r.teachers(), r.shared_limit, &shape) != PALIMPSEST_OK) {
        throw simt::Fault(refused("feature_mse"));
    }
    const palimpsest_feature_mse_args args = {r.rows, r.columns, r.teachers(), d.student.address(), d.student.stride(),
        d.pointers->data(), d.strides->data(), d.weight.address(), d.weight.stride(),
        const_cast<float*>(d.gradient.address()), d.gradient.stride()};
    auto kernel = MSE[shape.variant][r.type];
    simt::launch(shape.blocks, shape.threads, shape.shared_bytes, seed, [&] { kernel(args, d.row_loss.data()); });
    problems = d.check(r, false);
    return d.result(r);
}

std::vector<float> snapshot_cuda(const Library& library, const Snapshot& s, uint64_t seed, std::string& problems) {
    simt::Array<float> weights("weights", s.weights, s.offset * 4);
    simt::Array<uint64_t> planes("planes", s.words);
    simt::Array<float> scale("scale", s.scale);
    simt::Array<float> other("out", std::vector<float>(s.weights.size()), s.offset * 4);
    simt::Array<float>& out = s.in_place ? weights : other;
    palimpsest_cuda_launch shape;
    const int64_t count = static_cast<int64_t>(s.weights.size());
    if (library.snapshot_launch(count, &shape) != PALIMPSEST_OK) throw simt::Fault(refused("snapshot_reconstruction"));
    const palimpsest_snapshot_reconstruction_args args = {count, weights.data(), planes.data(), s.planes, s.step,
        s.channel > 0 ? scale.data() : nullptr, s.channel, out.data()};
    simt::launch(
        shape.blocks, shape.threads, shape.shared_bytes, seed, [&] { palimpsest_cuda_snapshot_reconstruction(args); });
    problems = planes.check(1, 0);
    if (problems.empty()) problems = weights.check(1, s.in_place ? 1 : 0);
    if (problems.empty() && !s.in_place) problems = other.check(0, 1);
    return out.values();
}

}  // namespace cases
