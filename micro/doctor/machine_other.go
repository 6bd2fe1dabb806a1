//go:build !linux

package doctor

func (machine) deviceFiles() ([]deviceFile, bool) { return nil, false }
