package host

import (
	"path"
	"slices"
	"strconv"
	"strings"
)

// limits are what control groups leave this process; zeros are no limits.
type limits struct {
	quota  float64 // CPUs
	memory uint64
	free   uint64 // of memory: what is not used or could be dropped
}

// unlimited memory is a huge number in version 1.
const unlimited = 1 << 60

// limits looks at this process's control groups and all those above them that
// can be seen: the tightest counts.
func (f files) limits() limits {
	var l limits
	for _, m := range f.mounts() {
		for _, at := range f.groups(m) {
			l.cpu(f.quota(at))
			l.mem(f.memoryLimit(at))
		}
	}
	return l
}

func (l *limits) cpu(quota float64) {
	if quota > 0 && (l.quota == 0 || quota < l.quota) {
		l.quota = quota
	}
}

func (l *limits) mem(limit, used uint64) {
	if limit == 0 || limit >= unlimited {
		return
	}
	free := limit - min(limit, used)
	if l.memory == 0 {
		l.memory, l.free = limit, free
	}
	l.memory, l.free = min(l.memory, limit), min(l.free, free)
}

// mount is a mounted hierarchy of control groups.
type mount struct {
	root, at    string
	controllers []string // nil in version 2
}

// mounts reads them from /proc/self/mountinfo (proc(5)):
//
//	31 23 0:28 /root /mount/point rw shared:1 - cgroup cgroup rw,cpu,cpuacct
func (f files) mounts() []mount {
	var list []mount
	for line := range strings.Lines(f.text("proc/self/mountinfo")) {
		before, after, _ := strings.Cut(line, " - ")
		b, a := strings.Fields(before), strings.Fields(after)
		if len(b) < 5 || len(a) < 3 {
			continue
		}
		switch a[0] {
		case "cgroup":
			list = append(list, mount{b[3], b[4], strings.Split(a[2], ",")})
		case "cgroup2":
			list = append(list, mount{b[3], b[4], nil})
		}
	}
	return list
}

// groups lists the folders of this process's group in a hierarchy and of those
// above it, as paths without the leading slash.
func (f files) groups(m mount) []string {
	for line := range strings.Lines(f.text("proc/self/cgroup")) {
		parts := strings.SplitN(strings.TrimSpace(line), ":", 3)
		if len(parts) != 3 || !m.holds(parts[1]) {
			continue
		}
		// What lies outside of the mount cannot be seen; its root can.
		inside, ok := strings.CutPrefix(parts[2], strings.TrimSuffix(m.root, "/"))
		if !ok {
			inside = "/"
		}
		return above(m.at, inside)
	}
	return nil
}

// holds reports whether a line of /proc/self/cgroup with these controllers is of the mount.
func (m mount) holds(controllers string) bool {
	if controllers == "" || m.controllers == nil {
		return controllers == "" && m.controllers == nil
	}
	return slices.Contains(m.controllers, strings.Split(controllers, ",")[0])
}

func above(at, inside string) []string {
	var list []string
	for inside = path.Clean("/" + inside); ; inside = path.Dir(inside) {
		list = append(list, strings.TrimPrefix(path.Join(at, inside), "/"))
		if inside == "/" {
			return list
		}
	}
}

// quota is how many CPUs a group may use at once; 0 for no limit.
func (f files) quota(at string) float64 {
	words := strings.Fields(f.text(path.Join(at, "cpu.max")))
	if len(words) != 2 {
		words = []string{f.text(path.Join(at, "cpu.cfs_quota_us")), f.text(path.Join(at, "cpu.cfs_period_us"))}
	}
	quota, err := strconv.ParseFloat(words[0], 64) // "max" and "-1" are none
	period, err2 := strconv.ParseFloat(words[1], 64)
	if err != nil || err2 != nil || quota <= 0 || period <= 0 {
		return 0
	}
	return quota / period
}

// memoryLimit is a group's limit and what of it is in use for good: pages of
// files that were not used lately are dropped when memory is wanted.
func (f files) memoryLimit(at string) (limit, used uint64) {
	limit, used = f.number(path.Join(at, "memory.max")), f.number(path.Join(at, "memory.current"))
	idle := "inactive_file"
	if limit == 0 {
		limit, used = f.number(path.Join(at, "memory.limit_in_bytes")), f.number(path.Join(at, "memory.usage_in_bytes"))
		idle = "total_inactive_file"
	}
	for line := range strings.Lines(f.text(path.Join(at, "memory.stat"))) {
		words := strings.Fields(line)
		if len(words) == 2 && words[0] == idle {
			n, err := strconv.ParseUint(words[1], 10, 64)
			if err == nil {
				used -= min(used, n)
			}
		}
	}
	return limit, used
}
