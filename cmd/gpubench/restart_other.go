//go:build !unix

package main

import (
	"context"
	"errors"
)

// restart is for systems that can replace a process.
func restart(context.Context, []string) (int, error) {
	return 0, errors.New("this system cannot replace a process")
}
