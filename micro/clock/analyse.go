package clock

import (
	"fmt"
	"math"
	"slices"

	"github.com/gpubench/gpubench/micro"
	"github.com/gpubench/gpubench/micro/harness"
	"github.com/gpubench/gpubench/results"
)

// agreement is by how much, as a part of one, timers may differ before their rows are flagged.
const agreement = 0.002

// enough spins of different lengths make a line whose straightness says something.
const enough = 3

func timersAnalyse(gpu micro.GPU, measured []*micro.Measured) (micro.Analysis, error) {
	var a micro.Analysis
	var spun []*micro.Measured
	for _, m := range measured {
		var rows []micro.Row
		var err error
		switch m.Point.Get("measure") {
		case measureReads:
			rows, err = readsRows(m)
		case measureTick:
			rows, err = tickRows(m)
		case measureSpin:
			err = wordsOf(m, spinWords)
			spun = append(spun, m)
		}
		if err != nil {
			return micro.Analysis{}, err
		}
		a.Rows = append(a.Rows, rows...)
	}
	if len(spun) > 0 {
		a.Rows = append(a.Rows, spinRows(gpu, spun)...)
	}
	return a, nil
}

// wordsOf refuses readings of another layout.
func wordsOf(m *micro.Measured, want int) error {
	for _, r := range m.Readings {
		if len(r.Samples) != want {
			return fmt.Errorf("timer reading of %s has %d samples, want %d", m.Point.Key(), len(r.Samples), want)
		}
	}
	return nil
}

// readsRows makes the cost of a read of the clock: the slope over the reads.
func readsRows(m *micro.Measured) ([]micro.Row, error) {
	if err := wordsOf(m, passes*(reads+1)); err != nil {
		return nil, err
	}
	var slopes, single []float64
	worst := 1.0
	for _, r := range m.Readings {
		for pass := 1; pass < passes; pass++ {
			t := r.Samples[pass*(reads+1):][:reads+1]
			var x, y []float64
			for n := 4; n <= reads; n += 4 {
				x, y = append(x, float64(n)), append(y, float64(t[n]-t[0]))
			}
			line := results.FitLine(x, y)
			slopes, worst = append(slopes, line.Slope), min(worst, line.R2)
			for i := range reads {
				single = append(single, float64(t[i+1]-t[i]))
			}
		}
	}
	row := harness.NewRow(m, "cost of a clock read", "cycles", slopes)
	each := results.Summarize(single)
	row.Annotations = append(row.Annotations,
		fmt.Sprintf("slope over 4 to %d reads in a row; worst R2 %.6f; one read takes %.0f to %.0f cycles, median %.0f", reads, worst, each.Min, each.Max, each.Median),
		"two reads around a stretch of code leave about this much in a quotient; a slope is free of it")
	row.Proof = readsProof(m, worst)
	if worst < harness.MinR2 {
		harness.Flag(&row, "the time does not grow linearly with the reads of the clock: worst R2 %.5f", worst)
	}
	return []micro.Row{row}, nil
}

// readsProof finds the reads one right after the other in the machine code, or
// else falls back to how the time grew with them.
func readsProof(m *micro.Measured, r2 float64) results.Proof {
	for _, c := range m.Code {
		if c.Kernel != measureReads {
			continue
		}
		bare := 0
		for _, s := range c.Sections {
			if len(s) == 0 {
				bare++
			}
		}
		if bare == reads {
			return results.Proof{Kind: results.ProofSASS, Instruction: "CS2R", Count: reads + 1, Detail: "nothing stands between one clock read and the next"}
		}
	}
	return byScaling(r2, fmt.Sprintf("the time of 4 to %d reads is on a line, R2 %.6f", reads, r2))
}

// byScaling is the proof by a straight line.
func byScaling(r2 float64, detail string) results.Proof {
	if r2 < harness.MinR2 {
		return results.Proof{Kind: results.ProofNone, Detail: detail}
	}
	return results.Proof{Kind: results.ProofScaling, Detail: detail}
}

