package main

import (
	"regexp"
	"strconv"
	"strings"
)

// knownError says why a figure is not what its name promises.
type knownError struct {
	note string
	in   func(r record, value float64) bool
}

func knownErrors(r record, value float64) []string {
	var notes []string
	for _, e := range errorsKnown() {
		if e.in(r, value) {
			notes = append(notes, e.note)
		}
	}
	return notes
}

func errorsKnown() []knownError {
	return []knownError{
		{"deleted loop: the compiler removed the work", deletedLoop},
		{"clock overhead is left in the quotient", clockOverhead},
		{"H800 PCIe with 114 SMs", func(r record, _ float64) bool { return r["gpu"] == "H800 PCIe" && wholeChip(r["unit"]) }},
		{"issue interval N/2, not a completion latency", issueInterval},
		{"depends on the style of the chase: 43 or 32 for L1, 29 or 23 for shared memory", chaseStyle},
		{"an L2 hit, too fast for device memory", globalHit},
	}
}

// dpxPeak is the most DPX instructions that an SM of any of these GPUs can do in a cycle.
const dpxPeak = 64

// deletedLoop is so for DPX rows of about 2 cycles or less, or above the peak.
func deletedLoop(r record, v float64) bool {
	if r["benchmark"] != "DPX" {
		return false
	}
	sms := map[string]float64{"A100 PCIe": 108, "RTX 4090": 128, "H800 PCIe": 114}[r["gpu"]]
	switch r["metric"] {
	case "latency":
		return v < 2.5
	case "throughput_per_SM":
		return v > dpxPeak
	case "throughput_whole_GPU":
		return v > dpxPeak*sms
	}
	return false
}

// clockOverhead is so for the other DPX latencies and rates of one SM: time of
// one length, clock reads included, divided by its count.
func clockOverhead(r record, v float64) bool {
	return r["benchmark"] == "DPX" && r["metric"] != "throughput_whole_GPU" && !deletedLoop(r, v)
}

// wholeChip reports whether a unit grows with the number of SMs.
func wholeChip(unit string) bool {
	unit, _, _ = strings.Cut(unit, " (")
	switch unit {
	case "instr/clk", "byte/clk", "TFLOPS", "TOPS", "TB/s":
		return true
	}
	return false
}

var wgmmaN = regexp.MustCompile(`m64n([0-9]+)k`)

func issueInterval(r record, v float64) bool {
	n := wgmmaN.FindStringSubmatch(r["shape"])
	if n == nil || r["metric"] != "latency" || !strings.HasPrefix(r["instruction"], "wgmma") {
		return false
	}
	half, err := strconv.ParseFloat(n[1], 64)
	return err == nil && v == half/2
}

func chaseStyle(r record, _ float64) bool {
	if r["metric"] != "latency" && r["metric"] != "value" {
		return false
	}
	for _, prefix := range []string{"L1 latency", "L1 hit", "shared latency", "shared load", "local shared load", "ld.shared.u32 latency", "DSM latency: local shared direct"} {
		if strings.HasPrefix(r["benchmark"], prefix) {
			return true
		}
	}
	return false
}

func globalHit(r record, v float64) bool {
	return strings.HasPrefix(r["benchmark"], "global latency") && v > 250 && v < 350
}
