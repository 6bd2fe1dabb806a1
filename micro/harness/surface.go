package harness

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"strconv"

	"github.com/gpubench/gpubench/micro"
	"github.com/gpubench/gpubench/results"
)

// How long the first launch of a throughput round should be, in cycles: on one
// SM only the SM's clock counts; on the chip the time is read from
// %globaltimer, which may tick but once a microsecond.
const (
	OneSM     = 1 << 15
	WholeChip = 1 << 18
	// Long and LongChip make what the first launch pays once, such as the filling
	// of the instruction cache, and the tick of %globaltimer, less than 0.1 %.
	Long     = 8 * OneSM
	LongChip = 4 * WholeChip
)

// latencyGuess is the latency with which Size bounds a chain's rate from above.
const latencyGuess = 4

// Size is the number of iterations that make the first launch about as many
// cycles long, at rate steps per cycle per SM.
func (t Throughput) Size(cycles int, rate float64) int {
	body := float64(t.Unroll * t.Chains)
	one := max(body*float64(32*t.Warps)/rate, float64(t.Unroll)*latencyGuess)
	return max(1, int(math.Round(float64(cycles)/one)))
}

// Cell is one measured configuration of a surface of warps and chains.
type Cell struct {
	Warps, Chains int
	// Rates hold the rounds, in steps; Scale makes operations of steps.
	Rates Rates
	Scale float64
	M     *micro.Measured
}

// NewCell reads a measured Throughput job.
func NewCell(m *micro.Measured, t Throughput, scale float64) (Cell, error) {
	rates, err := ThroughputRates(m, t.Work())
	return Cell{Warps: t.Warps, Chains: t.Chains, Rates: rates, Scale: scale, M: m}, err
}

// Value is the median rate in operations per cycle per SM.
func (c Cell) Value() float64 { return results.Summarize(c.values()).Median }

func (c Cell) values() []float64 {
	out := make([]float64, len(c.Rates.PerSM))
	for i, v := range c.Rates.PerSM {
		out[i] = v * c.Scale
	}
	return out
}

// ValueAt is the median rate of the cell with so many warps and chains, else
// that of the best one: what the chip is compared with.
func ValueAt(cells []Cell, warps, chains int) float64 {
	best := 0.0
	for _, c := range cells {
		if c.Warps == warps && c.Chains == chains {
			return c.Value()
		}
		best = max(best, c.Value())
	}
	return best
}

func (c Cell) parallelism() int { return c.Warps * c.Chains }

// Levels of a plateau: the smallest configuration that reaches nearPeak of the
// peak is reported; a peak that no smaller configuration comes near to within
// flat has not been shown to be one.
const (
	nearPeak = 0.95
	flat     = 0.98
)

// PlateauWidth is how far below the best a configuration still belongs to the
// plateau: about twice the spread of one configuration.
const PlateauWidth = 0.02

// PlateauRow makes the throughput row of several cells, and returns the
// measurement of the best. The value is the median over all rounds of the cells
// that lie on the plateau: the best alone would be the luckiest of several equal
// ones. A surface that still rises at its end is flagged.
func PlateauRow(cells []Cell, unit string) (micro.Row, *micro.Measured) {
	best := slices.MaxFunc(cells, func(a, b Cell) int { return cmp.Compare(a.Value(), b.Value()) })
	largest := slices.MaxFunc(cells, func(a, b Cell) int { return a.parallelism() - b.parallelism() }).parallelism()
	smallest, saturated := best, false
	for _, c := range cells {
		if c.Value() >= nearPeak*best.Value() && c.parallelism() < smallest.parallelism() {
			smallest = c
		}
		saturated = saturated || c.Value() >= flat*best.Value() && c.parallelism() < largest
	}
	var values []float64
	level := 0
	for _, c := range cells {
		if c.Value() >= (1-PlateauWidth)*best.Value() {
			values, level = append(values, c.values()...), level+1
		}
	}
	row := NewRow(best.M, "throughput", unit, values)
	row.HigherIsBetter = true
	row.Annotations = append(row.Annotations,
		fmt.Sprintf("median of the %d configurations within %.0f %% of the best, %d warps × %d chains; %d × %d reach %.0f %% of it",
			level, 100*PlateauWidth, best.Warps, best.Chains, smallest.Warps, smallest.Chains, 100*nearPeak))
	if !saturated {
		Flag(&row, "not saturated: the rate still rises at the largest number of warps and chains")
	}
	row.Proof = best.Rates.proof(best.M)
	return row, best.M
}

// proof leaves the verdict to the runner where it read the machine code, and is
// the proof by scaling elsewhere.
func (rates Rates) proof(m *micro.Measured) results.Proof {
	if len(m.Code) > 0 {
		return results.Proof{}
	}
	return rates.ScalingProof()
}

// Surface is the grid of several cells: warps by chains.
func Surface(name string, cells []Cell) results.Grid {
	var warps, chains []int
	for _, c := range cells {
		warps, chains = append(warps, c.Warps), append(chains, c.Chains)
	}
	slices.Sort(warps)
	slices.Sort(chains)
	warps, chains = slices.Compact(warps), slices.Compact(chains)
	g := results.Grid{
		Name: name, X: results.Axis{Label: "warps per SM"}, Y: results.Axis{Label: "chains per warp"},
		Z:       results.Axis{Label: "throughput", Unit: "op/cycle/SM"},
		XLabels: labels(warps), YLabels: labels(chains), Cells: make([][]*float64, len(chains)),
	}
	for y := range g.Cells {
		g.Cells[y] = make([]*float64, len(warps))
	}
	for _, c := range cells {
		v := c.Value()
		g.Cells[slices.Index(chains, c.Chains)][slices.Index(warps, c.Warps)] = &v
	}
	return g
}

func labels(values []int) []string {
	out := make([]string, len(values))
	for i, v := range values {
		out[i] = strconv.Itoa(v)
	}
	return out
}

// agreement is how well chip and SM must agree through the measured clock.
const agreement = 0.02

// ChipRow makes the row of a Throughput job on all SMs: steps per second times
// scale, in 10^12. It must agree with perSM, in the same operations per cycle,
// times the SMs and the clock that the kernel itself measured; the clock in MHz
// is returned too.
func ChipRow(m *micro.Measured, t Throughput, unit string, scale, perSM float64) (micro.Row, float64, error) {
	rates, err := ThroughputRates(m, t.Work())
	if err != nil {
		return micro.Row{}, 0, err
	}
	values := make([]float64, len(rates.Chip))
	for i, v := range rates.Chip {
		values[i] = v * scale / 1e12
	}
	row := NewRow(m, "chip throughput", unit, values)
	row.HigherIsBetter = true
	row.ClockMHz, row.ClockFrom = results.Summarize(rates.ClockMHz).Median, "kernel"
	row.Proof = rates.proof(m)
	if rates.SMs < t.CTAs {
		Flag(&row, "%d CTAs ran on %d SMs only", t.CTAs, rates.SMs)
	}
	expected := perSM * float64(t.CTAs) * row.ClockMHz * 1e6 / 1e12
	ratio := row.Value / expected
	row.Annotations = append(row.Annotations, fmt.Sprintf("%.2f %% of one SM's rate × %d SMs × %.0f MHz", 100*ratio, t.CTAs, row.ClockMHz))
	if math.Abs(ratio-1) > agreement {
		Flag(&row, "the chip does %.1f %% of what one SM's rate gives", 100*ratio)
	}
	return row, row.ClockMHz, nil
}
