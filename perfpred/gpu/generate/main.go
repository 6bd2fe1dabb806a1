// Command generate makes perfpred/gpu/model.json: go generate ./perfpred/gpu.
// It reads MLPerf's results from the folder that GPUBENCH_DATA names.
package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/gpubench/gpubench/perfpred/gpu"
)

func main() {
	if err := generate(os.Getenv("GPUBENCH_DATA"), "model.json"); err != nil {
		fmt.Fprintln(os.Stderr, "generate:", err)
		os.Exit(1)
	}
}

// generate trains on the results under data and writes the model to path.
func generate(data, path string) error {
	if data == "" {
		return errors.New("GPUBENCH_DATA does not name the folder with mlperf-inference-v4.1/results.csv")
	}
	in, err := os.Open(filepath.Join(data, "mlperf-inference-v4.1", "results.csv"))
	if err != nil {
		return err
	}
	defer in.Close()
	model, err := gpu.Build(in)
	if err != nil {
		return err
	}
	out, err := os.Create(path)
	if err != nil {
		return err
	}
	if err := model.Write(out); err != nil {
		out.Close()
		return err
	}
	return out.Close()
}
