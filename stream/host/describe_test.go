package host

import (
	"fmt"
	"testing"
	"testing/fstest"

	"github.com/stretchr/testify/assert"

	"github.com/gpubench/gpubench/results"
	"github.com/gpubench/gpubench/stream"
)

// system is a fake /proc and /sys.
type system fstest.MapFS

func (s system) put(name, text string) { s[name] = &fstest.MapFile{Data: []byte(text + "\n")} }

// cache puts one cache of a CPU.
func (s system) cache(cpu, index, level int, kind, size, shared string) {
	at := fmt.Sprintf("sys/devices/system/cpu/cpu%d/cache/index%d/", cpu, index)
	s.put(at+"level", fmt.Sprint(level))
	s.put(at+"type", kind)
	s.put(at+"size", size)
	s.put(at+"shared_cpu_list", shared)
}

// twoSockets has two nodes of two cores of two threads each: CPUs 0-1 and 4-5 are
// on the first.
func twoSockets() system {
	s := system{}
	s.put("proc/cpuinfo", "processor\t: 0\nmodel name\t: Example 9000 CPU @ 2.00GHz\n\nprocessor\t: 1\nmodel name\t: Other")
	s.put("proc/meminfo", "MemTotal:       1000 kB\nMemFree:  1 kB\nMemAvailable:   800 kB\nHugePages_Total:       0")
	s.put("sys/kernel/mm/transparent_hugepage/enabled", "always [madvise] never")
	s.put("sys/devices/system/node/online", "0-1")
	for node, cpus := range []string{"0-1,4-5", "2-3,6-7"} {
		at := fmt.Sprintf("sys/devices/system/node/node%d/", node)
		s.put(at+"cpulist", cpus)
		s.put(at+"meminfo", fmt.Sprintf("Node %d MemTotal:  500 kB\nNode %d MemFree:  100 kB", node, node))
	}
	for cpu := range 8 {
		core := fmt.Sprintf("%d,%d", cpu%4, cpu%4+4)
		s.cache(cpu, 0, 1, "Data", "48K", core)
		s.cache(cpu, 1, 1, "Instruction", "32K", core)
		s.cache(cpu, 2, 2, "Unified", "1024K", core)
		s.cache(cpu, 3, 3, "Unified", "32M", []string{"0-1,4-5", "2-3,6-7"}[cpu%4/2])
		s.put(fmt.Sprintf("sys/devices/system/cpu/cpu%d/topology/thread_siblings_list", cpu), core)
	}
	return s
}

func TestDescribeTwoSockets(t *testing.T) {
	m := describe(fstest.MapFS(twoSockets()), []int{0, 1, 2, 3, 4, 5, 6, 7}, []string{"avx2"})
	assert.Equal(t, results.CPU{
		Model: "Example 9000 CPU @ 2.00GHz", Allowed: []int{0, 1, 2, 3, 4, 5, 6, 7}, Features: []string{"avx2"},
		L2Bytes: 4 << 20, CacheBytes: 64 << 20, MemoryBytes: 1000 << 10, FreeBytes: 800 << 10, HugePages: "madvise",
		Nodes: []results.Node{{ID: 0, CPUs: []int{0, 1, 4, 5}, MemoryBytes: 500 << 10}, {ID: 1, CPUs: []int{2, 3, 6, 7}, MemoryBytes: 500 << 10}},
	}, m.CPU)
	assert.Equal(t, [][]int{{0, 4}, {1, 5}, {2, 6}, {3, 7}}, m.cores)
	assert.EqualValues(t, 48<<10, m.l1)
}

// TestDescribeMask counts only the caches and cores of allowed CPUs.
func TestDescribeMask(t *testing.T) {
	m := describe(fstest.MapFS(twoSockets()), []int{1, 4, 5}, nil)
	assert.EqualValues(t, 2<<20, m.L2Bytes)
	assert.EqualValues(t, 32<<20, m.CacheBytes)
	assert.Equal(t, [][]int{{1, 5}, {4}}, m.cores)
}

