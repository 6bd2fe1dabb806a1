// Package nvml reads a card's sensors through NVIDIA's management library: clocks, power,
// temperature, throttle reasons, energy. It only reads; no setting of the card is ever
// changed. What the library or the card does not tell is nil, never an error.
//
// The library is in the build with the tag cuda alone (with cgo, on Linux); in every other
// build Open says that it is not known. It is opened when first asked for, so the program
// starts without it.
package nvml

import (
	"errors"
	"fmt"
	"time"
)

// ErrNotKnown: there are no sensors to read; the wrapped text says why.
var ErrNotKnown = errors.New("sensors not known")

// Reading is one look at the sensors. A nil field is not known.
type Reading struct {
	When         time.Time
	SMClockMHz   *float64
	MemClockMHz  *float64
	PowerW       *float64
	TemperatureC *float64
	EnergyJ      *float64 // since the driver was loaded
	// Throttle lists the reasons in force that hold the clock down, empty for none; nil is
	// not known.
	Throttle []string
}

// Info is what does not change during a run; empty and nil are not known.
type Info struct {
	Driver         string // "580.159.03"
	VBIOS          string
	PowerLimitW    *float64 // the limit in force
	MaxSMClockMHz  *float64
	MaxMemClockMHz *float64
	ECC            *bool
}

// library is the boundary to NVML; numbers are in its own units, and false is "not known".
type library interface {
	start() error
	stop()
	driver() (string, bool)
	byUUID(uuid string) (card, error)
	byBusID(id string) (card, error)
}

// card is the boundary to one GPU.
type card interface {
	smClock() (uint32, bool)     // MHz
	memClock() (uint32, bool)    // MHz
	maxSMClock() (uint32, bool)  // MHz
	maxMemClock() (uint32, bool) // MHz
	power() (uint32, bool)       // mW
	powerLimit() (uint32, bool)  // mW
	temperature() (uint32, bool) // degrees C
	energy() (uint64, bool)      // mJ
	reasons() (uint64, bool)     // bits
	vbios() (string, bool)
	ecc() (bool, bool)
}

// Card is one GPU's sensors. It may be used by one goroutine at a time.
type Card struct {
	lib  library
	card card
}

// Open finds the sensors of the GPU with that UUID, else with that PCI bus id; never by
// index, because the indices of CUDA and NVML differ. The error matches ErrNotKnown.
func Open(uuid, busID string) (*Card, error) { return openWith(newLibrary(), uuid, busID) }

func openWith(lib library, uuid, busID string) (*Card, error) {
	if lib == nil {
		return nil, fmt.Errorf("%w: built without NVML (tag cuda)", ErrNotKnown)
	}
	if err := lib.start(); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrNotKnown, err)
	}
	c, err := lib.byUUID(uuid)
	if err != nil {
		c, err = lib.byBusID(busID)
	}
	if err != nil {
		lib.stop()
		return nil, fmt.Errorf("%w: GPU %s at %s: %w", ErrNotKnown, uuid, busID, err)
	}
	return &Card{lib: lib, card: c}, nil
}

// Close gives the library back.
func (c *Card) Close() { c.lib.stop() }

// Info reads what does not change.
func (c *Card) Info() Info {
	var i Info
	i.Driver, _ = c.lib.driver()
	i.VBIOS, _ = c.card.vbios()
	i.PowerLimitW = scaled(c.card.powerLimit)(1e-3)
	i.MaxSMClockMHz = scaled(c.card.maxSMClock)(1)
	i.MaxMemClockMHz = scaled(c.card.maxMemClock)(1)
	if on, ok := c.card.ecc(); ok {
		i.ECC = &on
	}
	return i
}

// Read reads the sensors now.
func (c *Card) Read() Reading {
	r := Reading{When: time.Now()}
	r.SMClockMHz = scaled(c.card.smClock)(1)
	r.MemClockMHz = scaled(c.card.memClock)(1)
	r.PowerW = scaled(c.card.power)(1e-3)
	r.TemperatureC = scaled(c.card.temperature)(1)
	r.EnergyJ = scaled(c.card.energy)(1e-3)
	if bits, ok := c.card.reasons(); ok {
		r.Throttle = reasonNames(bits)
	}
	return r
}

// scaled turns a number that may not be known into a pointer, in another unit.
func scaled[N uint32 | uint64](get func() (N, bool)) func(unit float64) *float64 {
	return func(unit float64) *float64 {
		n, ok := get()
		if !ok {
			return nil
		}
		v := float64(n) * unit
		return &v
	}
}
