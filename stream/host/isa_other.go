//go:build !amd64

package host

import "golang.org/x/sys/cpu"

func has(isa ISA) bool { return isa == Go }

func assembly(form) func(*block) { return nil }

func features() []string {
	var list []string
	if cpu.ARM64.HasASIMD {
		list = append(list, "asimd")
	}
	if cpu.ARM64.HasSVE {
		list = append(list, "sve")
	}
	return list
}
