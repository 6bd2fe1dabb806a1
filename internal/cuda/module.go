package cuda

import (
	"errors"
	"fmt"
)

// Module is machine code loaded on a device.
type Module struct {
	dev        *Device
	generation int
	h          handle
}

// Function is one kernel of a module.
type Function struct {
	dev        *Device
	generation int
	h          handle
	name       string
	params     []int // sizes in bytes
	paramsOK   bool  // params is known
}

// Load puts a cubin on the device.
func (d *Device) Load(image []byte) (*Module, error) {
	if len(image) == 0 {
		return nil, errors.New("load module: the image is empty")
	}
	m := &Module{dev: d}
	err := d.call(func() (err error) {
		m.generation = d.generation
		m.h, err = d.drv.loadModule(image)
		return err
	})
	if err != nil {
		return nil, err
	}
	return m, nil
}

// Unload takes the module off the device; after a Reset it does nothing.
func (m *Module) Unload() error {
	return m.dev.call(func() error {
		if m.h == 0 || m.generation != m.dev.generation {
			return nil
		}
		err := m.dev.drv.unloadModule(m.h)
		m.h = 0
		return err
	})
}

// Function finds a kernel by the name of its .entry.
func (m *Module) Function(name string) (*Function, error) {
	f := &Function{dev: m.dev, generation: m.generation, name: name}
	err := m.dev.call(func() (err error) {
		if m.h == 0 || m.generation != m.dev.generation {
			return ErrStale
		}
		if f.h, err = m.dev.drv.function(m.h, name); err != nil {
			return err
		}
		f.params, f.paramsOK = m.dev.drv.paramSizes(f.h)
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("kernel %s: %w", name, err)
	}
	return f, nil
}

// do runs call on the device's thread if the function is still there.
func (f *Function) do(call func() error) error {
	err := f.dev.call(func() error {
		if f.generation != f.dev.generation {
			return ErrStale
		}
		return call()
	})
	if err != nil {
		return fmt.Errorf("kernel %s: %w", f.name, err)
	}
	return nil
}

// Info says what the kernel uses.
func (f *Function) Info() (FunctionInfo, error) {
	var info FunctionInfo
	err := f.do(func() (err error) {
		info, err = f.dev.drv.functionInfo(f.h)
		return err
	})
	return info, err
}

// AllowShared lets the kernel be launched with that many bytes of dynamic shared memory;
// needed above 48 KB.
func (f *Function) AllowShared(bytes int) error { return f.set(attributeMaxDynamicShared, bytes) }

// AllowNonPortableCluster lets the kernel's clusters have more than 8 blocks.
func (f *Function) AllowNonPortableCluster() error { return f.set(attributeNonPortableCluster, 1) }

// PreferSharedCarveout asks for that much of the SM's L1 as shared memory, in percent; -1 is
// the driver's own choice. It is a hint.
func (f *Function) PreferSharedCarveout(percent int) error {
	return f.set(attributeSharedCarveout, percent)
}

func (f *Function) set(a functionAttribute, value int) error {
	return f.do(func() error { return f.dev.drv.setFunction(f.h, a, value) })
}
