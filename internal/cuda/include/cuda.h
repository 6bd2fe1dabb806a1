// Stands before the toolkit's cuda.h on the include path, so that gorgonia.org/cu
// v0.9.6, written for CUDA 11, also compiles against CUDA 12 and 13.
//
// The driver keeps every old entry point for good; only the header's names moved on.
// So a name is put back on the entry point whose signature cu knows, and declared again.
#ifndef GPUBENCH_CUDA_H
#define GPUBENCH_CUDA_H

#include_next <cuda.h>

#if CUDA_VERSION < 12000
#error "gpubench needs a cuda.h of CUDA 12.0 or newer (deploy/cuda-header.sh finds one)"
#endif

// Since 12.8 the header asks for _v2, which a 12.0 driver lacks: the first call would end
// the process. The old entry point is in every driver.
#ifdef cuEventElapsedTime
#undef cuEventElapsedTime
extern CUresult CUDAAPI cuEventElapsedTime(float *pMilliseconds, CUevent hStart, CUevent hEnd);
#endif

#if CUDA_VERSION >= 13000

#undef cuCtxCreate
#define cuCtxCreate cuCtxCreate_v2
extern CUresult CUDAAPI cuCtxCreate_v2(CUcontext *pctx, unsigned int flags, CUdevice dev);

#undef cuMemAdvise
extern CUresult CUDAAPI cuMemAdvise(CUdeviceptr devPtr, size_t count, CUmem_advise advice, CUdevice device);

#undef cuMemPrefetchAsync
extern CUresult CUDAAPI cuMemPrefetchAsync(CUdeviceptr devPtr, size_t count, CUdevice dstDevice, CUstream hStream);

#undef cuGraphGetEdges
extern CUresult CUDAAPI cuGraphGetEdges(CUgraph hGraph, CUgraphNode *from, CUgraphNode *to, size_t *numEdges);

#undef cuGraphAddDependencies
extern CUresult CUDAAPI cuGraphAddDependencies(CUgraph hGraph, const CUgraphNode *from, const CUgraphNode *to,
                                               size_t numDependencies);

#endif // CUDA_VERSION >= 13000

#endif // GPUBENCH_CUDA_H
