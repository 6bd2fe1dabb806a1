package cuda

import "time"

// Ptr is an address in a device's memory.
type Ptr uint64

// Attributes describes one GPU, as its driver does. A number that the driver does not know
// is 0.
type Attributes struct {
	Index    int
	Name     string
	UUID     string // "GPU-…", as nvidia-smi and NVML write it
	PCIBusID string // "0000:19:00.0"

	Major, Minor       int // compute capability
	SMs                int
	WarpSize           int // threads
	MaxThreadsPerBlock int
	MaxThreadsPerSM    int
	MaxBlocksPerSM     int
	RegistersPerSM     int // 32-bit registers

	SharedPerBlock      int    // bytes, without opting in
	SharedPerBlockOptin int    // bytes, after Function.AllowShared
	SharedPerSM         int    // bytes
	L2Bytes             int    // bytes
	TotalMem            uint64 // bytes
	FreeMem             uint64 // bytes, when the device was opened

	ClockKHz    int // highest SM clock
	MemClockKHz int // highest memory clock
	MemBusBits  int

	ClusterLaunch bool // thread block clusters
	TensorMap     bool // tensor maps (TMA)
	ECC           bool // ECC is on
	ComputeMode   int  // 0 default, 2 prohibited, 3 exclusive process
}

// Cubin is machine code for one device.
type Cubin struct {
	Image   []byte        // an ELF file
	InfoLog string        // what the compiler said: registers, spills, warnings; see Warnings
	Elapsed time.Duration // wall time of the compilation
}

// FunctionInfo is what one kernel uses.
type FunctionInfo struct {
	Registers    int // per thread
	SharedStatic int // bytes per block
	LocalBytes   int // bytes per thread: spills and stack
	ConstBytes   int // bytes of user constants
	MaxThreads   int // threads per block that the kernel can be launched with
}

// Launch is the shape of one launch. A cluster's shape is part of the kernel.
type Launch struct {
	Grid, Block [3]uint32 // x, y, z; each at least 1
	SharedBytes uint32    // dynamic shared memory per block
}
