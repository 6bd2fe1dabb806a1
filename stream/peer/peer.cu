// STREAM's loops as CUDA C is usually written: one lambda-sized body an element,
// a grid-stride loop unrolled by four over blocks of 256 threads (the shape of
// BabelStream's kernels), and one element a thread. Our own writing; the peers of
// our kernels on the GPU. Built with: nvcc -O3 -arch=native -cubin

static const double q = 3.0;

#define LOOPS(name, params, body)                                                                  \
  extern "C" __global__ void name##_stride(params, unsigned long long n) {                         \
    _Pragma("unroll 4") for (unsigned long long i = blockIdx.x * (unsigned long long)blockDim.x + threadIdx.x; i < n; \
                             i += (unsigned long long)gridDim.x * blockDim.x) { body; }            \
  }                                                                                                \
  extern "C" __global__ void name##_each(params, unsigned long long n) {                           \
    const unsigned long long i = blockIdx.x * (unsigned long long)blockDim.x + threadIdx.x;        \
    if (i < n) { body; }                                                                           \
  }

#define ARRAYS double *__restrict__ a, double *__restrict__ b, double *__restrict__ c, double *__restrict__ sums

LOOPS(copy, ARRAYS, c[i] = a[i])
LOOPS(scale, ARRAYS, b[i] = q * c[i])
LOOPS(add, ARRAYS, c[i] = a[i] + b[i])
LOOPS(triad, ARRAYS, a[i] = b[i] + q * c[i])
LOOPS(nstream, ARRAYS, a[i] += b[i] + q * c[i])

const int dotThreads = 1024;

// dot: each block leaves its part; the host, or whoever wants the sum, adds them up.
extern "C" __global__ void dot_stride(ARRAYS, unsigned long long n) {
  __shared__ double part[dotThreads];
  double sum = 0;
  for (unsigned long long i = blockIdx.x * (unsigned long long)blockDim.x + threadIdx.x; i < n;
       i += (unsigned long long)gridDim.x * blockDim.x)
    sum += a[i] * b[i];
  part[threadIdx.x] = sum;
  for (int half = blockDim.x / 2; half > 0; half /= 2) {
    __syncthreads();
    if (threadIdx.x < half) part[threadIdx.x] += part[threadIdx.x + half];
  }
  if (threadIdx.x == 0) sums[blockIdx.x] = part[0];
}

extern "C" __global__ void init(ARRAYS, unsigned long long n) {
  for (unsigned long long i = blockIdx.x * (unsigned long long)blockDim.x + threadIdx.x; i < n;
       i += (unsigned long long)gridDim.x * blockDim.x) {
    a[i] = 1 + i % 16;
    b[i] = 2 + i % 8;
    c[i] = 3 + i % 4;
  }
}

// check counts what is wrong after one run from init: word 0 elements, word 1 those
// that were compared. which: 0 copy, 1 scale, 2 add, 3 triad, 4 nstream, 5 dot.
extern "C" __global__ void check(ARRAYS, unsigned long long n, unsigned long long *result, int which, int blocks) {
  const unsigned long long first = blockIdx.x * (unsigned long long)blockDim.x + threadIdx.x;
  if (which == 5) {
    if (first > 0) return;
    double sum = 0, period = 0;
    for (int i = 0; i < blocks; i++) sum += sums[i];
    for (int i = 0; i < 16; i++) period += (1 + i % 16) * (2 + i % 8);
    result[0] = sum != period * (n / 16);
    result[1] = n;
    return;
  }
  unsigned long long wrong = 0, compared = 0;
  for (unsigned long long i = first; i < n; i += (unsigned long long)gridDim.x * blockDim.x) {
    const double x = 1 + i % 16, y = 2 + i % 8, z = 3 + i % 4;
    const double got[] = {c[i], b[i], c[i], a[i], a[i]}, want[] = {x, q * z, x + y, y + q * z, x + y + q * z};
    wrong += got[which] != want[which];
    compared++;
  }
  atomicAdd(&result[0], wrong);
  atomicAdd(&result[1], compared);
}
