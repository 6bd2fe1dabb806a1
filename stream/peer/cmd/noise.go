//go:build peer

package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// noise is what disturbed us, counted since the start of the system or of this process.
type noise struct {
	// waited is how long threads of this process that could have run did not,
	// because something else had the CPU.
	waited time.Duration
	// busy is the time that all CPUs worked for anybody, stolen what the hypervisor
	// took away, own what this process used.
	busy, stolen, own time.Duration
}

// tick of /proc/stat.
const tick = 10 * time.Millisecond

// listen reads /proc: stat and the schedstat of every thread of this process.
func listen() (noise, error) {
	var n noise
	text, err := os.ReadFile("/proc/stat")
	if err != nil {
		return n, err
	}
	if n.busy, n.stolen, err = parseStat(string(text)); err != nil {
		return n, err
	}
	if n.waited, err = waited("/proc/self/task"); err != nil {
		return n, err
	}
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		return n, err
	}
	n.own = time.Duration(u.Utime.Nano() + u.Stime.Nano())
	return n, nil
}

// parseStat reads the first line, proc(5): user, nice, system, idle, iowait, irq,
// softirq, steal, in ticks.
func parseStat(text string) (busy, stolen time.Duration, err error) {
	line, _, _ := strings.Cut(text, "\n")
	words := strings.Fields(line)
	if len(words) < 9 || words[0] != "cpu" {
		return 0, 0, fmt.Errorf("/proc/stat begins with %q", line)
	}
	var ticks [8]int64
	for i := range ticks {
		if ticks[i], err = strconv.ParseInt(words[i+1], 10, 64); err != nil {
			return 0, 0, fmt.Errorf("/proc/stat begins with %q: %w", line, err)
		}
	}
	work := ticks[0] + ticks[1] + ticks[2] + ticks[5] + ticks[6]
	return time.Duration(work) * tick, time.Duration(ticks[7]) * tick, nil
}

// waited adds up the second number of each thread's schedstat: nanoseconds on a
// run queue. A thread that has ended meanwhile is none.
func waited(folder string) (time.Duration, error) {
	files, err := filepath.Glob(filepath.Join(folder, "*", "schedstat"))
	if err != nil {
		return 0, err
	}
	total := int64(0)
	for _, f := range files {
		text, err := os.ReadFile(f)
		if err != nil {
			continue
		}
		words := strings.Fields(string(text))
		if len(words) < 2 {
			continue
		}
		ns, err := strconv.ParseInt(words[1], 10, 64)
		if err != nil {
			return 0, fmt.Errorf("%s: %w", f, err)
		}
		total += ns
	}
	return time.Duration(total), nil
}

// since is what came after before.
func (n noise) since(before noise) noise {
	return noise{n.waited - before.waited, n.busy - before.busy, n.stolen - before.stolen, n.own - before.own}
}

// plus adds up.
func (n noise) plus(m noise) noise {
	return noise{n.waited + m.waited, n.busy + m.busy, n.stolen + m.stolen, n.own + m.own}
}

const (
	// waitShare of the timed time may pass in waiting for a CPU.
	waitShare = 0.01
	// othersTicks is by how many ticks of /proc/stat more than ours may have been
	// used by all: two are within its rounding.
	othersTicks = 2
)

// loud reports whether others took CPU in so much timed time.
func (n noise) loud(timed time.Duration) bool {
	return float64(n.waited) > waitShare*float64(timed) || n.stolen > 0 || n.busy-n.own > othersTicks*tick
}
