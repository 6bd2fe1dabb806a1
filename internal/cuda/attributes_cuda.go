//go:build cuda && linux && cgo

package cuda

//#include "shim.h"
import "C"

import (
	"fmt"

	"gorgonia.org/cu"
)

// Devices lists the GPUs that the driver shows to this process, without making a context:
// what is free of their memory is not known.
func Devices() ([]Attributes, error) {
	n, err := DeviceCount()
	if err != nil {
		return nil, err
	}
	list := make([]Attributes, n)
	for i := range list {
		dev, err := cu.GetDevice(i)
		if err != nil {
			return nil, fmt.Errorf("device %d: %w", i, cuError("cuDeviceGet", err))
		}
		if list[i], err = describe(dev); err != nil {
			return nil, fmt.Errorf("device %d: %w", i, err)
		}
		list[i].Index = i
	}
	return list, nil
}

func (g *gpu) attributes() (Attributes, error) {
	a, err := describe(g.dev)
	if err != nil {
		return a, err
	}
	a.FreeMem, a.TotalMem, err = g.memInfo()
	return a, err
}

func describe(dev cu.Device) (Attributes, error) {
	var a Attributes
	var err error
	if a.Name, err = dev.Name(); err != nil {
		return a, cuError("cuDeviceGetName", err)
	}
	id, err := dev.UUID()
	if err != nil {
		return a, cuError("cuDeviceGetUuid", err)
	}
	a.UUID = "GPU-" + id.String()
	total, err := dev.TotalMem()
	if err != nil {
		return a, cuError("cuDeviceTotalMem", err)
	}
	a.TotalMem = uint64(total)
	get := func(n cu.DeviceAttribute) int { return attribute(dev, n) }
	for _, n := range numbers(&a) {
		*n.into = get(n.attribute)
	}
	a.PCIBusID = fmt.Sprintf("%04x:%02x:%02x.0", get(cu.PciDomainID), get(cu.PciBusID), get(cu.PciDeviceID))
	a.ClusterLaunch = get(C.CU_DEVICE_ATTRIBUTE_CLUSTER_LAUNCH) != 0
	a.TensorMap = get(C.CU_DEVICE_ATTRIBUTE_TENSOR_MAP_ACCESS_SUPPORTED) != 0
	a.ECC = get(cu.EccEnabled) != 0
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

// attribute is 0 for one that the driver does not know.
func attribute(dev cu.Device, a cu.DeviceAttribute) int {
	v, err := dev.Attribute(a)
	if err != nil {
		return 0
	}
	return v
}
