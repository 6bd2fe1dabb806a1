package perfpred

import (
	"fmt"
	"io/fs"
	"path"
	"strconv"
	"strings"

	"github.com/gpubench/gpubench/perfpred/dataset"
)

// ThisMachine describes the machine whose root file system this is (os.DirFS
// of "/"), in the columns of the SPEC data set, from Linux's /proc and /sys.
// What the kernel does not tell, like the DIMMs, is left out. It returns
// ErrUnknownCPU where not even the CPU is named.
func ThisMachine(root fs.FS) (map[string]string, error) {
	m := reader{root: root, out: map[string]string{}}
	info, err := fs.ReadFile(root, "proc/cpuinfo")
	if err != nil {
		return nil, fmt.Errorf("describe this machine: %w", err)
	}
	m.cpus(string(info))
	if m.out["model_name"] == "" {
		return nil, fmt.Errorf("describe this machine: /proc/cpuinfo names no model: %w", ErrUnknownCPU)
	}
	m.memory()
	m.caches()
	m.clock("max_mhz", "cpuinfo_max_freq")
	m.clock("nominal_mhz", "base_frequency")
	if nodes, err := fs.Glob(root, "sys/devices/system/node/node[0-9]*"); err == nil && len(nodes) > 0 {
		m.out["numas"] = strconv.Itoa(len(nodes))
	}
	return m.out, nil
}

type reader struct {
	root fs.FS
	out  map[string]string
}

// cpus counts threads, sockets and cores.
func (m reader) cpus(info string) {
	threads, sockets := 0, map[string]bool{}
	for line := range strings.Lines(info) {
		key, value, _ := strings.Cut(line, ":")
		value = strings.TrimSpace(value)
		switch strings.TrimSpace(key) {
		case "processor":
			threads++
		case "physical id":
			sockets[value] = true
		case "cpu cores":
			m.out["cores_per_socket"] = value
		case "model name":
			m.out["model_name"] = dataset.CPUName(value)
		}
	}
	m.out["cpus"] = strconv.Itoa(threads)
	if len(sockets) == 0 {
		return
	}
	m.out["sockets"] = strconv.Itoa(len(sockets))
	if cores, err := strconv.Atoi(m.out["cores_per_socket"]); err == nil && cores > 0 {
		m.out["threads_per_core"] = strconv.Itoa(max(1, threads/len(sockets)/cores))
	}
}

func (m reader) memory() {
	for line := range strings.Lines(m.text("proc/meminfo")) {
		if words := strings.Fields(line); len(words) > 1 && words[0] == "MemTotal:" {
			m.out["mem_kb"] = words[1]
		}
	}
}

// caches reads those of the first CPU: L1 and L2 of a core, L3 of what shares it.
func (m reader) caches() {
	dirs, err := fs.Glob(m.root, "sys/devices/system/cpu/cpu0/cache/index*")
	if err != nil {
		return
	}
	for _, dir := range dirs {
		size := strings.TrimSuffix(m.text(path.Join(dir, "size")), "K")
		if size == "" {
			continue
		}
		switch m.text(path.Join(dir, "level")) + m.text(path.Join(dir, "type")) {
		case "1Data":
			m.out["l1d_cache_kb"] = size
		case "1Instruction":
			m.out["l1i_cache_kb"] = size
		case "2Unified":
			m.out["l2_cache_kb"] = size
		case "3Unified":
			m.out["l3_cache_kb"] = size
		}
	}
}

// clock reads a frequency in kHz.
func (m reader) clock(column, file string) {
	khz, err := strconv.Atoi(m.text("sys/devices/system/cpu/cpu0/cpufreq/" + file))
	if err == nil {
		m.out[column] = strconv.Itoa(khz / 1000)
	}
}

func (m reader) text(name string) string {
	b, err := fs.ReadFile(m.root, name)
	if err != nil {
		return ""
	}
	return strings.TrimSpace(string(b))
}
