// Package cluster measures thread block clusters: latency and throughput of the
// distributed shared memory between the SMs of a cluster.
package cluster

import (
	"fmt"
	"strconv"

	"github.com/gpubench/gpubench/micro"
	"github.com/gpubench/gpubench/micro/kit"
	"github.com/gpubench/gpubench/ptx"
	"github.com/gpubench/gpubench/ptx/isa"
)

// Benchmarks lists the benchmarks of this unit.
func Benchmarks() []micro.Benchmark { return []micro.Benchmark{latency(), throughput()} }

// sizes are the cluster sizes in CTAs; beyond 8 they are not portable.
func sizes() []int { return []int{2, 4, 8, 16} }

const portable = 8

// supported refuses GPUs without clusters.
func supported(gpu micro.GPU) error {
	if !gpu.Arch.Supports(isa.SM90) {
		return micro.Unsupportedf("clusters need sm_90, this GPU is %s", gpu.Arch)
	}
	return nil
}

// sizeOf reads a point's cluster size.
func sizeOf(text string) (int, error) {
	n, err := strconv.Atoi(text)
	for _, s := range sizes() {
		if err == nil && n == s {
			return n, nil
		}
	}
	return 0, fmt.Errorf("%q is not a cluster size of %v", text, sizes())
}

// exclusive is the dynamic shared memory with which a CTA has its SM to itself:
// more than half of what an SM has.
func exclusive(gpu micro.GPU) int {
	return min(gpu.SharedPerSM/2+1024, gpu.SharedPerBlock-1024) / 1024 * 1024
}

// meet adds a barrier of the whole cluster.
func meet(k *ptx.Kernel) {
	k.I("barrier.cluster.arrive.release.aligned")
	k.I("barrier.cluster.wait.acquire.aligned")
}

// place is where a thread is in its cluster, and on which SM.
type place struct{ rank, ranks, cluster, sm ptx.Reg }

func where(k *ptx.Kernel) place {
	return place{kit.Read(k, "%cluster_ctarank"), kit.Read(k, "%cluster_nctarank"), kit.Read(k, "%clusterid.x"), kit.Read(k, "%smid")}
}
