//go:build unix

package main

import (
	"context"
	"fmt"
	"os"
	"syscall"
)

// restart replaces this process by another of the same program, so that nothing
// of it, such as a kernel that never ends, is left on the GPU. It returns only
// when it fails.
func restart(_ context.Context, args []string) (int, error) {
	program, err := os.Executable()
	if err != nil {
		return 0, fmt.Errorf("find this program: %w", err)
	}
	err = syscall.Exec(program, append([]string{os.Args[0]}, args...), os.Environ())
	return 0, fmt.Errorf("start %s: %w", program, err)
}
