package dataset

import (
	"math"
	"regexp"
	"strconv"
	"strings"
)

// CPU is what a processor's name gives away, from the makers' published
// numbering and data sheets (Intel ARK; AMD EPYC 7001 and 7002 data sheets).
// Unknown numbers are NaN, unknown names "".
type CPU struct {
	Vendor string // "Intel", "AMD"
	Line   string // "Xeon Gold"
	Family string // the microarchitecture as sold: "Cascade Lake"
	Suffix string // the letters after the number: "M", "P", "v4"
	// Number is the model number ("6226" is 6226), Tier its leading digit.
	Number, Tier float64
	// MemRate is the fastest memory supported, in MT/s, at one DIMM a channel.
	MemRate float64
	// Channels is the number of memory channels per socket.
	Channels float64
	// FMA is the number of 512-bit fused multiply-add pipes per core; 0 means
	// vectors of 256 bits, at full width or in two halves (Zen 1).
	FMA float64
}

var (
	xeonScalable = regexp.MustCompile(`^Xeon (Bronze|Silver|Gold|Platinum) (\d)(\d)(\d\d)([A-Z+]*)$`)
	xeonOld      = regexp.MustCompile(`^Xeon (E3|E5|E7)-(\d)(\d{3})([A-Z]*) ?v(\d)$`)
	xeonSmall    = regexp.MustCompile(`^Xeon (E|W|D)-(\d)(\d)(\d\d)([A-Z]*)$`)
	xeonMax      = regexp.MustCompile(`^Xeon Max (9)4(\d\d)([A-Z]*)$`)
	client       = regexp.MustCompile(`^(Core i\d|Celeron|Pentium Gold|Pentium)[ -]G?(\d)(\d{3})([A-Z]*)$`)
	epyc         = regexp.MustCompile(`^EPYC (\d)([\dA-Z])(\d)(\d)([A-Z]*)$`)
	noise        = regexp.MustCompile(`\((?:R|TM|r|tm)\)|\bCPU\b|@.*$|\d+-Core Processor|Processor|^(?:Intel|AMD)\b`)
)

// CPUName returns a processor's name as SPEC lists it, from how the operating
// system or SPEC names it: "Intel(R) Xeon(R) Gold 6226 CPU @ 2.70GHz" is
// "Xeon Gold 6226".
func CPUName(raw string) string {
	s := strings.Join(strings.Fields(noise.ReplaceAllString(raw, " ")), " ")
	for _, maker := range []string{"Intel ", "AMD "} {
		s = strings.TrimPrefix(s, maker)
	}
	return s
}

// ParseCPU reads a processor's name. A name of no known pattern gives a CPU
// with unknowns only.
func ParseCPU(name string) CPU {
	name = CPUName(name)
	for _, parse := range []func(string) (CPU, bool){parseScalable, parseXeonMax, parseXeonOld, parseXeonSmall, parseClient, parseEPYC} {
		if c, ok := parse(name); ok {
			return c
		}
	}
	return CPU{Number: math.NaN(), Tier: math.NaN(), MemRate: math.NaN(), Channels: math.NaN(), FMA: math.NaN()}
}

// parseScalable reads Xeon Scalable names: the second digit is the generation.
func parseScalable(name string) (CPU, bool) {
	m := xeonScalable.FindStringSubmatch(name)
	if m == nil {
		return CPU{}, false
	}
	c := CPU{Vendor: "Intel", Line: "Xeon " + m[1], Suffix: m[5], Number: number(m[2] + m[3] + m[4]), Tier: number(m[2])}
	strong := c.Tier >= 6 || m[4] == "22" && c.Tier == 5
	c.FMA = 1
	if strong {
		c.FMA = 2
	}
	c.Channels, c.MemRate = 6, math.NaN()
	switch m[3] {
	case "1":
		c.Family, c.MemRate = "Skylake-SP", tiered(c.Tier, strong, 2133, 2400, 2400, 2666)
	case "2":
		c.Family, c.MemRate = "Cascade Lake", tiered(c.Tier, strong, 2133, 2400, 2666, 2933)
		if strings.Contains(c.Suffix, "V") { // 6222V and 6262V
			c.MemRate = 2400
		}
		if strings.HasSuffix(c.Suffix, "R") || c.Number == 6256 || c.Number == 6250 || c.Number == 6208 {
			c.Family = "Cascade Lake Refresh"
		}
		if c.Tier == 9 {
			c.Family, c.Channels = "Cascade Lake-AP", 12
		}
	case "3":
		c.Family, c.Channels, c.MemRate = "Ice Lake-SP", 8, tiered(c.Tier, strong, 2667, 2667, 2933, 3200)
		c.FMA = 2
		if strings.HasPrefix(c.Suffix, "H") {
			c.Family, c.Channels, c.MemRate = "Cooper Lake", 6, 3200
		}
	case "4":
		c.Family, c.Channels, c.MemRate, c.FMA = "Sapphire Rapids", 8, 4800, 2
	case "5":
		c.Family, c.Channels, c.MemRate, c.FMA = "Emerald Rapids", 8, 5600, 2
	}
	return c, true
}

// parseXeonMax reads the names of Sapphire Rapids with memory on the package.
func parseXeonMax(name string) (CPU, bool) {
	m := xeonMax.FindStringSubmatch(name)
	if m == nil {
		return CPU{}, false
	}
	return CPU{Vendor: "Intel", Line: "Xeon Max", Family: "Sapphire Rapids HBM", Suffix: m[3], Number: number(m[1] + "4" + m[2]), Tier: 9, MemRate: 4800, Channels: 8, FMA: 2}, true
}

