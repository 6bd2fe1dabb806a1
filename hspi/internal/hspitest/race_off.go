//go:build !race

package hspitest

const race = false
