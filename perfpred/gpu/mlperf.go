package gpu

import (
	"cmp"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/gpubench/gpubench/perfpred/gpu/sheet"
	"github.com/gpubench/gpubench/results"
)

// MLPerf reads results of MLPerf inference as CSV, with the columns of the
// project's prepared table, and turns them into rows of one accelerator: the
// median over submissions of throughput over accelerators, for each GPU, model
// and scenario. Only the closed division counts, offline and server, without the
// submissions that cap the power. Accelerators without a data sheet are counted
// in skipped, by name.
func MLPerf(r io.Reader) (rows []Row, skipped map[string]int, err error) {
	reader := csv.NewReader(r)
	reader.ReuseRecord = true
	header, err := reader.Read()
	if err != nil {
		return nil, nil, fmt.Errorf("MLPerf results: %w", err)
	}
	columns, err := mlperfColumns(slices.Clone(header))
	if err != nil {
		return nil, nil, err
	}
	values := map[string][]float64{}
	kept := map[string]Row{}
	skipped = map[string]int{}
	for line := 2; ; line++ {
		record, err := reader.Read()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, nil, fmt.Errorf("MLPerf results: %w", err)
		}
		row, ok, err := mlperfRow(columns, record, skipped)
		if err != nil {
			return nil, nil, fmt.Errorf("MLPerf results, line %d: %w", line, err)
		}
		if ok {
			key := row.GPU + " " + row.Query.String()
			kept[key] = row
			values[key] = append(values[key], row.Value)
		}
	}
	for _, key := range slices.Sorted(maps.Keys(kept)) {
		row := kept[key]
		row.Value = median(values[key])
		row.Source = fmt.Sprintf("MLPerf inference v4.1, closed, median of %d submissions", len(values[key]))
		rows = append(rows, row)
	}
	rows, err = known(rows)
	return rows, skipped, err
}

// mlperfColumns finds the columns that are needed.
func mlperfColumns(header []string) (map[string]int, error) {
	columns := map[string]int{}
	for i, name := range header {
		columns[name] = i
	}
	for _, name := range []string{
		"division", "system", "model", "scenario", "metric", "value", "accelerator_model_name", "accelerators_per_node", "number_of_nodes",
	} {
		if _, ok := columns[name]; !ok {
			return nil, fmt.Errorf("MLPerf results: no column %q", name)
		}
	}
	return columns, nil
}

func mlperfRow(columns map[string]int, record []string, skipped map[string]int) (Row, bool, error) {
	get := func(name string) string { return record[columns[name]] }
	scenario := strings.ToLower(get("scenario"))
	if get("division") != "closed" || scenario != "offline" && scenario != "server" || strings.Contains(get("system"), "MaxQ") {
		return Row{}, false, nil
	}
	list := workloads()
	i := slices.IndexFunc(list, func(w workload) bool { return w.name == get("model") })
	if i < 0 || get("metric") != list[i].unit {
		return Row{}, false, nil // models of the open division, and a second metric of the same run
	}
	s, err := sheet.Lookup(get("accelerator_model_name"))
	if err != nil {
		skipped[get("accelerator_model_name")]++
		return Row{}, false, nil
	}
	value, err := strconv.ParseFloat(get("value"), 64)
	if err != nil || !(value > 0) {
		return Row{}, false, fmt.Errorf("value %q is not a positive number", get("value"))
	}
	count, err := accelerators(get("accelerators_per_node"), get("number_of_nodes"))
	if err != nil {
		return Row{}, false, err
	}
	q := Query{Benchmark: "mlperf", Point: results.P("model", list[i].name, "scenario", scenario), Metric: chipThroughput}
	return Row{GPU: s.Name, Query: q, Value: value / count}, true, nil
}

func accelerators(perNode, nodes string) (float64, error) {
	a, errA := strconv.Atoi(perNode)
	n, errN := strconv.Atoi(nodes)
	if errA != nil || errN != nil || a < 1 || n < 1 {
		return 0, fmt.Errorf("%q accelerators in %q nodes", perNode, nodes)
	}
	return float64(a * n), nil
}

func median(values []float64) float64 {
	v := slices.Clone(values)
	slices.SortFunc(v, cmp.Compare[float64])
	n := len(v)
	if n%2 == 1 {
		return v[n/2]
	}
	return (v[n/2-1] + v[n/2]) / 2
}
