package main

import (
	"bytes"
	"context"
	"io"
	"testing"
	"time"

	"github.com/gpubench/gpubench/micro/suite"
)

// BenchmarkListExplainHelp times the commands that must be instant (50 ms each),
// and reports the slowest run of each.
func BenchmarkListExplainHelp(b *testing.B) {
	lines := map[string][]string{
		"list":         {"list"},
		"list json":    {"list", "--json"},
		"help":         {"--help"},
		"run help":     {"run", "--help"},
		"explain help": {"explain", "--help"},
	}
	for _, x := range suite.All() {
		lines["explain "+x.Name] = []string{"explain", x.Name}
	}
	for name, args := range lines {
		b.Run(name, func(b *testing.B) {
			var slowest time.Duration
			for b.Loop() {
				start := time.Now()
				if code := execute(context.Background(), args, world{out: io.Discard, err: &bytes.Buffer{}, now: time.Now}); code != exitOK {
					b.Fatal("exit code", code)
				}
				slowest = max(slowest, time.Since(start))
			}
			b.ReportMetric(float64(b.Elapsed())/float64(b.N)/1e6, "ms/op")
			b.ReportMetric(float64(slowest)/1e6, "ms-slowest")
		})
	}
}