// TestDescribeGroups reads limits of both versions, also where the group's own
// folder cannot be seen or a group above it is tighter.
func TestDescribeGroups(t *testing.T) {
	const v2 = "30 23 0:26 / /sys/fs/cgroup rw - cgroup2 cgroup2 rw,nsdelegate"
	for _, c := range []struct {
		name, groups, mounts string
		files                map[string]string
		quota                float64
		memory, free         uint64
	}{
		{"version 2", "0::/a/b", v2, map[string]string{
			"a/b/cpu.max": "250000 100000", "a/b/memory.max": "409600", "a/b/memory.current": "204800",
			"a/b/memory.stat": "anon 5\ninactive_file 102400"}, 2.5, 409600, 307200},
		{"version 2, tighter above", "0::/a/b", v2, map[string]string{
			"a/b/cpu.max": "max 100000", "a/cpu.max": "50000 100000", "a/b/memory.max": "max", "a/memory.max": "4096", "a/memory.current": "8192",
		}, 0.5, 4096, 0},
		{"version 2, no limits", "0::/", v2, map[string]string{"cpu.max": "max 100000"}, 0, 1000 << 10, 800 << 10},
		{"version 1, inside of a container",
			"5:memory:/docker/x\n3:cpu,cpuacct:/docker/x\n0::/docker/x",
			"31 23 0:28 /docker/x /sys/fs/cgroup/memory ro - cgroup cgroup rw,memory\n32 23 0:29 /docker/x /sys/fs/cgroup/cpu ro shared:9 - cgroup cgroup rw,cpu,cpuacct",
			map[string]string{"cpu/cpu.cfs_quota_us": "300000", "cpu/cpu.cfs_period_us": "100000",
				"memory/memory.limit_in_bytes": "8192", "memory/memory.usage_in_bytes": "6144", "memory/memory.stat": "inactive_file 1\ntotal_inactive_file 2048"},
			3, 8192, 4096},
		{"version 1, no limits", "3:cpu:/x\n5:memory:/x",
			"32 23 0:29 / /sys/fs/cgroup/cpu ro - cgroup cgroup rw,cpu\n31 23 0:28 / /sys/fs/cgroup/memory ro - cgroup cgroup rw,memory",
			map[string]string{"cpu/x/cpu.cfs_quota_us": "-1", "cpu/x/cpu.cfs_period_us": "100000", "memory/x/memory.limit_in_bytes": "9223372036854771712"},
			0, 1000 << 10, 800 << 10},
		{"nonsense", "0::", "- - -\ncgroup2", nil, 0, 1000 << 10, 800 << 10},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := twoSockets()
			s.put("proc/self/cgroup", c.groups)
			s.put("proc/self/mountinfo", "22 1 8:1 / / rw - ext4 /dev/sda1 rw\n"+c.mounts)
			for name, text := range c.files {
				s.put("sys/fs/cgroup/"+name, text)
			}
			m := describe(fstest.MapFS(s), []int{0, 1}, nil)
			assert.Equal(t, c.quota, m.Quota)
			assert.Equal(t, c.memory, m.MemoryBytes)
			assert.Equal(t, c.free, m.FreeBytes)
		})
	}
}

// TestDescribeNothing is a system without /proc and /sys: threads and kernels
// still work, and the rule for sizes cannot be checked.
func TestDescribeNothing(t *testing.T) {
	m := describe(fstest.MapFS{}, []int{0, 1}, nil)
	assert.NotEmpty(t, m.Model)
	assert.Equal(t, [][]int{{0}, {1}}, m.cores)
	cpus, err := m.pickCPUs(0)
	assert.NoError(t, err)
	assert.Equal(t, []int{0, 1}, cpus)
	bytes, flag, err := m.arrayBytes(Options{Types: stream.Types()})
	assert.NoError(t, err)
	assert.Empty(t, flag)
	assert.EqualValues(t, DefaultBytes, bytes)
}

func TestDescribeThisMachine(t *testing.T) {
	cpu, err := Describe()
	assert.NoError(t, err)
	assert.NotEmpty(t, cpu.Model)
	assert.NotEmpty(t, cpu.Allowed)
}

func TestPickCPUs(t *testing.T) {
	cores := [][]int{{0, 4}, {1, 5}, {2, 6}, {3, 7}}
	all := []int{0, 1, 2, 3, 4, 5, 6, 7}
	for _, c := range []struct {
		quota float64
		wish  int
		want  []int
	}{
		{0, 0, []int{0, 1, 2, 3}},
		{0, 2, []int{0, 2}},
		{0, 6, []int{0, 1, 2, 3, 4, 5}},
		{0, 8, all},
		{0, 9, nil},
		{0, -1, nil},
		{2.5, 0, []int{0, 2}},
		{2.5, 1, []int{0}},
		{2.5, 3, nil},
		{0.5, 0, []int{0}},
		{100, 0, []int{0, 1, 2, 3}},
	} {
		m := machine{CPU: results.CPU{Allowed: all, Quota: c.quota}, cores: cores}
		got, err := m.pickCPUs(c.wish)
		assert.Equal(t, c.want, got, "quota %v, %d wished for", c.quota, c.wish)
		if c.want == nil {
			assert.ErrorIs(t, err, ErrThreads)
		}
	}
}

func TestParseCPUs(t *testing.T) {
	got, err := parseCPUs("0-2,8,10-11\n")
	assert.NoError(t, err)
	assert.Equal(t, []int{0, 1, 2, 8, 10, 11}, got)
	got, err = parseCPUs("\n")
	assert.NoError(t, err)
	assert.Empty(t, got)
	for _, bad := range []string{"a", "3-1", "-1", "0-999999999", "1,,2"} {
		_, err := parseCPUs(bad)
		assert.Error(t, err, bad)
	}
}
