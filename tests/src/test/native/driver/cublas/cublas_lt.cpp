// cuBLAS brings this library with it; nothing of it is called here.
extern "C" __attribute__((visibility("default"))) unsigned long cublasLtGetVersion() { return 120600; }