// tickRows makes the tick of %globaltimer: the smallest step that was seen.
func tickRows(m *micro.Measured) ([]micro.Row, error) {
	if err := wordsOf(m, tickHead+steps); err != nil {
		return nil, err
	}
	var ticks, all []float64
	var divisor, stepped, polled, sum uint64
	for _, r := range m.Readings {
		n, cycles, found := r.Samples[0], r.Samples[1], min(r.Samples[2], steps)
		if found == 0 || n == 0 {
			return nil, fmt.Errorf("%%globaltimer did not step in %d reads and %d cycles: %w", n, cycles, errStill)
		}
		seen := r.Samples[tickHead:][:found]
		for _, s := range seen {
			divisor, sum = gcd(divisor, s), sum+s
			all = append(all, float64(s))
		}
		ticks = append(ticks, float64(slices.Min(seen)))
		stepped, polled = stepped+found, polled+n
	}
	row := harness.NewRow(m, "tick of %globaltimer", "ns", ticks)
	exact := 0
	for _, s := range all {
		if s == row.Value {
			exact++
		}
	}
	step := results.Summarize(all)
	row.Annotations = append(row.Annotations,
		fmt.Sprintf("%d of %d steps are this one; steps from %.0f to %.0f ns, quartiles %.0f, %.0f, %.0f; all are multiples of %d ns",
			exact, len(all), step.Min, step.Max, step.Q1, step.Median, step.Q3, divisor),
		fmt.Sprintf("%.0f %% of %d reads in a row saw a step: a read takes about %.1f ns", 100*float64(stepped)/float64(polled), polled,
			float64(sum)/float64(polled)))
	if stepped == polled {
		harness.Flag(&row, "every read saw a step: the tick may be shorter than the time between two reads")
	}
	if float64(divisor) < row.Value {
		row.Annotations = append(row.Annotations, fmt.Sprintf("the steps are of different lengths: it counts in units of %d ns and is renewed less often", divisor))
	}
	return []micro.Row{row}, nil
}

func gcd(a, b uint64) uint64 {
	for b != 0 {
		a, b = b, a%b
	}
	return a
}

// spin is what one launch said.
type spin struct {
	cycles, nanos, elapsed float64 // elapsed is 0 where the backend has no events
}

// spinRows compares %globaltimer, device events and NVML over spins of all lengths.
func spinRows(gpu micro.GPU, spun []*micro.Measured) []micro.Row {
	var list []spin
	var byTimer, nanos, cycles []float64
	for _, m := range spun {
		for _, r := range m.Readings {
			s := spin{float64(r.Samples[0]), float64(r.Samples[1]), r.ElapsedNS}
			list, byTimer = append(list, s), append(byTimer, s.cycles/s.nanos*1e3)
			nanos, cycles = append(nanos, s.nanos), append(cycles, s.cycles)
		}
	}
	timer := clockRow(gpu, spun, "SM clock by %globaltimer", byTimer)
	if len(spun[0].Code) == 0 {
		r2 := results.FitLine(nanos, cycles).R2
		timer.Proof = byScaling(r2, fmt.Sprintf("the cycles are on a line over the nanoseconds of the spins, R2 %.6f", r2))
	}
	rows := []micro.Row{timer}
	rows = append(rows, eventRows(gpu, spun, list, timer)...)
	if nvml, ok := nvmlRow(spun, timer); ok {
		rows = append(rows, nvml)
	}
	for i := range rows {
		rows[i].Point, rows[i].From = results.P("measure", measureSpin), spun
	}
	return rows
}

// clockRow is a row of the SM clock in MHz.
func clockRow(gpu micro.GPU, spun []*micro.Measured, metric string, values []float64) micro.Row {
	row := harness.NewRow(spun[0], metric, "MHz", values)
	row.HigherIsBetter = true
	row.ClockMHz, row.ClockFrom = row.Value, "kernel"
	if highest := gpu.MaxClockMHz; highest > 0 {
		row.Annotations = append(row.Annotations, fmt.Sprintf("%+.2f %% from the highest clock that NVML names, %.0f MHz", 100*(row.Value/highest-1), highest))
	}
	return row
}

