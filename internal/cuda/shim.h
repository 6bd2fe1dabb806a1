// What gorgonia.org/cu lacks of the CUDA driver, looked up by name in the driver's library.
#ifndef GPUBENCH_SHIM_H
#define GPUBENCH_SHIM_H

#include <cuda.h>
#include <stdint.h>

// gb_start opens the driver's library and initialises it, once. The answer is the driver's
// status, or -1 when there is no library; gb_reason then says why.
int gb_start(void);
const char *gb_reason(void);

int gb_driver_version(int *version);
void gb_describe(int code, const char **name, const char **text);

// gb_linked is one compilation; image, info and error are the caller's to free.
typedef struct {
	const char *step; // the driver call that failed
	void *image;
	size_t size;
	char *info;
	char *error;
} gb_linked;
int gb_link(const char *ptx, size_t size, const char *name, gb_linked *out);

int gb_module_load(uintptr_t *module, const void *image);
int gb_module_unload(uintptr_t module);
int gb_function(uintptr_t *function, uintptr_t module, const char *name);
int gb_function_get(int *value, int attribute, uintptr_t function);
int gb_function_set(uintptr_t function, int attribute, int value);
int gb_param_size(uintptr_t function, size_t index, size_t *size);
int gb_launch(uintptr_t function, const unsigned *grid, const unsigned *block, unsigned shared,
              uintptr_t stream, void **params);

typedef struct {
	int dataType, rank;
	uint64_t global;
	uint64_t dims[5], strides[5];
	uint32_t box[5], elementStrides[5];
	int interleave, swizzle, promotion, fill;
} gb_tensor_map;
int gb_encode_tiled(const gb_tensor_map *m, unsigned char *out);

#endif
