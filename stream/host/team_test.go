package host

import (
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// testTeam is a team of so many threads, or of fewer where there are fewer CPUs.
func testTeam(t *testing.T, threads int) *Team {
	t.Helper()
	allowed, err := allowedCPUs()
	require.NoError(t, err)
	team, err := NewTeam(allowed[:min(threads, len(allowed))])
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, team.Close()) })
	return team
}

func TestTeamRunsEveryWorkerOnce(t *testing.T) {
	team := testTeam(t, 2)
	counts := make([]atomic.Int64, team.Size())
	task := func(worker int) { counts[worker].Add(1) }
	const rounds = 200
	for i := range rounds {
		team.Do(task)
		for w := range counts {
			require.EqualValues(t, i+1, counts[w].Load(), "worker %d", w)
		}
		if i%50 == 0 {
			team.Park()
			team.Park() // twice does no harm
		}
	}
}

// TestTeamBindsThreads asks each thread for its CPUs, and the caller's afterwards.
func TestTeamBindsThreads(t *testing.T) {
	before, err := allowedCPUs()
	require.NoError(t, err)
	team, err := NewTeam(before)
	require.NoError(t, err)
	got := make([][]int, team.Size())
	team.Do(func(worker int) { got[worker], _ = allowedCPUs() })
	assert.NoError(t, team.Close())
	assert.NoError(t, team.Close(), "closing twice")
	after, err := allowedCPUs()
	require.NoError(t, err)
	assert.Equal(t, before, after, "the caller has its CPUs back")
	if !binds {
		t.Skip("threads cannot be bound on this system")
	}
	for i, cpu := range before {
		assert.Equal(t, []int{cpu}, got[i])
	}
}

func TestTeamOfNoCPU(t *testing.T) {
	_, err := NewTeam(nil)
	assert.Error(t, err)
	if !binds {
		return
	}
	before, err := allowedCPUs()
	require.NoError(t, err)
	_, err = NewTeam([]int{before[0], 1023})
	assert.ErrorContains(t, err, "CPU 1023")
	after, err := allowedCPUs()
	require.NoError(t, err)
	assert.Equal(t, before, after)
}
