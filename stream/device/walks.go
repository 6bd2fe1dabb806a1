package device

import (
	"github.com/gpubench/gpubench/micro"
	"github.com/gpubench/gpubench/stream"
)

// Walk is a kernel in one shape of launch, without what times it: for measurements
// by the device's events, beside other programs' kernels.
type Walk struct {
	Shape string
	// Job launches a walk over the arrays and nothing else; all Walks of a kernel share one text.
	Job *micro.Job
}

// Walks are a kernel's walks over arrays of some bytes, in every shape of the sweep.
func Walks(gpu micro.GPU, kernel string, t stream.Type, bytes uint64) ([]Walk, error) {
	var list []Walk
	for _, s := range sweep(kernel, t) {
		job, err := walkJob(gpu, kernel, t, s, bytes)
		if err != nil {
			return nil, err
		}
		// Before it stand the prelude and the reset, after it the collection of times.
		job.Launches = job.Launches[2 : len(job.Launches)-1]
		list = append(list, Walk{s.String(), job})
	}
	return list, nil
}
