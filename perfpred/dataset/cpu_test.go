package dataset

import (
	"math"
	"testing"

	"github.com/stretchr/testify/assert"
)

func TestCPUName(t *testing.T) {
	for raw, want := range map[string]string{
		"Intel(R) Xeon(R) Gold 6226 CPU @ 2.70GHz":  "Xeon Gold 6226",
		"Intel (R) Xeon (R) CPU Max 9460":           "Xeon Max 9460",
		"AMD EPYC 7742 64-Core Processor":           "EPYC 7742",
		"Intel(R) Xeon(R) CPU E5-2620 v4 @ 2.10GHz": "Xeon E5-2620 v4",
		"Xeon Platinum 8180M":                       "Xeon Platinum 8180M",
		"":                                          "",
	} {
		assert.Equal(t, want, CPUName(raw), raw)
	}
}

func TestParseCPU(t *testing.T) {
	for name, want := range map[string]CPU{
		"Xeon Bronze 3104":     {Vendor: "Intel", Line: "Xeon Bronze", Family: "Skylake-SP", Number: 3104, Tier: 3, MemRate: 2133, Channels: 6, FMA: 1},
		"Xeon Gold 5122":       {Vendor: "Intel", Line: "Xeon Gold", Family: "Skylake-SP", Number: 5122, Tier: 5, MemRate: 2666, Channels: 6, FMA: 2},
		"Xeon Gold 5218R":      {Vendor: "Intel", Line: "Xeon Gold", Family: "Cascade Lake Refresh", Suffix: "R", Number: 5218, Tier: 5, MemRate: 2666, Channels: 6, FMA: 1},
		"Xeon Gold 6222V":      {Vendor: "Intel", Line: "Xeon Gold", Family: "Cascade Lake", Suffix: "V", Number: 6222, Tier: 6, MemRate: 2400, Channels: 6, FMA: 2},
		"Xeon Platinum 9282":   {Vendor: "Intel", Line: "Xeon Platinum", Family: "Cascade Lake-AP", Number: 9282, Tier: 9, MemRate: 2933, Channels: 12, FMA: 2},
		"Xeon Platinum 8380":   {Vendor: "Intel", Line: "Xeon Platinum", Family: "Ice Lake-SP", Number: 8380, Tier: 8, MemRate: 3200, Channels: 8, FMA: 2},
		"Xeon Platinum 8380HL": {Vendor: "Intel", Line: "Xeon Platinum", Family: "Cooper Lake", Suffix: "HL", Number: 8380, Tier: 8, MemRate: 3200, Channels: 6, FMA: 2},
		"Xeon E5-2620 v4":      {Vendor: "Intel", Line: "Xeon E5", Family: "Broadwell", Number: 2620, Tier: 2, MemRate: 2133, Channels: 4},
		"Xeon E3-1240L v5":     {Vendor: "Intel", Line: "Xeon E3", Family: "Skylake", Suffix: "L", Number: 1240, Tier: 1, MemRate: 2133, Channels: 2},
		"Xeon E-2278G":         {Vendor: "Intel", Line: "Xeon E", Family: "Coffee Lake", Suffix: "G", Number: 2278, Tier: 2, MemRate: 2666, Channels: 2},
		"Xeon W-2195":          {Vendor: "Intel", Line: "Xeon W", Family: "Skylake-W", Number: 2195, Tier: 2, MemRate: 2666, Channels: 4, FMA: 2},
		"Core i9-9900K":        {Vendor: "Intel", Line: "Core i9", Family: "Coffee Lake", Suffix: "K", Number: 9900, Tier: 9, MemRate: 2666, Channels: 2},
		"Pentium Gold G5400T":  {Vendor: "Intel", Line: "Pentium Gold", Family: "Coffee Lake", Suffix: "T", Number: 5400, Tier: 1, MemRate: 2400, Channels: 2},
		"Celeron G3930E":       {Vendor: "Intel", Line: "Celeron", Family: "Kaby Lake", Suffix: "E", Number: 3930, Tier: 1, MemRate: 2400, Channels: 2},
		"EPYC 7251":            {Vendor: "AMD", Line: "EPYC", Family: "Naples", Number: 7251, Tier: 7, MemRate: 2400, Channels: 8},
		"EPYC 7282":            {Vendor: "AMD", Line: "EPYC", Family: "Rome", Number: 7282, Tier: 7, MemRate: 3200, Channels: 4},
		"EPYC 7H12":            {Vendor: "AMD", Line: "EPYC", Family: "Rome", Suffix: "H", Number: 7912, Tier: 7, MemRate: 3200, Channels: 8},
	} {
		assert.Equal(t, want, ParseCPU(name), name)
	}
}

func TestParseUnknownCPU(t *testing.T) {
	for _, name := range []string{"", "Xeon", "Ryzen 9 5950X", "Xeon Gold sixty"} {
		c := ParseCPU(name)
		assert.Empty(t, c.Family, name)
		assert.True(t, math.IsNaN(c.Channels) && math.IsNaN(c.MemRate), name)
	}
}
