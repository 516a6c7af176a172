"""Distillation from two teachers, through ctypes and NumPy: python3 multi_teacher_kl.py PATH/libpalimpsest.so"""
import ctypes, sys
import numpy as np

class Args(ctypes.Structure):  # palimpsest_multi_teacher_kl_args
    _fields_ = [("rows", ctypes.c_int64), ("classes", ctypes.c_int64), ("teachers", ctypes.c_int64),
                ("temperature", ctypes.c_double), ("student", ctypes.c_void_p), ("student_stride", ctypes.c_int64),
                ("teacher", ctypes.c_void_p), ("teacher_stride", ctypes.c_void_p), ("class_begin", ctypes.c_void_p),
                ("class_end", ctypes.c_void_p), ("weight", ctypes.c_void_p), ("weight_stride", ctypes.c_int64),
                ("gradient", ctypes.c_void_p), ("gradient_stride", ctypes.c_int64)]

B, C, T, begin, end = 4, 10, 2.0, np.array([0, 4]), np.array([10, 8])  # teacher 1 was taught classes 4 to 7 alone
student = np.float32(np.sin(np.arange(B * C))).reshape(B, C)
teachers = [np.float32(np.cos((k + 2) * np.arange(B * (end[k] - begin[k])))).reshape(B, -1) for k in range(2)]
weight, gradient, row_loss = np.full((B, 2), 0.5, np.float32), np.empty((B, C), np.float32), np.empty(B)
pointers, strides = np.array([t.ctypes.data for t in teachers]), end - begin  # int64, as begin and end

lib = ctypes.CDLL(sys.argv[1])
lib.palimpsest_multi_teacher_kl_scratch.restype = ctypes.c_int64
args = Args(B, C, 2, T, student.ctypes.data, C, pointers.ctypes.data, strides.ctypes.data, begin.ctypes.data,
            end.ctypes.data, weight.ctypes.data, 2, gradient.ctypes.data, C)
memory = ctypes.create_string_buffer(lib.palimpsest_multi_teacher_kl_scratch(ctypes.byref(args)) + 64)
scratch = ctypes.c_void_p(-(-ctypes.addressof(memory) // 64) * 64)
isa = max(i for i in range(3) if lib.palimpsest_isa_supported(i))
status = lib.palimpsest_multi_teacher_kl(isa, ctypes.byref(args), ctypes.c_int64(0), ctypes.c_int64(B), scratch,
                                         ctypes.c_void_p(row_loss.ctypes.data))
assert status == 0, status

log_softmax = lambda z: z - np.log(np.exp(z).sum(1, keepdims=True))
loss, expected = 0, np.zeros((B, C))  # F.kl_div(F.log_softmax(s / T), F.softmax(t / T), reduction="batchmean") * T * T
for t, w, b, e in zip(teachers, weight.T, begin, end):
    log_p, log_q = log_softmax(np.float64(t) / T), log_softmax(np.float64(student[:, b:e]) / T)
    loss += (w[:, None] * np.exp(log_p) * (log_p - log_q)).sum() * T * T / B
    expected[:, b:e] += w[:, None] * (np.exp(log_q) - np.exp(log_p)) * T / B
assert abs(row_loss.sum() / B - loss) < 1e-6 * loss and np.abs(gradient - expected).max() < 1e-6 * np.abs(expected).max()
print(f"loss {row_loss.sum() / B:.9f}, expected {loss:.9f}")
