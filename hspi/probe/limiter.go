package probe

import (
	"context"
	"sync"
	"time"
)

// limiter spaces requests evenly.
type limiter struct {
	interval time.Duration // 0: no limit
	wait     waiter
	mu       sync.Mutex
	next     time.Time
}

// waiter waits, or returns early with the context's error.
type waiter func(context.Context, time.Duration) error

func sleep(ctx context.Context, d time.Duration) error {
	if d <= 0 {
		return ctx.Err()
	}
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-t.C:
		return nil
	}
}

// take waits for the next free place.
func (l *limiter) take(ctx context.Context) error {
	if l.interval <= 0 {
		return ctx.Err()
	}
	l.mu.Lock()
	now := time.Now()
	at := l.next
	if at.Before(now) {
		at = now
	}
	l.next = at.Add(l.interval)
	l.mu.Unlock()
	return l.wait(ctx, at.Sub(now))
}
