package alu

import (
	"os"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// TestReadmeShowsAWholeBenchmark keeps the worked example of the README the very
// file that is built.
func TestReadmeShowsAWholeBenchmark(t *testing.T) {
	readme, err := os.ReadFile("../../README.md")
	require.NoError(t, err)
	code, err := os.ReadFile("shuffle.go")
	require.NoError(t, err)
	assert.Contains(t, string(readme), "```go\n"+string(code)+"```\n", "README.md must show micro/alu/shuffle.go as it is")
}
