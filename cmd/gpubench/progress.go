package main

import (
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/gpubench/gpubench/micro/run"
)

// progress shows a bar with the time left on a terminal, and plain lines elsewhere.
type progress struct {
	w     io.Writer
	live  bool
	now   func() time.Time
	width int
	phase string
	begun time.Time
	last  time.Time
	shown string // benchmark of the last plain line
}

func newProgress(w world) *progress {
	return &progress{w: w.err, live: w.live, now: w.now, width: w.liveWidth}
}

const (
	barWidth = 24
	// redraw is the shortest time between two bars.
	redraw = 50 * time.Millisecond
	// settle is how long a phase runs before the time left is told.
	settle = time.Second
	// plainPeriod is the longest silence of a plain measurement.
	plainPeriod = 30 * time.Second
)

func (p *progress) show(s run.Progress) {
	now := p.now()
	begins := s.Phase != p.phase
	if begins {
		p.phase, p.begun, p.shown = s.Phase, now, ""
	}
	if p.live {
		if begins || s.Done >= s.Total || now.Sub(p.last) >= redraw {
			p.last = now
			fmt.Fprintf(p.w, "\r\033[K%s", p.fit(p.bar(s, now)))
		}
		return
	}
	p.plain(s, now, begins)
}

// plain writes a line when a phase with something to count begins, when it comes
// to another benchmark, and now and then in between.
func (p *progress) plain(s run.Progress, now time.Time, begins bool) {
	if s.Total == 0 || s.Phase == "measure" && s.Benchmark == "" {
		return
	}
	another := s.Phase == "measure" && s.Benchmark != p.shown
	if !begins && !another && now.Sub(p.last) < plainPeriod {
		return
	}
	p.last, p.shown = now, s.Benchmark
	line := fmt.Sprintf("%-8s %5d/%-5d %s %s", s.Phase, s.Done, s.Total, s.Benchmark, p.left(s, now))
	fmt.Fprintln(p.w, strings.TrimSpace(line))
}

func (p *progress) bar(s run.Progress, now time.Time) string {
	if s.Total == 0 {
		return strings.TrimSpace(fmt.Sprintf("%-8s %s", s.Phase, s.Benchmark))
	}
	share := min(float64(s.Done)/float64(s.Total), 1)
	full := int(barWidth * share)
	return strings.TrimSpace(fmt.Sprintf("%-8s %s%s %3.0f %% %-9s %s", s.Phase, strings.Repeat("█", full),
		strings.Repeat("░", barWidth-full), 100*share, p.left(s, now), s.Benchmark))
}

// left is the time left at the pace of the phase, "" while it is not known.
func (p *progress) left(s run.Progress, now time.Time) string {
	spent := now.Sub(p.begun)
	if s.Done == 0 || s.Done >= s.Total || spent < settle {
		return ""
	}
	rest := time.Duration(float64(spent) * float64(s.Total-s.Done) / float64(s.Done))
	return rest.Round(time.Second).String() + " left"
}

// fit cuts a line that would wrap, which no carriage return could take back.
func (p *progress) fit(line string) string {
	if r := []rune(line); p.width > 1 && len(r) >= p.width {
		return string(r[:p.width-1])
	}
	return line
}

// close clears the bar.
func (p *progress) close() {
	if p.live && p.phase != "" {
		fmt.Fprint(p.w, "\r\033[K")
	}
}
