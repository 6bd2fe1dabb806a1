//go:build cuda && linux && cgo

#define _GNU_SOURCE
#include "shim.h"

#include <dlfcn.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

// cuda.h renames calls by macro (cuLinkCreate is cuLinkCreate_v2): look up what it means.
#define NAME_(x) #x
#define NAME(x) NAME_(x)
#define LOOKUP(p, f) p = (__typeof__(p))dlsym(library, NAME(f))

static void *library;
static int status = -1;
static char reason[512];

static CUresult (*pInit)(unsigned);
static __typeof__(cuDriverGetVersion) *pDriverGetVersion;
static __typeof__(cuGetErrorName) *pGetErrorName;
static __typeof__(cuGetErrorString) *pGetErrorString;
static __typeof__(cuLinkCreate) *pLinkCreate;
static __typeof__(cuLinkAddData) *pLinkAddData;
static __typeof__(cuLinkComplete) *pLinkComplete;
static __typeof__(cuLinkDestroy) *pLinkDestroy;
static __typeof__(cuModuleLoadData) *pModuleLoadData;
static __typeof__(cuModuleUnload) *pModuleUnload;
static __typeof__(cuModuleGetFunction) *pModuleGetFunction;
static __typeof__(cuFuncGetAttribute) *pFuncGetAttribute;
static __typeof__(cuFuncSetAttribute) *pFuncSetAttribute;
static __typeof__(cuLaunchKernel) *pLaunchKernel;
static __typeof__(cuTensorMapEncodeTiled) *pTensorMapEncodeTiled;
// Since 12.4, so a 12.0 header does not have it.
static CUresult (*pFuncGetParamInfo)(CUfunction, size_t, size_t *, size_t *);

static void lookup(void) {
	pInit = (CUresult(*)(unsigned))dlsym(library, "cuInit");
	pFuncGetParamInfo = (CUresult(*)(CUfunction, size_t, size_t *, size_t *))dlsym(library, "cuFuncGetParamInfo");
	LOOKUP(pDriverGetVersion, cuDriverGetVersion);
	LOOKUP(pGetErrorName, cuGetErrorName);
	LOOKUP(pGetErrorString, cuGetErrorString);
	LOOKUP(pLinkCreate, cuLinkCreate);
	LOOKUP(pLinkAddData, cuLinkAddData);
	LOOKUP(pLinkComplete, cuLinkComplete);
	LOOKUP(pLinkDestroy, cuLinkDestroy);
	LOOKUP(pModuleLoadData, cuModuleLoadData);
	LOOKUP(pModuleUnload, cuModuleUnload);
	LOOKUP(pModuleGetFunction, cuModuleGetFunction);
	LOOKUP(pFuncGetAttribute, cuFuncGetAttribute);
	LOOKUP(pFuncSetAttribute, cuFuncSetAttribute);
	LOOKUP(pLaunchKernel, cuLaunchKernel);
	LOOKUP(pTensorMapEncodeTiled, cuTensorMapEncodeTiled);
}

// RTLD_GLOBAL is what lets cu's own calls, bound lazily, find the driver. Modules are loaded
// whole, so that the first launch of a kernel does not load it inside a measurement.
static void start(void) {
	setenv("CUDA_MODULE_LOADING", "EAGER", 0);
	library = dlopen("libcuda.so.1", RTLD_LAZY | RTLD_GLOBAL);
	if (!library) {
		const char *why = dlerror();
		strncpy(reason, why ? why : "libcuda.so.1 cannot be opened", sizeof reason - 1);
		return;
	}
	lookup();
	if (!pInit) {
		strncpy(reason, "libcuda.so.1 has no cuInit", sizeof reason - 1);
		return;
	}
	status = (int)pInit(0);
}

int gb_start(void) {
	static pthread_once_t once = PTHREAD_ONCE_INIT;
	pthread_once(&once, start);
	return status;
}

const char *gb_reason(void) { return reason; }

// Stands for the driver's cuInit in this program. cu calls it from its package init and ends
// the process when it fails; so it always succeeds, and the driver's own is called by
// gb_start, when the GPU is first asked for. That also keeps commands that need no GPU fast.
CUresult CUDAAPI cuInit(unsigned flags) {
	(void)flags;
	return CUDA_SUCCESS;
}

#define NEED(p) \
	if (!p) return CUDA_ERROR_NOT_FOUND

int gb_driver_version(int *version) {
	NEED(pDriverGetVersion);
	return pDriverGetVersion(version);
}

void gb_describe(int code, const char **name, const char **text) {
	*name = *text = NULL;
	if (pGetErrorName) pGetErrorName((CUresult)code, name);
	if (pGetErrorString) pGetErrorString((CUresult)code, text);
}

enum { infoBytes = 64 << 10, errorBytes = 64 << 10 };

// The driver owns the image until cuLinkDestroy, so it is copied.
static CUresult complete(CUlinkState link, gb_linked *out) {
	void *image = NULL;
	CUresult r = pLinkComplete(link, &image, &out->size);
	if (r != CUDA_SUCCESS) return r;
	out->image = malloc(out->size ? out->size : 1);
	if (!out->image) return CUDA_ERROR_OUT_OF_MEMORY;
	memcpy(out->image, image, out->size);
	return r;
}

