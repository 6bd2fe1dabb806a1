// Package datatest invents data for tests: results in the schema of the SPEC
// CPU2017 data set, from a formula that is known.
package datatest

import (
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// Header is the schema's header with two benchmarks.
const Header = "vendor,hardware_vendor,model_name,test_sponsor,nominal_mhz,max_mhz,arch,cpus,threads_per_core,cores_per_socket,sockets,numas," +
	"l1d_cache_kb,l1i_cache_kb,l2_cache_kb,l3_cache_kb,mem_kb,mem_channels,channel_kb,mem_data_rate,storage_gb,os_name,os_vid,os,compiler," +
	"parallel,file_system,threads_or_copies,file,501.calc_r,t_501.calc_r,502.move_r,t_502.move_r"

// Reference is the run time in seconds that a ratio of 1 stands for.
const Reference = 1000

// Noise is the standard deviation of a result's logarithm around the formula.
const Noise = 0.01

// Row is a result; a test may change it before Line.
type Row struct {
	CPU                         string
	NominalMHz, MaxMHz          int
	Sockets, Cores, L3KB, DIMMs int
	Year                        int
	Calc, Move                  float64
	TimeCalc, TimeMove          float64
	L2KB, ID, DIMMGB, StorageGB int
	Box, OS, Compiler           string
}

// Rows invents results of CPUs of the Xeon Gold line, four results a CPU. The
// first benchmark scales with cores and clock, the second is bounded by memory
// too.
func Rows(cpus int, seed uint64) []Row {
	rng := rand.New(rand.NewPCG(seed, 1))
	var rows []Row
	for c := range cpus {
		cpu := fmt.Sprintf("Xeon Gold 6%d%02d", 1+c%2, 10+c/2)
		cores, nominal := 4+2*rng.IntN(13), 1800+100*rng.IntN(18)
		for range 4 {
			r := Row{
				CPU: cpu, NominalMHz: nominal, MaxMHz: nominal + 1000, Sockets: 1 + rng.IntN(2), Cores: cores, L3KB: 1408 * cores, L2KB: 1024,
				Year: 2018 + rng.IntN(3), DIMMGB: 16, StorageGB: 480, ID: len(rows) + 1000, OS: "SLES", Box: "Example " + string(rune('A'+rng.IntN(3))),
				Compiler: "C/C++: Version 19.0.1.144 of Intel C/C++",
			}
			r.DIMMs = r.Sockets * 6
			r.Measure(math.Exp(Noise*rng.NormFloat64()), math.Exp(Noise*rng.NormFloat64()))
			rows = append(rows, r)
		}
	}
	return rows
}

// Measure sets the results by the formula times a factor each.
func (r *Row) Measure(calc, move float64) {
	n, ghz := float64(r.Sockets*r.Cores), float64(r.NominalMHz)/1000
	r.Calc = 3 * n * math.Pow(ghz, 0.8) * calc
	r.Move = 4 * math.Sqrt(n*ghz) * math.Sqrt(float64(r.DIMMs)*20) / 4 * move
	copies := 2 * n
	r.TimeCalc, r.TimeMove = Reference*copies/r.Calc, Reference*copies/r.Move
}

// Line is the row in the schema.
func (r *Row) Line() string {
	threads := 2 * r.Sockets * r.Cores
	memKB := int(float64(r.DIMMs*r.DIMMGB<<20) * 0.99)
	return fmt.Sprintf("Intel,%s,%s,someone,%d,%d,x86_64,%d,2,%d,%d,%d,32,32,%d,%d,%d,%d,%d,2933,%d,%s,15,%s 15,%s,No,xfs,%d,cpu2017-%d0601-%05d.csv,%g,%g,%g,%g",
		r.Box, r.CPU, r.NominalMHz, r.MaxMHz, threads, r.Cores, r.Sockets, r.Sockets, r.L2KB, r.L3KB, memKB, r.DIMMs, r.DIMMGB<<20,
		r.StorageGB, r.OS, r.OS, r.Compiler, threads, r.Year, r.ID, r.Calc, r.TimeCalc, r.Move, r.TimeMove)
}

// File writes the rows as suite.csv in a folder of the test and returns its path.
func File(tb testing.TB, suite string, rows []Row) string {
	tb.Helper()
	lines := []string{Header}
	for i := range rows {
		lines = append(lines, rows[i].Line())
	}
	path := filepath.Join(tb.TempDir(), suite+".csv")
	if err := os.WriteFile(path, []byte(strings.Join(lines, "\n")+"\n"), 0o600); err != nil {
		tb.Fatal(err)
	}
	return path
}

// Data returns the folder of the published data that the environment names, or
// skips the test.
func Data(tb testing.TB) string {
	tb.Helper()
	dir := os.Getenv("GPUBENCH_DATA")
	if dir == "" {
		tb.Skip("GPUBENCH_DATA does not name the folder of published results")
	}
	return dir
}
