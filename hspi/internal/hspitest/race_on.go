//go:build race

package hspitest

const race = true
