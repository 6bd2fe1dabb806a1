// Package document puts STREAM's results of host and GPU into one document, and
// prints them the way STREAM does.
package document

import (
	"runtime"
	"time"

	"github.com/gpubench/gpubench/results"
	"github.com/gpubench/gpubench/stream/host"
)

// BackendHost is the backend of a document of the host alone.
const BackendHost = "host"

// OfHost is a document of the host alone: its device is the processor.
func OfHost(r *host.Result, started, finished time.Time) *results.Document {
	doc := &results.Document{
		Schema: results.SchemaVersion, Started: started, Finished: finished, State: results.Complete, Backend: BackendHost,
		Device: results.Device{Name: r.CPU.Model, MemoryBytes: r.CPU.MemoryBytes, FreeBytes: r.CPU.FreeBytes},
		Host:   results.Host{OS: runtime.GOOS, Arch: runtime.GOARCH, CPUs: len(r.CPU.Allowed)},
	}
	AddHost(doc, r, finished.Sub(started))
	return doc
}

// AddHost puts the host's results in front of what a document has.
func AddHost(doc *results.Document, r *host.Result, took time.Duration) {
	cpu := r.CPU
	doc.Host.CPU = &cpu
	doc.Rows = append(r.Rows, doc.Rows...)
	doc.Series = append(r.Series, doc.Series...)
	doc.Raw = append(r.Raw, doc.Raw...)
	doc.Phases = append([]results.Phase{{Name: "measure " + host.Benchmark, Seconds: took.Seconds()}}, doc.Phases...)
	doc.Benchmarks = append([]results.BenchmarkInfo{host.Info()}, doc.Benchmarks...)
}
