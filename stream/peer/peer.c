/* The loops of STREAM and two of BabelStream in C, to measure ours against: as
 * anybody would write them, for the compiler to make the best of; and with
 * non-temporal stores, by intrinsics, four vectors a round. */
#include <immintrin.h>
#include <omp.h>
#include <stddef.h>

/* Every kernel takes the three arrays and the number of elements; q is 3. It
 * returns the sum, if it is one. */
typedef double kernel(void *, void *, void *, size_t);

#define ARRAYS(T)                                         \
	T *restrict a = pa, *restrict b = pb, *restrict c = pc; \
	const T q = 3;                                        \
	(void)a, (void)b, (void)c, (void)q;

#define PLAIN(NAME, T, STATEMENT)                                                   \
	static double NAME(void *pa, void *pb, void *pc, size_t n)                      \
	{                                                                               \
		ARRAYS(T)                                                                   \
		_Pragma("omp parallel for schedule(static)") for (size_t i = 0; i < n; i++) \
			STATEMENT;                                                              \
		return 0;                                                                   \
	}

/* The sum may be taken in any order, or the compiler could not vectorise it. */
#define DOT(NAME, T)                                                         \
	static double NAME(void *pa, void *pb, void *pc, size_t n)               \
	{                                                                        \
		ARRAYS(T)                                                            \
		T sum = 0;                                                           \
		_Pragma("omp parallel for simd schedule(static) reduction(+ : sum)") \
		for (size_t i = 0; i < n; i++)                                       \
			sum += a[i] * b[i];                                              \
		return sum;                                                          \
	}

#define PLAIN_KERNELS(T, S)                         \
	PLAIN(copy_##S, T, c[i] = a[i])                 \
	PLAIN(scale_##S, T, b[i] = q * c[i])            \
	PLAIN(add_##S, T, c[i] = a[i] + b[i])           \
	PLAIN(triad_##S, T, a[i] = b[i] + q * c[i])     \
	PLAIN(nstream_##S, T, a[i] += b[i] + q * c[i])  \
	DOT(dot_##S, T)

PLAIN_KERNELS(double, f64)
PLAIN_KERNELS(float, f32)

/* A loop of non-temporal stores of vectors of W bytes: each thread has a run of
 * whole lines, and the last one does what is left. In VALUE x and y are the
 * vectors of X and Y, in STATEMENT i is the element. The arrays are aligned to lines. */
#define LINE 64

#define NT(NAME, TARGET, T, W, LOAD, STREAM, SET1, DST, X, Y, VALUE, STATEMENT)                           \
	__attribute__((target(TARGET), noinline)) static void NAME##_part(T *restrict a, T *restrict b,       \
									  T *restrict c, size_t i, size_t to)  \
	{                                                                                                     \
		const size_t w = W / sizeof(T);                                                                   \
		__typeof__(SET1(3)) q = SET1(3), x, y;                                                            \
		(void)a, (void)b, (void)c, (void)q, (void)x, (void)y;                                             \
		for (size_t round = (to - i) / (4 * w); round > 0; round--, i += 4 * w)                           \
			_Pragma("GCC unroll 4") for (size_t j = 0; j < 4; j++)                                        \
			{                                                                                             \
				x = LOAD(X + i + j * w), y = LOAD(Y + i + j * w);                                         \
				STREAM(DST + i + j * w, VALUE);                                                           \
			}                                                                                             \
		for (; i < to; i += w) {                                                                          \
			x = LOAD(X + i), y = LOAD(Y + i);                                                             \
			STREAM(DST + i, VALUE);                                                                       \
		}                                                                                                 \
		_mm_sfence();                                                                                     \
	}                                                                                                     \
	static double NAME(void *pa, void *pb, void *pc, size_t n)                                            \
	{                                                                                                     \
		ARRAYS(T)                                                                                         \
		const size_t per = LINE / sizeof(T), lines = n / per;                                             \
		_Pragma("omp parallel")                                                                           \
		{                                                                                                 \
			size_t me = omp_get_thread_num(), all = omp_get_num_threads();                                \
			NAME##_part(a, b, c, lines * me / all * per, lines * (me + 1) / all * per);                   \
		}                                                                                                 \
		for (size_t i = lines * per; i < n; i++)                                                          \
			STATEMENT;                                                                                    \
		return 0;                                                                                         \
	}

#define NT_KERNELS(P, TARGET, T, S, W, LOAD, STREAM, SET1, MUL, ADD, FMA)                                  \
	NT(P##copy_##S, TARGET, T, W, LOAD, STREAM, SET1, c, a, a, x, c[i] = a[i])                         \
	NT(P##scale_##S, TARGET, T, W, LOAD, STREAM, SET1, b, c, c, MUL(q, x), b[i] = q * c[i])            \
	NT(P##add_##S, TARGET, T, W, LOAD, STREAM, SET1, c, a, b, ADD(x, y), c[i] = a[i] + b[i])           \
	NT(P##triad_##S, TARGET, T, W, LOAD, STREAM, SET1, a, b, c, FMA(q, y, x), a[i] = b[i] + q * c[i])

NT_KERNELS(nt512_, "avx512f", double, f64, 64, _mm512_load_pd, _mm512_stream_pd, _mm512_set1_pd,
	   _mm512_mul_pd, _mm512_add_pd, _mm512_fmadd_pd)
NT_KERNELS(nt512_, "avx512f", float, f32, 64, _mm512_load_ps, _mm512_stream_ps, _mm512_set1_ps,
	   _mm512_mul_ps, _mm512_add_ps, _mm512_fmadd_ps)
NT_KERNELS(nt256_, "avx2,fma", double, f64, 32, _mm256_load_pd, _mm256_stream_pd, _mm256_set1_pd,
	   _mm256_mul_pd, _mm256_add_pd, _mm256_fmadd_pd)
NT_KERNELS(nt256_, "avx2,fma", float, f32, 32, _mm256_load_ps, _mm256_stream_ps, _mm256_set1_ps,
	   _mm256_mul_ps, _mm256_add_ps, _mm256_fmadd_ps)

/* peer_run runs a kernel (copy, scale, add, triad, nstream, dot) on n elements of
 * size 8 or 4: plain for width 0, or the first four of them non-temporal with
 * vectors of 512 or 256 bits. It returns dot's sum, and -1 for what there is not. */
double peer_run(int number, int width, int size, void *a, void *b, void *c, size_t n)
{
#define FOUR(P, S) P##copy_##S, P##scale_##S, P##add_##S, P##triad_##S
	static kernel *const table[3][2][6] = {
		{{FOUR(, f64), nstream_f64, dot_f64}, {FOUR(, f32), nstream_f32, dot_f32}},
		{{FOUR(nt256_, f64)}, {FOUR(nt256_, f32)}},
		{{FOUR(nt512_, f64)}, {FOUR(nt512_, f32)}},
	};
	if (number < 0 || number > 5 || width % 256 || width < 0 || width > 512 || (size != 8 && size != 4))
		return -1;
	kernel *run = table[width / 256][size == 4][number];
	return run ? run(a, b, c, n) : -1;
}

/* peer_width is the widest vector that this machine has for non-temporal loops; 0 for none. */
int peer_width(void)
{
	if (__builtin_cpu_supports("avx512f"))
		return 512;
	return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") ? 256 : 0;
}

/* peer_wake is a region with nothing in it: it wakes the threads. It returns their number. */
int peer_wake(void)
{
	int n = 0;
#pragma omp parallel reduction(+ : n)
	n += 1;
	return n;
}

/* peer_compiler is what made this library. */
const char *peer_compiler(void) { return "gcc " __VERSION__; }
