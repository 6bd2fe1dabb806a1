//go:build cuda && linux && cgo

package cuda

//#include "shim.h"
import "C"

import (
	"fmt"

	"gorgonia.org/cu"
)

func (g *gpu) attributes() (Attributes, error) {
	var a Attributes
	var err error
	if a.Name, err = g.dev.Name(); err != nil {
		return a, cuError("cuDeviceGetName", err)
	}
	id, err := g.dev.UUID()
	if err != nil {
		return a, cuError("cuDeviceGetUuid", err)
	}
	a.UUID = "GPU-" + id.String()
	if a.FreeMem, a.TotalMem, err = g.memInfo(); err != nil {
		return a, err
	}
	for _, n := range numbers(&a) {
		*n.into = g.number(n.attribute)
	}
	a.PCIBusID = fmt.Sprintf("%04x:%02x:%02x.0", g.number(cu.PciDomainID), g.number(cu.PciBusID), g.number(cu.PciDeviceID))
	a.ClusterLaunch = g.number(C.CU_DEVICE_ATTRIBUTE_CLUSTER_LAUNCH) != 0
	a.TensorMap = g.number(C.CU_DEVICE_ATTRIBUTE_TENSOR_MAP_ACCESS_SUPPORTED) != 0
	a.ECC = g.number(cu.EccEnabled) != 0
	return a, nil
}

type number struct {
	into      *int
	attribute cu.DeviceAttribute
}

func numbers(a *Attributes) []number {
	return []number{
		{&a.Major, cu.ComputeCapabilityMajor},
		{&a.Minor, cu.ComputeCapabilityMinor},
		{&a.SMs, cu.MultiprocessorCount},
		{&a.WarpSize, cu.WarpSize},
		{&a.MaxThreadsPerBlock, cu.MaxThreadsPerBlock},
		{&a.MaxThreadsPerSM, cu.MaxThreadsPerMultiprocessor},
		{&a.MaxBlocksPerSM, C.CU_DEVICE_ATTRIBUTE_MAX_BLOCKS_PER_MULTIPROCESSOR},
		{&a.RegistersPerSM, cu.MaxRegistersPerMultiprocessor},
		{&a.SharedPerBlock, cu.MaxSharedMemoryPerBlock},
		{&a.SharedPerBlockOptin, C.CU_DEVICE_ATTRIBUTE_MAX_SHARED_MEMORY_PER_BLOCK_OPTIN},
		{&a.SharedPerSM, cu.MaxSharedMemoryPerMultiprocessor},
		{&a.L2Bytes, cu.L2CacheSize},
		{&a.ClockKHz, cu.ClockRate},
		{&a.MemClockKHz, cu.MemoryClockRate},
		{&a.MemBusBits, cu.GlobalMemoryBusWidth},
		{&a.ComputeMode, cu.ComputeMode},
	}
}

// number is 0 for an attribute that the driver does not know.
func (g *gpu) number(a cu.DeviceAttribute) int {
	v, err := g.dev.Attribute(a)
	if err != nil {
		return 0
	}
	return v
}
