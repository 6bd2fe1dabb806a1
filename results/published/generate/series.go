package main

import (
	"fmt"
	"strings"
)

// convertCurves puts each curve on one line: gpu, path, footprints, cycles.
func convertCurves(records []record) ([][]string, error) {
	var lines [][]string
	for _, r := range records {
		n := len(lines)
		if n == 0 || lines[n-1][0] != r["gpu"] || lines[n-1][1] != r["path"] {
			lines = append(lines, []string{r["gpu"], r["path"], r["footprint_KB"], r["latency_clk"]})
			continue
		}
		lines[n-1][2] += " " + r["footprint_KB"]
		lines[n-1][3] += " " + r["latency_clk"]
	}
	return lines, nil
}

// convertPairs puts each cluster on one line: gpu, SM by rank, cycles by
// loading rank and, within it, by the rank that holds the data.
func convertPairs(records []record) ([][]string, error) {
	var lines [][]string
	for start := 0; start < len(records); {
		var size int
		if _, err := fmt.Sscan(records[start]["cluster_size"], &size); err != nil || size < 1 {
			return nil, fmt.Errorf("line %d: cluster size %q", start+2, records[start]["cluster_size"])
		}
		end := start + size*size
		if end > len(records) {
			return nil, fmt.Errorf("line %d: the cluster of %d is cut off", start+2, size)
		}
		line, err := convertCluster(records[start:end], size)
		if err != nil {
			return nil, fmt.Errorf("cluster at line %d: %w", start+2, err)
		}
		lines = append(lines, line)
		start = end
	}
	return lines, nil
}

func convertCluster(records []record, size int) ([]string, error) {
	var sms, cycles []string
	for i, r := range records {
		if r["src_rank"] != fmt.Sprint(i/size) || r["dst_rank"] != fmt.Sprint(i%size) {
			return nil, fmt.Errorf("pair %s to %s is out of order", r["src_rank"], r["dst_rank"])
		}
		if i < size {
			sms = append(sms, r["dst_smid"])
		}
		if r["dst_smid"] != sms[i%size] || r["src_smid"] != sms[i/size] && i >= size {
			return nil, fmt.Errorf("a rank changes its SM")
		}
		cycles = append(cycles, r["latency_clk"])
	}
	return []string{records[0]["gpu"], strings.Join(sms, " "), strings.Join(cycles, " ")}, nil
}
