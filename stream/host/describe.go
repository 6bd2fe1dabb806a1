package host

import (
	"fmt"
	"io/fs"
	"path"
	"runtime"
	"slices"
	"strconv"
	"strings"

	"github.com/gpubench/gpubench/results"
)

// Describe says what processor and memory this process has. Control groups and
// the affinity mask of the calling thread count; what the system does not tell
// stays zero. On systems other than Linux that is all but the CPUs.
func Describe() (results.CPU, error) {
	m, err := thisMachine()
	return m.CPU, err
}

// machine is a results.CPU and what else the choice of threads needs.
type machine struct {
	results.CPU
	// cores holds the allowed CPUs of each physical core.
	cores [][]int
	// l1 is the size of one first-level data cache; 0 if not known.
	l1 uint64
}

// thisMachine looks at the machine that the program runs on.
func thisMachine() (machine, error) {
	allowed, err := allowedCPUs()
	if err != nil {
		return machine{}, fmt.Errorf("host: %w", err)
	}
	return describe(systemFiles(), allowed, features()), nil
}

// describe reads a machine from its file system: /proc and /sys.
func describe(root fs.FS, allowed []int, features []string) machine {
	sys := files{root}
	m := machine{CPU: results.CPU{Model: sys.model(), Allowed: allowed, Features: features}}
	m.HugePages = sys.hugePages()
	m.cores = sys.cores(allowed)
	m.l1, m.L2Bytes, m.CacheBytes = sys.caches(allowed)
	m.Nodes = sys.nodes()
	limits := sys.limits()
	m.Quota = limits.quota
	m.MemoryBytes, m.FreeBytes = sys.memory()
	if limits.memory > 0 && (m.MemoryBytes == 0 || limits.memory < m.MemoryBytes) {
		m.MemoryBytes = limits.memory
	}
	if limits.memory > 0 && (m.FreeBytes == 0 || limits.free < m.FreeBytes) {
		m.FreeBytes = limits.free
	}
	return m
}

// files reads small files of the system; one that is not there reads as empty.
type files struct{ root fs.FS }

func (f files) text(name string) string {
	b, err := fs.ReadFile(f.root, name)
	if err != nil {
		return ""
	}
	return strings.TrimSpace(string(b))
}

// number is a file with a count; 0 where there is none.
func (f files) number(name string) uint64 {
	n, err := strconv.ParseUint(f.text(name), 10, 64)
	if err != nil {
		return 0
	}
	return n
}

// model is the first "model name" of /proc/cpuinfo, or the architecture.
func (f files) model() string {
	for line := range strings.Lines(f.text("proc/cpuinfo")) {
		key, value, _ := strings.Cut(line, ":")
		if strings.TrimSpace(key) == "model name" {
			return strings.TrimSpace(value)
		}
	}
	return runtime.GOARCH
}

// hugePages is the mode in brackets: "always [madvise] never".
func (f files) hugePages() string {
	_, after, _ := strings.Cut(f.text("sys/kernel/mm/transparent_hugepage/enabled"), "[")
	mode, _, _ := strings.Cut(after, "]")
	return mode
}

// memory is what /proc/meminfo has in total and available.
func (f files) memory() (total, free uint64) {
	info := fields(f.text("proc/meminfo"))
	return info["MemTotal"], info["MemAvailable"]
}

// fields reads lines of "Name: 12 kB", in bytes. A NUMA node's begin with "Node 0".
func fields(text string) map[string]uint64 {
	all := map[string]uint64{}
	for line := range strings.Lines(text) {
		key, value, ok := strings.Cut(line, ":")
		words := strings.Fields(value)
		if !ok || len(words) == 0 {
			continue
		}
		n, err := strconv.ParseUint(words[0], 10, 64)
		if err != nil {
			continue
		}
		if len(words) > 1 && words[1] == "kB" {
			n *= 1024
		}
		names := strings.Fields(key)
		all[names[len(names)-1]] = n
	}
	return all
}

const cpuFolder = "sys/devices/system/cpu"

// cores groups the allowed CPUs by physical core, each core's in order. CPUs
// whose core is not told are cores of their own.
func (f files) cores(allowed []int) [][]int {
	var cores [][]int
	seen := map[int]bool{}
	for _, cpu := range allowed {
		if seen[cpu] {
			continue
		}
		core := []int{cpu}
		for _, other := range f.siblings(cpu) {
			if other != cpu && !seen[other] && slices.Contains(allowed, other) {
				core = append(core, other)
			}
		}
		for _, c := range core {
			seen[c] = true
		}
		cores = append(cores, core)
	}
	return cores
}

func (f files) siblings(cpu int) []int {
	folder := path.Join(cpuFolder, fmt.Sprintf("cpu%d", cpu), "topology")
	text := f.text(path.Join(folder, "core_cpus_list"))
	if text == "" {
		text = f.text(path.Join(folder, "thread_siblings_list"))
	}
	list, err := parseCPUs(text)
	if err != nil {
		return nil
	}
	return list
}

// cache is one cache of the machine: the CPUs that share it make it one.
type cache struct {
	level  uint64
	shared string
}

// caches gives the size of a first-level data cache, and sums of the second-level
// and of the last-level caches, each counted once however many CPUs share it.
func (f files) caches(allowed []int) (l1, l2, last uint64) {
	sizes := map[cache]uint64{}
	deepest := uint64(0)
	for _, cpu := range allowed {
		for i := 0; ; i++ {
			folder := path.Join(cpuFolder, fmt.Sprintf("cpu%d", cpu), "cache", fmt.Sprintf("index%d", i))
			level := f.number(path.Join(folder, "level"))
			if level == 0 {
				break
			}
			if f.text(path.Join(folder, "type")) == "Instruction" {
				continue
			}
			c := cache{level, f.text(path.Join(folder, "shared_cpu_list"))}
			sizes[c] = size(f.text(path.Join(folder, "size")))
			deepest = max(deepest, level)
		}
	}
	for c, n := range sizes {
		switch {
		case c.level == 1:
			l1 = max(l1, n)
		case c.level == 2:
			l2 += n
		}
		if c.level == deepest {
			last += n
		}
	}
	return l1, l2, last
}

// size reads "32768K"; 0 if it is none.
func size(text string) uint64 {
	unit := uint64(1)
	for suffix, u := range map[string]uint64{"K": 1 << 10, "M": 1 << 20, "G": 1 << 30} {
		if rest, ok := strings.CutSuffix(text, suffix); ok {
			text, unit = rest, u
		}
	}
	n, err := strconv.ParseUint(text, 10, 64)
	if err != nil {
		return 0
	}
	return n * unit
}

// nodes lists the NUMA nodes that have CPUs or memory.
func (f files) nodes() []results.Node {
	const folder = "sys/devices/system/node"
	ids, err := parseCPUs(f.text(path.Join(folder, "online")))
	if err != nil {
		return nil
	}
	var list []results.Node
	for _, id := range ids {
		at := path.Join(folder, fmt.Sprintf("node%d", id))
		cpus, err := parseCPUs(f.text(path.Join(at, "cpulist")))
		if err != nil {
			cpus = nil
		}
		n := results.Node{ID: id, CPUs: cpus, MemoryBytes: fields(f.text(path.Join(at, "meminfo")))["MemTotal"]}
		if len(n.CPUs) > 0 || n.MemoryBytes > 0 {
			list = append(list, n)
		}
	}
	return list
}
