package host

import (
	"errors"
	"fmt"
	"runtime"
	"sync/atomic"
)

// Team is one thread per CPU, each bound to its own; the caller's thread is one
// of them. Between the calls of Do the others spin, so that the next one starts
// within a fraction of a microsecond; Park lets them sleep.
type Team struct {
	cpus    []int
	task    func(worker int)
	round   counter
	workers []member
	before  affinity
	procs   int // GOMAXPROCS to go back to; 0 for as it is
	awake   bool
}

// counter is alone on its cache lines: the lines that hardware fetches come in pairs.
type counter struct {
	_ [128]byte
	atomic.Uint64
	_ [128]byte
}

type member struct {
	done counter
	wake chan struct{}
}

// NewTeam binds the calling goroutine to the first of the CPUs and starts a bound
// thread on each of the others. Close must be called by the same goroutine.
func NewTeam(cpus []int) (*Team, error) {
	if len(cpus) == 0 {
		return nil, errors.New("host: a team needs a CPU")
	}
	t := &Team{cpus: cpus, workers: make([]member, len(cpus))}
	runtime.LockOSThread()
	if err := t.start(); err != nil {
		t.Close()
		return nil, fmt.Errorf("host: %w", err)
	}
	return t, nil
}

func (t *Team) start() error {
	var err error
	if t.before, err = getAffinity(); err != nil {
		t.workers = t.workers[:1]
		return err
	}
	if runtime.GOMAXPROCS(0) < len(t.cpus) {
		t.procs = runtime.GOMAXPROCS(len(t.cpus))
	}
	failed := make(chan error, len(t.cpus))
	for i := 1; i < len(t.cpus); i++ {
		t.workers[i].wake = make(chan struct{}, 1)
		go t.work(i, failed)
	}
	errs := []error{pin(t.cpus[0])}
	for range len(t.cpus) - 1 {
		errs = append(errs, <-failed)
	}
	return errors.Join(errs...)
}

// work is the life of worker i. Its thread ends with it, so that nothing else
// ever runs on a bound thread.
func (t *Team) work(i int, failed chan<- error) {
	runtime.LockOSThread()
	me := &t.workers[i] // before the caller may close the team
	failed <- pin(t.cpus[i])
	if _, more := <-me.wake; !more {
		return
	}
	for seen := uint64(0); ; {
		for t.round.Load() == seen {
		}
		seen++
		task := t.task
		if task != nil {
			task(i)
		}
		me.done.Store(seen)
		if task == nil {
			if _, more := <-me.wake; !more {
				return
			}
		}
	}
}

// Size is the number of threads.
func (t *Team) Size() int { return len(t.cpus) }

// Do runs task on every thread, each with its number, and returns when all are
// done. It allocates nothing and must not be called from within a task.
func (t *Team) Do(task func(worker int)) {
	t.Wake()
	t.begin(task)
	task(0)
	t.wait()
}

// begin lets the others start.
func (t *Team) begin(task func(worker int)) {
	t.task = task
	t.round.Add(1)
}

// wait returns when the others are done.
func (t *Team) wait() {
	round := t.round.Load()
	for i := 1; i < len(t.workers); i++ {
		for t.workers[i].done.Load() != round {
		}
	}
}

// Wake has the threads spin; Do wakes them too, if slower.
func (t *Team) Wake() {
	if t.awake {
		return
	}
	t.awake = true
	for i := 1; i < len(t.workers); i++ {
		t.workers[i].wake <- struct{}{}
	}
}

// Park has all threads but the caller's sleep until they are needed again.
func (t *Team) Park() {
	if !t.awake {
		return
	}
	t.begin(nil)
	t.wait()
	t.awake = false
}

// Close ends the threads and gives the calling one its freedom back.
func (t *Team) Close() error {
	if t.workers == nil {
		return nil
	}
	t.Park()
	for i := 1; i < len(t.workers); i++ {
		close(t.workers[i].wake)
	}
	t.workers = nil
	if t.procs > 0 {
		runtime.GOMAXPROCS(t.procs)
	}
	defer runtime.UnlockOSThread()
	if err := setAffinity(t.before); err != nil {
		return fmt.Errorf("host: giving the affinity mask back: %w", err)
	}
	return nil
}
