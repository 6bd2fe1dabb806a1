package sheet

import (
	_ "embed"
	"encoding/csv"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"
)

//go:embed sheets.csv
var table string

// All lists the products in the order of the table. The list is the caller's;
// the maps of the sheets are shared and only to be read.
func All() ([]Sheet, error) {
	list, err := sheets()
	return slices.Clone(list), err
}

// sheets reads the table on first use.
var sheets = sync.OnceValues(read)

func read() ([]Sheet, error) {
	lines, err := csv.NewReader(strings.NewReader(table)).ReadAll()
	if err != nil {
		return nil, fmt.Errorf("data sheets: %w", err)
	}
	list := make([]Sheet, 0, len(lines)-1)
	for i, l := range lines[1:] {
		s, err := parse(lines[0], l)
		if err != nil {
			return nil, fmt.Errorf("data sheets, line %d: %w", i+2, err)
		}
		list = append(list, s)
	}
	return list, nil
}

// record reads one line by the names of its columns and keeps the first error.
type record struct {
	cells map[string]string
	err   error
}

func (r *record) number(column string) float64 {
	cell := r.cells[column]
	if cell == "" || r.err != nil {
		return 0
	}
	v, err := strconv.ParseFloat(cell, 64)
	if err != nil || v <= 0 {
		r.err = fmt.Errorf("%s: %q is not a positive number", column, cell)
	}
	return v
}

func parse(header, line []string) (Sheet, error) {
	r := record{cells: map[string]string{}}
	for i, column := range header {
		r.cells[column] = line[i]
	}
	s := Sheet{
		Name: r.cells["name"], Model: r.cells["model"], Arch: r.cells["arch"], Capability: r.cells["cc"],
		SMs: int(r.number("sms")), BoostMHz: r.number("boost_mhz"), FP64: r.number("fp64"), FP32: r.number("fp32"),
		Tensor: map[Type]float64{}, WideAcc: map[Type]float64{},
		DRAMGBs: r.number("dram_gbs"), DRAM: r.cells["dram"], DRAMGB: r.number("dram_gb"), L2MB: r.number("l2_mb"),
		SharedKB: r.number("shared_kb"), TDPW: r.number("tdp_w"), Form: r.cells["form"], Source: r.cells["source"],
	}
	if a := r.cells["aliases"]; a != "" {
		s.Aliases = strings.Split(a, ";")
	}
	for _, t := range []Type{F64, TF32, F16, BF16, F8, S8, S4, F4} {
		if v := r.number("t_" + string(t)); v > 0 {
			s.Tensor[t] = v
		}
	}
	for _, t := range []Type{F16, F8} {
		if v := r.number("t_" + string(t) + "_f32"); v > 0 {
			s.WideAcc[t] = v
		}
	}
	return s, r.err
}