// tiered picks a memory rate by Xeon tier.
func tiered(tier float64, strong bool, bronze, silver, gold5, rest float64) float64 {
	switch {
	case strong:
		return rest
	case tier == 3:
		return bronze
	case tier == 4:
		return silver
	default:
		return gold5
	}
}

// parseXeonOld reads E3, E5 and E7 names: vN is the generation.
func parseXeonOld(name string) (CPU, bool) {
	m := xeonOld.FindStringSubmatch(name)
	if m == nil {
		return CPU{}, false
	}
	c := CPU{Vendor: "Intel", Line: "Xeon " + m[1], Suffix: m[4], Number: number(m[2] + m[3]), Tier: number(m[2]), MemRate: math.NaN()}
	server := m[1] != "E3"
	c.Channels = 2
	if server {
		c.Channels = 4
	}
	switch m[5] {
	case "3":
		c.Family, c.MemRate = "Haswell", 2133
		if !server {
			c.MemRate = 1600
		}
	case "4":
		c.Family, c.MemRate = "Broadwell", 2400
		if m[1] == "E5" && number(m[3]) < 640 { // 2620 v4 and 2630 v4
			c.MemRate = 2133
		}
	case "5":
		c.Family, c.MemRate = "Skylake", 2133
	case "6":
		c.Family, c.MemRate = "Kaby Lake", 2400
	}
	return c, true
}

// parseXeonSmall reads Xeon E, W and D names.
func parseXeonSmall(name string) (CPU, bool) {
	m := xeonSmall.FindStringSubmatch(name)
	if m == nil {
		return CPU{}, false
	}
	c := CPU{Vendor: "Intel", Line: "Xeon " + m[1], Suffix: m[5], Number: number(m[2] + m[3] + m[4]), Tier: number(m[2]), MemRate: math.NaN(), Channels: 2}
	switch m[1] + m[2] + m[3] {
	case "E21", "E22":
		c.Family, c.MemRate = "Coffee Lake", 2666
	case "W21":
		c.Family, c.MemRate, c.Channels, c.FMA = "Skylake-W", 2666, 4, 2
		if c.Number < 2120 {
			c.MemRate = 2400
		}
	case "W22":
		c.Family, c.MemRate, c.Channels, c.FMA = "Cascade Lake-W", 2933, 4, 2
	case "W31":
		c.Family, c.MemRate, c.Channels, c.FMA = "Skylake-W", 2666, 6, 2
	case "W32":
		c.Family, c.MemRate, c.Channels, c.FMA = "Cascade Lake-W", 2933, 6, 2
	case "D15":
		c.Family, c.MemRate = "Broadwell", 2133
	case "D21":
		c.Family, c.MemRate, c.Channels, c.FMA = "Skylake-SP", 2666, 4, 1
	}
	return c, true
}

// parseClient reads desktop names: the first digit is the generation.
func parseClient(name string) (CPU, bool) {
	m := client.FindStringSubmatch(name)
	if m == nil {
		return CPU{}, false
	}
	c := CPU{Vendor: "Intel", Line: m[1], Suffix: m[4], Number: number(m[2] + m[3]), Tier: 1, MemRate: 2400, Channels: 2}
	core := strings.HasPrefix(m[1], "Core")
	generation := number(m[2])
	if core {
		c.Tier = number(m[1][len(m[1])-1:])
	} else {
		generation = clientGeneration(c.Number)
	}
	switch generation {
	case 6:
		c.Family, c.MemRate = "Skylake", 2133
	case 7:
		c.Family = "Kaby Lake"
	case 8, 9:
		c.Family = "Coffee Lake"
		if core && c.Tier >= 5 {
			c.MemRate = 2666
		}
	}
	return c, true
}

// clientGeneration returns the Core generation of a Celeron or Pentium number.
func clientGeneration(n float64) float64 {
	switch {
	case n >= 4900 || n >= 5400 && n < 5700:
		return 8
	case n >= 3930 && n < 4000, n >= 4560 && n < 4700:
		return 7
	default:
		return 6
	}
}

// parseEPYC reads EPYC 7000 names: the last digit is the generation.
func parseEPYC(name string) (CPU, bool) {
	m := epyc.FindStringSubmatch(name)
	if m == nil {
		return CPU{}, false
	}
	second := m[2]
	if second[0] > '9' { // the F and H models sit between the numbers
		second = "9"
	}
	c := CPU{Vendor: "AMD", Line: "EPYC", Suffix: strings.Trim(m[2], "0123456789") + m[5], Number: number(m[1] + second + m[3] + m[4]), Tier: number(m[1]), MemRate: math.NaN(), Channels: 8}
	switch m[4] {
	case "1":
		c.Family, c.MemRate = "Naples", 2666
		if c.Number == 7251 {
			c.MemRate = 2400
		}
	case "2":
		c.Family, c.MemRate = "Rome", 3200
		switch m[2] + m[3] + m[4] { // two dies, of which each feeds two channels: 85 GB/s
		case "232", "252", "272", "282":
			c.Channels = 4
		}
	case "3":
		c.Family, c.MemRate = "Milan", 3200
	}
	return c, true
}

// number reads digits; the patterns let nothing else through.
func number(digits string) float64 {
	n, err := strconv.Atoi(digits)
	if err != nil {
		return math.NaN()
	}
	return float64(n)
}
