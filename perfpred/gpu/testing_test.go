package gpu

import (
	"os"
	"path/filepath"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/gpubench/gpubench/perfpred/gpu/sheet"
	"github.com/gpubench/gpubench/results"
	"github.com/gpubench/gpubench/results/recorded"
)

func model(t testing.TB) *Model {
	t.Helper()
	m, err := Default()
	require.NoError(t, err)
	return m
}

func query(t testing.TB, text string) Query {
	t.Helper()
	q, err := ParseQuery(text)
	require.NoError(t, err, text)
	return q
}

func lookup(t testing.TB, name string) sheet.Sheet {
	t.Helper()
	s, err := sheet.Lookup(name)
	require.NoError(t, err)
	return s
}

// The recording is large: it is read once, and tests leave it as it is.
var recordedRun = sync.OnceValues(func() (*results.Document, error) {
	_, doc, err := recorded.Default()
	return doc, err
})

func recording(t testing.TB) *results.Document {
	t.Helper()
	doc, err := recordedRun()
	require.NoError(t, err)
	return doc
}

var carriedRows = sync.OnceValues(func() ([]Row, error) {
	rows, _, err := Sources(nil)
	return rows, err
})

// sources are the rows that the program carries.
func sources(t testing.TB) []Row {
	t.Helper()
	rows, err := carriedRows()
	require.NoError(t, err)
	return rows
}

// mlperfFile opens MLPerf's results, which are not part of the project.
func mlperfFile(t testing.TB) *os.File {
	t.Helper()
	data := os.Getenv("GPUBENCH_DATA")
	if data == "" {
		t.Skip("GPUBENCH_DATA does not name the folder with mlperf-inference-v4.1/results.csv")
	}
	f, err := os.Open(filepath.Join(data, "mlperf-inference-v4.1", "results.csv"))
	require.NoError(t, err)
	t.Cleanup(func() { f.Close() })
	return f
}
