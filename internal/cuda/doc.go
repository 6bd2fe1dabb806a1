// Package cuda is the only package that touches the CUDA driver, through gorgonia.org/cu
// and, for what cu lacks, a few driver calls looked up by name beside it.
//
// The default build has no CUDA in it: everything here compiles, and every entry returns an
// error that matches [ErrNotBuilt]. The build tag cuda adds the GPU. That binary still
// starts on a machine without a driver: the driver's library is opened on first use, and
// [Available] says why when it cannot be.
//
// A context belongs to an OS thread, so each [Device] owns one goroutine locked to one
// thread, and all driver calls of the device run there; its methods may be called from any
// goroutine. Only [Device.Compile] runs elsewhere, on as many threads as there are callers.
package cuda
