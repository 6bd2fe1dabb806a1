package plot

import (
	"bytes"
	"flag"
	"image"
	"image/png"
	"math"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/gpubench/gpubench/results"
	"github.com/gpubench/gpubench/results/plot/plottest"
)

var (
	update = flag.Bool("update", false, "write the golden pictures anew")
	dump   = flag.String("dump", "", "folder for the pictures in full size, to look at")
)

// goldenDPI makes golden pictures small: 450 pixels wide.
const goldenDPI = 36

func TestDump(t *testing.T) {
	if *dump == "" {
		t.Skip("no -dump folder given")
	}
	pictures, err := All(plottest.Document(7))
	require.NoError(t, err)
	require.NoError(t, os.MkdirAll(*dump, 0o777))
	for _, p := range pictures {
		t.Logf("%s (%d KiB)\n  %s\n  %s", p.Name, len(p.PNG)/1024, p.Title, p.Caption)
		require.NoError(t, os.WriteFile(filepath.Join(*dump, p.Name+".png"), p.PNG, 0o666))
	}
}

func BenchmarkAll(b *testing.B) {
	doc := plottest.Large(7, 1500)
	n := 0
	for b.Loop() {
		pictures, err := All(doc)
		if err != nil {
			b.Fatal(err)
		}
		n = len(pictures)
	}
	b.ReportMetric(float64(n), "pictures")
}

var _ = bytes.Equal
var _ image.Image
var _ = png.Decode
var _ = math.Abs
var _ = assert.Equal
var _ results.Row