int gb_link(const char *ptx, size_t size, const char *name, gb_linked *out) {
	memset(out, 0, sizeof *out);
	out->step = "cuLinkCreate";
	NEED(pLinkCreate && pLinkAddData && pLinkComplete && pLinkDestroy);
	out->info = calloc(1, infoBytes);
	out->error = calloc(1, errorBytes);
	if (!out->info || !out->error) return CUDA_ERROR_OUT_OF_MEMORY;

	CUjit_option keys[] = {
	    CU_JIT_INFO_LOG_BUFFER,  CU_JIT_INFO_LOG_BUFFER_SIZE_BYTES,  CU_JIT_ERROR_LOG_BUFFER,
	    CU_JIT_ERROR_LOG_BUFFER_SIZE_BYTES, CU_JIT_LOG_VERBOSE,
	};
	void *values[] = {
	    out->info, (void *)(uintptr_t)(infoBytes - 1), out->error,
	    (void *)(uintptr_t)(errorBytes - 1), (void *)(uintptr_t)1,
	};
	CUlinkState link;
	CUresult r = pLinkCreate(sizeof keys / sizeof *keys, keys, values, &link);
	if (r != CUDA_SUCCESS) return r;
	out->step = "cuLinkAddData";
	r = pLinkAddData(link, CU_JIT_INPUT_PTX, (void *)ptx, size, name, 0, NULL, NULL);
	if (r == CUDA_SUCCESS) {
		out->step = "cuLinkComplete";
		r = complete(link, out);
	}
	pLinkDestroy(link);
	return r;
}

int gb_module_load(uintptr_t *module, const void *image) {
	NEED(pModuleLoadData);
	return pModuleLoadData((CUmodule *)module, image);
}

int gb_module_unload(uintptr_t module) {
	NEED(pModuleUnload);
	return pModuleUnload((CUmodule)module);
}

int gb_function(uintptr_t *function, uintptr_t module, const char *name) {
	NEED(pModuleGetFunction);
	return pModuleGetFunction((CUfunction *)function, (CUmodule)module, name);
}

int gb_function_get(int *value, int attribute, uintptr_t function) {
	NEED(pFuncGetAttribute);
	return pFuncGetAttribute(value, (CUfunction_attribute)attribute, (CUfunction)function);
}

int gb_function_set(uintptr_t function, int attribute, int value) {
	NEED(pFuncSetAttribute);
	return pFuncSetAttribute((CUfunction)function, (CUfunction_attribute)attribute, value);
}

int gb_param_size(uintptr_t function, size_t index, size_t *size) {
	size_t offset;
	NEED(pFuncGetParamInfo);
	return pFuncGetParamInfo((CUfunction)function, index, &offset, size);
}

int gb_launch(uintptr_t function, const unsigned *grid, const unsigned *block, unsigned shared,
              uintptr_t stream, void **params) {
	NEED(pLaunchKernel);
	return pLaunchKernel((CUfunction)function, grid[0], grid[1], grid[2], block[0], block[1], block[2],
	                     shared, (CUstream)stream, params, NULL);
}

int gb_encode_tiled(const gb_tensor_map *m, unsigned char *out) {
	CUtensorMap map; // the type itself asks for 64 bytes of alignment
	cuuint64_t dims[5], strides[5];
	NEED(pTensorMapEncodeTiled);
	for (int i = 0; i < 5; i++) dims[i] = m->dims[i], strides[i] = m->strides[i];
	CUresult r = pTensorMapEncodeTiled(
	    &map, (CUtensorMapDataType)m->dataType, (cuuint32_t)m->rank, (void *)(uintptr_t)m->global, dims, strides,
	    m->box, m->elementStrides, (CUtensorMapInterleave)m->interleave, (CUtensorMapSwizzle)m->swizzle,
	    (CUtensorMapL2promotion)m->promotion, (CUtensorMapFloatOOBfill)m->fill);
	if (r == CUDA_SUCCESS) memcpy(out, &map, sizeof map);
	return r;
}

// The numbers that the untagged Go files carry.
_Static_assert(CU_FUNC_ATTRIBUTE_MAX_DYNAMIC_SHARED_SIZE_BYTES == 8, "");
_Static_assert(CU_FUNC_ATTRIBUTE_PREFERRED_SHARED_MEMORY_CARVEOUT == 9, "");
_Static_assert(CU_FUNC_ATTRIBUTE_NON_PORTABLE_CLUSTER_SIZE_ALLOWED == 14, "");
_Static_assert(CU_TENSOR_MAP_DATA_TYPE_BFLOAT16 == 9 && CU_TENSOR_MAP_DATA_TYPE_TFLOAT32_FTZ == 12, "");
_Static_assert(CU_TENSOR_MAP_SWIZZLE_128B == 3 && CU_TENSOR_MAP_L2_PROMOTION_L2_256B == 3, "");
_Static_assert(CU_TENSOR_MAP_INTERLEAVE_32B == 2 && CU_TENSOR_MAP_FLOAT_OOB_FILL_NAN_REQUEST_ZERO_FMA == 1, "");
_Static_assert(CUDA_ERROR_NOT_FOUND == 500 && CUDA_ERROR_NOT_READY == 600 && CUDA_ERROR_NO_DEVICE == 100, "");
_Static_assert(CUDA_ERROR_ILLEGAL_ADDRESS == 700 && CUDA_ERROR_LAUNCH_FAILED == 719, "");
_Static_assert(sizeof(CUtensorMap) == 128, "");
