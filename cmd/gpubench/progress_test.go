package main

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/gpubench/gpubench/micro/run"
)

// clock is a progress with a clock that the test moves.
type clock struct {
	*progress
	at  time.Time
	out strings.Builder
}

func newClock(live bool) *clock {
	c := &clock{at: time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)}
	c.progress = newProgress(world{err: &c.out, live: live, now: func() time.Time { return c.at }})
	return c
}

// step lets time pass and shows; it returns what was written.
func (c *clock) step(d time.Duration, phase string, done, total int, benchmark string) string {
	c.at = c.at.Add(d)
	c.out.Reset()
	c.show(run.Progress{Phase: phase, Done: done, Total: total, Benchmark: benchmark})
	return strings.TrimPrefix(c.out.String(), "\r\033[K")
}

func TestBar(t *testing.T) {
	c := newClock(true)
	empty, half := strings.Repeat("░", barWidth), strings.Repeat("█", barWidth/2)+strings.Repeat("░", barWidth/2)
	assert.Equal(t, "plan", c.step(0, "plan", 0, 0, ""))
	assert.Equal(t, "measure  "+empty+"   0 %           alu/latency", c.step(time.Second, "measure", 0, 100, "alu/latency"))
	assert.Equal(t, "measure  "+half+"  50 %           alu/latency", c.step(900*time.Millisecond, "measure", 50, 100, "alu/latency"), "too early to tell")
	assert.Equal(t, "measure  "+half+"  50 % 30s left  alu/latency", c.step(29100*time.Millisecond, "measure", 50, 100, "alu/latency"))
	assert.Equal(t, "", c.step(49*time.Millisecond, "measure", 51, 100, "alu/latency"), "not drawn more often than it can be read")
	assert.Contains(t, c.step(time.Millisecond, "measure", 75, 100, "alu/latency"), " 75 % 10s left")
	assert.Equal(t, "measure  "+strings.Repeat("█", barWidth)+" 100 %           alu/latency", c.step(0, "measure", 100, 100, "alu/latency"), "the end is always drawn")
	assert.Contains(t, c.step(0, "measure", 103, 100, "alu/latency"), "100 %", "a throttled point's more rounds")
	assert.Contains(t, c.step(0, "analyse", 0, 0, "alu/latency"), "analyse", "a new phase is always drawn")
	c.out.Reset()
	c.close()
	assert.Equal(t, "\r\033[K", c.out.String())
}

func TestTimeLeftIsThatOfThePhase(t *testing.T) {
	c := newClock(true)
	c.step(0, "compile", 0, 10, "")
	c.step(time.Hour, "compile", 10, 10, "")
	c.step(0, "measure", 0, 10, "x")
	assert.Contains(t, c.step(2*time.Second, "measure", 1, 10, "x"), " 18s left")
	assert.Contains(t, c.step(58*time.Minute, "measure", 2, 10, "x"), "3h52m8s left")
}

func TestBarFitsTheTerminal(t *testing.T) {
	c := newClock(true)
	c.width = 30
	line := c.step(0, "measure", 1, 2, "tensor/wgmma-throughput")
	assert.Len(t, []rune(line), 29)
}

func TestPlainLinesAreFew(t *testing.T) {
	c := newClock(false)
	var said []string
	step := func(d time.Duration, phase string, done, total int, benchmark string) {
		if line := c.step(d, phase, done, total, benchmark); line != "" {
			said = append(said, line)
		}
	}
	step(0, "plan", 0, 0, "")
	for i := range 100 {
		step(10*time.Millisecond, "compile", i, 100, "alu/latency")
	}
	step(0, "measure", 0, 1000, "")
	for i := range 1000 {
		step(40*time.Millisecond, "measure", i, 1000, []string{"alu/latency", "dpx/latency"}[i/500])
	}
	step(0, "measure", 1000, 1000, "")
	step(0, "analyse", 0, 0, "alu/latency")
	assert.Equal(t, []string{
		"compile      0/100   alu/latency\n",
		"measure      0/1000  alu/latency\n",
		"measure    500/1000  dpx/latency 20s left\n",
	}, said)
	assert.NotContains(t, strings.Join(said, ""), "\r")
}

func TestPlainLinesOfALongBenchmark(t *testing.T) {
	c := newClock(false)
	c.step(0, "measure", 0, 100, "x")
	assert.Empty(t, c.step(plainPeriod-time.Second, "measure", 10, 100, "x"))
	assert.Equal(t, "measure     20/100   x 2m0s left\n", c.step(time.Second, "measure", 20, 100, "x"))
	assert.Empty(t, c.step(time.Second, "measure", 21, 100, "x"))
	c.out.Reset()
	c.close()
	assert.Empty(t, c.out.String())
}