// eventRows are the agreement of %globaltimer with device events, and the clock
// by these; none where the backend has no events.
func eventRows(gpu micro.GPU, spun []*micro.Measured, list []spin, timer micro.Row) []micro.Row {
	var x, y []float64
	for _, s := range list {
		if s.elapsed > 0 {
			x, y = append(x, s.nanos), append(y, s.elapsed)
		}
	}
	if len(spun) < enough || len(x) == 0 {
		return nil
	}
	// A launch that is late now and then lengthens a few of the spins: this line does not mind.
	line := results.TheilSen(x, y)
	ratio := harness.NewRow(spun[0], "device events over %globaltimer", "ns/ns", roundSlopes(spun))
	ratio.Annotations = append(ratio.Annotations, fmt.Sprintf("%+.0f ppm; slope over the spins of each round; a launch takes %.1f µs beside its spin; the farthest of %d spins lies %.1f µs from the line",
		1e6*(ratio.Value-1), line.Intercept/1e3, len(x), line.MaxResidual/1e3))
	ratio.ClockMHz, ratio.ClockFrom = timer.ClockMHz, timer.ClockFrom
	var byEvents []float64
	for _, s := range list {
		if s.elapsed > 0 {
			byEvents = append(byEvents, s.cycles/(s.elapsed-line.Intercept)*1e3)
		}
	}
	clock := clockRow(gpu, spun, "SM clock by device events", byEvents)
	clock.Annotations = append(clock.Annotations, fmt.Sprintf("%+.3f %% from the clock by %%globaltimer", 100*(clock.Value/timer.Value-1)))
	proof := byScaling(line.R2, fmt.Sprintf("the time between the events is on a line over the spins, R2 %.6f", line.R2))
	ratio.Proof, clock.Proof = proof, proof
	if off := ratio.Value - 1; math.Abs(off) > agreement {
		disagree(&ratio, off)
		disagree(&clock, off)
	}
	return []micro.Row{ratio, clock}
}

func disagree(row *micro.Row, off float64) {
	harness.Flag(row, "device events and %%globaltimer differ by %.2f %%: rows in units of time (ns, GB/s, Top/s) carry that uncertainty", 100*math.Abs(off))
}

// roundSlopes are the slopes through the spins of each round.
func roundSlopes(spun []*micro.Measured) []float64 {
	var slopes []float64
	for i := range spun[0].Readings {
		var x, y []float64
		for _, m := range spun {
			if i < len(m.Readings) && m.Readings[i].ElapsedNS > 0 {
				x, y = append(x, float64(m.Readings[i].Samples[1])), append(y, m.Readings[i].ElapsedNS)
			}
		}
		if len(x) >= enough {
			slopes = append(slopes, results.FitLine(x, y).Slope)
		}
	}
	return slopes
}

// nvmlRow is the SM clock over what the card's sensors said meanwhile.
func nvmlRow(spun []*micro.Measured, timer micro.Row) (micro.Row, bool) {
	var ratios, said []float64
	for _, m := range spun {
		for _, r := range m.Readings {
			if v := r.Sensors.SMClockMHz; v != nil && *v > 0 {
				said = append(said, *v)
				ratios = append(ratios, float64(r.Samples[0])/float64(r.Samples[1])*1e3 / *v)
			}
		}
	}
	if len(ratios) == 0 {
		return micro.Row{}, false
	}
	row := harness.NewRow(spun[0], "SM clock by %globaltimer over NVML's", "MHz/MHz", ratios)
	row.ClockMHz, row.ClockFrom, row.Proof = timer.ClockMHz, timer.ClockFrom, timer.Proof
	clock := results.Summarize(said)
	row.Annotations = append(row.Annotations, fmt.Sprintf("NVML said %.0f MHz, %.0f to %.0f; it reads the card's sensors every few milliseconds", clock.Median, clock.Min, clock.Max))
	if off := row.Value - 1; math.Abs(off) > agreement {
		harness.Flag(&row, "the SM's clock is %+.2f %% from NVML's reading: a peak at NVML's clock would be off by as much", 100*off)
	}
	return row, true
}
