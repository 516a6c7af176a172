// A case from a file, its result into another; little-endian 8-byte numbers, then arrays without padding.
//   in:  kernel (0 multi_teacher_kl, 1 feature_mse), rows, columns, teachers, temperature (float64), begin[K], end[K],
//        student, teachers, weight; or
//        kernel 2 snapshot_reconstruction, count, planes, step, weights, plane words
//   out: row_loss (float64) and gradient, or the weights
#include <fstream>
#include <stdexcept>

#include "checks.h"
#include "simt.h"

namespace checks {

namespace {

class Input {
public:
    explicit Input(const char* path) : file_(path, std::ios::binary) {}

    int64_t number() { return array<int64_t>(1)[0]; }

    template <class T>
    std::vector<T> array(int64_t count) {
        std::vector<T> values(static_cast<size_t>(count));
        file_.read(reinterpret_cast<char*>(values.data()), static_cast<std::streamsize>(values.size() * sizeof(T)));
        if (!file_) throw std::runtime_error("the case file ends too early");
        return values;
    }

private:
    std::ifstream file_;
};

template <class T>
void write(std::ofstream& file, const std::vector<T>& values) {
    file.write(reinterpret_cast<const char*>(values.data()), static_cast<std::streamsize>(values.size() * sizeof(T)));
}

cases::Rows read_rows(Input& in) {
    cases::Rows r;
    r.rows = in.number();
    r.columns = in.number();
    const int64_t teachers = in.number();
    r.temperature = in.array<double>(1)[0];
    r.begin = in.array<int64_t>(teachers);
    r.end = in.array<int64_t>(teachers);
    r.student = in.array<float>(r.rows * r.columns);
    for (int64_t k = 0; k < teachers; k++) r.teacher.push_back(in.array<float>(r.rows * (r.end[k] - r.begin[k])));
    r.weight = in.array<float>(r.rows * teachers);
    return r;
}

}  // namespace

void case_file(const cases::Library& library, const char* from, const char* to) {
    Input in(from);
    std::ofstream out(to, std::ios::binary);
    const int64_t kernel = in.number();
    std::string problems;
    if (kernel == 2) {
        cases::Snapshot s;
        const int64_t count = in.number();
        s.planes = in.number();
        s.step = in.number();
        s.weights = in.array<float>(count);
        s.words = in.array<uint64_t>((count + 63) / 64 * s.planes);
        write(out, snapshot_cuda(library, s, 1, problems));
    } else {
        const cases::Rows r = read_rows(in);
        cases::Result result = kernel == 0 ? kl_cuda(library, r, 1, problems) : mse_cuda(library, r, 1, problems);
        if (problems.empty()) problems = difference(kernel == 0 ? kl_twin(library, r) : mse_twin(library, r), result);
        write(out, result.row_loss);
        write(out, result.gradient);
    }
    report("case", problems);
}

}  // namespace checks
