// Command generate makes perfpred/gpu/model.json and EVALUATION.md: go generate
// ./perfpred/gpu. It reads MLPerf's results from the folder that GPUBENCH_DATA names.
package main

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"

	"github.com/gpubench/gpubench/perfpred/gpu"
)

func main() {
	if os.Getenv("GPUBENCH_DATA") == "" {
		fmt.Fprintln(os.Stderr, "generate: perfpred/gpu is left as it is: GPUBENCH_DATA names no folder with mlperf-inference-v4.1/results.csv")
		return
	}
	if err := generate(os.Getenv("GPUBENCH_DATA"), "."); err != nil {
		fmt.Fprintln(os.Stderr, "generate:", err)
		os.Exit(1)
	}
}

// generate trains and evaluates on the results under data and writes both files to dir.
func generate(data, dir string) error {
	mlperf, err := os.ReadFile(filepath.Join(data, "mlperf-inference-v4.1", "results.csv"))
	if err != nil {
		return err
	}
	model, err := gpu.Build(bytes.NewReader(mlperf))
	if err != nil {
		return err
	}
	var file bytes.Buffer
	if err := model.Write(&file); err != nil {
		return err
	}
	text, err := evaluation(mlperf)
	if err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(dir, "model.json"), file.Bytes(), 0o644); err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(dir, "EVALUATION.md"), []byte(text), 0o644)
}

const introduction = `# The GPU predictor on GPUs that it has not seen

Made by go generate; errors are means of |predicted/measured - 1| in per cent, over
our recorded run, the published figures and MLPerf inference v4.1 (%d, %d and %d rows).
What is left out is out of everything: coefficients, penalty and intervals. A refused
row had nothing like it on the other GPUs. The roofline is a data sheet's ceiling;
the constants are utilisations that fit the other GPUs best, one for all or one for each
benchmark, operation or model. For latencies, of which a data sheet says nothing, they
are the geometric means of the other GPUs. Means weigh GPUs alike. Ceilings of caches
and of the network between SMs are widths of the architecture, not of the data sheet, which
makes the roofline of the memory class look worse than that of device memory is.
The features and the order of the penalties were chosen while these figures were looked at.
`

// evaluation is the text with the tables.
func evaluation(mlperf []byte) (string, error) {
	rows, origin, err := gpu.Sources(bytes.NewReader(mlperf))
	if err != nil {
		return "", err
	}
	text := fmt.Sprintf(introduction, origin.Rows-origin.Published-origin.MLPerf, origin.Published, origin.MLPerf)
	for _, leave := range []gpu.Leave{gpu.LeaveModel, gpu.LeaveArch} {
		scores, err := gpu.Evaluate(rows, leave)
		if err != nil {
			return "", err
		}
		text += fmt.Sprintf("\n## One %s left out\n\n%s", leave, gpu.Markdown(scores))
	}
	return text, nil
}
