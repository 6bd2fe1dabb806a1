package host

import "golang.org/x/sys/unix"

func mapMemory(bytes uint64) ([]byte, error) {
	m, err := unix.Mmap(-1, 0, int(bytes), unix.PROT_READ|unix.PROT_WRITE, unix.MAP_PRIVATE|unix.MAP_ANON|unix.MAP_NORESERVE)
	if err != nil {
		return nil, err
	}
	_ = unix.Madvise(m, unix.MADV_HUGEPAGE) // a wish: without it the pages are small, and Describe says so
	return m, nil
}

func unmapMemory(m []byte) error { return unix.Munmap(m) }
