//go:build cuda && linux && cgo

package nvml

import (
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/NVIDIA/go-nvml/pkg/nvml"
)

// realLibrary is the library for real. Its calls are bound lazily, and one that the installed
// library lacks would end the process; so newer ones are looked up before they are called.
type realLibrary struct{ api nvml.Interface }

func newLibrary() library { return realLibrary{nvml.New()} }

func (l realLibrary) start() error { return failure("nvmlInit", l.api.Init()) }

func (l realLibrary) stop() { _ = l.api.Shutdown() } // nothing to do about it

func (l realLibrary) has(symbol string) bool { return l.api.Extensions().LookupSymbol(symbol) == nil }

func (l realLibrary) driver() (string, bool) { return known(l.api.SystemGetDriverVersion()) }

func (l realLibrary) byUUID(uuid string) (card, error) {
	d, ret := l.api.DeviceGetHandleByUUID(uuid)
	return realCard{l, d}, failure("nvmlDeviceGetHandleByUUID", ret)
}

func (l realLibrary) byBusID(id string) (card, error) {
	d, ret := l.api.DeviceGetHandleByPciBusId(id)
	return realCard{l, d}, failure("nvmlDeviceGetHandleByPciBusId", ret)
}

type realCard struct {
	lib realLibrary
	dev nvml.Device
}

func (c realCard) smClock() (uint32, bool)     { return known(c.dev.GetClockInfo(nvml.CLOCK_SM)) }
func (c realCard) memClock() (uint32, bool)    { return known(c.dev.GetClockInfo(nvml.CLOCK_MEM)) }
func (c realCard) maxSMClock() (uint32, bool)  { return known(c.dev.GetMaxClockInfo(nvml.CLOCK_SM)) }
func (c realCard) maxMemClock() (uint32, bool) { return known(c.dev.GetMaxClockInfo(nvml.CLOCK_MEM)) }
func (c realCard) powerLimit() (uint32, bool)  { return known(c.dev.GetEnforcedPowerLimit()) }
func (c realCard) energy() (uint64, bool)      { return known(c.dev.GetTotalEnergyConsumption()) }
func (c realCard) vbios() (string, bool)       { return known(c.dev.GetVbiosVersion()) }

func (c realCard) temperature() (uint32, bool) {
	return known(c.dev.GetTemperature(nvml.TEMPERATURE_GPU))
}

// power prefers the power of this moment: since Ampere the plain call gives the mean of the
// last second, which tells nothing of a kernel that takes milliseconds.
func (c realCard) power() (uint32, bool) {
	field := []nvml.FieldValue{{FieldId: nvml.FI_DEV_POWER_INSTANT}}
	ret := c.dev.GetFieldValues(field)
	if ret == nvml.SUCCESS && nvml.Return(field[0].NvmlReturn) == nvml.SUCCESS &&
		nvml.ValueType(field[0].ValueType) == nvml.VALUE_TYPE_UNSIGNED_INT {
		return binary.NativeEndian.Uint32(field[0].Value[:4]), true
	}
	return known(c.dev.GetPowerUsage())
}

// reasons has had two names; drivers before 535 know the old one only.
func (c realCard) reasons() (uint64, bool) {
	if c.lib.has("nvmlDeviceGetCurrentClocksEventReasons") {
		return known(c.dev.GetCurrentClocksEventReasons())
	}
	return known(c.dev.GetCurrentClocksThrottleReasons())
}

func (c realCard) ecc() (on, ok bool) {
	now, _, ret := c.dev.GetEccMode()
	return now == nvml.FEATURE_ENABLED, ret == nvml.SUCCESS
}

func known[T any](value T, ret nvml.Return) (T, bool) { return value, ret == nvml.SUCCESS }

// failure words the one status that NVML itself cannot: that it is not there.
func failure(call string, ret nvml.Return) error {
	switch ret {
	case nvml.SUCCESS:
		return nil
	case nvml.ERROR_LIBRARY_NOT_FOUND:
		return errors.New("libnvidia-ml.so.1 cannot be opened")
	}
	return fmt.Errorf("%s: %s", call, ret.Error())
}
