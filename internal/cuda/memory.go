package cuda

import "fmt"

// Alloc reserves device memory, aligned to at least 256 bytes; its contents are undefined.
func (d *Device) Alloc(bytes uint64) (Ptr, error) {
	var p Ptr
	err := d.call(func() (err error) {
		p, err = d.drv.alloc(bytes)
		return err
	})
	if err != nil {
		return 0, fmt.Errorf("allocate %d bytes on the device: %w", bytes, err)
	}
	return p, nil
}

// Free gives memory back, after the work that was launched. Free(0) does nothing.
func (d *Device) Free(p Ptr) error {
	if p == 0 {
		return nil
	}
	return d.call(func() error { return d.drv.free(p) })
}

// Write copies to the device, ordered after everything launched before.
func (d *Device) Write(dst Ptr, src []byte) error {
	if len(src) == 0 {
		return nil
	}
	return d.call(func() error { return d.drv.write(dst, src) })
}

// Read copies len(dst) bytes from the device, after everything launched before; it returns
// their fault if there was one.
func (d *Device) Read(dst []byte, src Ptr) error {
	if len(dst) == 0 {
		return nil
	}
	return d.call(func() error { return d.drv.read(dst, src) })
}

// Fill sets bytes of device memory to value, ordered like a launch.
func (d *Device) Fill(dst Ptr, value byte, bytes uint64) error {
	if bytes == 0 {
		return nil
	}
	return d.call(func() error { return d.drv.fill(dst, value, bytes) })
}

// Copy copies within the device's memory, ordered like a launch, and does not wait.
func (d *Device) Copy(dst, src Ptr, bytes uint64) error {
	if bytes == 0 {
		return nil
	}
	return d.call(func() error { return d.drv.copy(dst, src, bytes) })
}

// MemInfo is the free and the total memory of the device, in bytes.
func (d *Device) MemInfo() (free, total uint64, err error) {
	err = d.call(func() (err error) {
		free, total, err = d.drv.memInfo()
		return err
	})
	return free, total, err
}
