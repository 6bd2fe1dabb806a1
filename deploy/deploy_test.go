// Package deploy has no code: this tests its scripts, with a Python that is not there, has no
// pip, has no network or brings a wheel of ours.
package deploy

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// fakePython stands for python3: "-m pip download" counts itself and makes a wheel, which is
// a script that "-m zipfile -e" runs to unpack it; "-m venv" makes an environment whose python
// is this one again, and "-m pip --python" counts itself.
const fakePython = `#!/bin/sh
case "$FAKE $2 $3" in
"nopip pip "*) exit 1 ;;
"offline pip download" | "offline pip --python") echo "WARNING: Retrying"; echo "ERROR: No matching distribution found"; exit 1 ;;
*" pip --version") exit 0 ;;
*" pip download")
	echo x >> "$COUNT"
	while [ "$1" != --dest ]; do shift; done
	echo wheel > "$2/x.whl" ;;
*" zipfile -e")
	mkdir -p "$5/nvidia/cu13/include" "$5/nvidia/cu13/bin"
	echo "#define CUDA_VERSION 13000" > "$5/nvidia/cu13/include/cuda.h"
	for t in ptxas nvdisasm; do printf '#!/bin/sh\nexit %s\n' "${BROKEN:-0}" > "$5/nvidia/cu13/bin/$t"; done ;;
*" venv --without-pip")
	mkdir -p "$4/bin"
	echo "#!/bin/sh" > "$4/bin/python"
	echo 'case $2 in import*) echo "ImportError: of no use"; exit ${BROKEN:-0} ;; esac' >> "$4/bin/python"
	chmod 755 "$4/bin/python" ;;
*" pip --python") echo x >> "$COUNT" ;;
*) exit 9 ;;
esac
`

// tree is a copy of the scripts with a PATH of its own.
type tree struct {
	root, path, count string
}

func newTree(t *testing.T, name string, tools map[string]string) tree {
	t.Helper()
	if _, err := os.Stat("/usr/local/cuda/include/cuda.h"); err == nil {
		t.Skip("the toolkit of this machine comes first")
	}
	root := filepath.Join(t.TempDir(), name)
	s := tree{root: root, path: filepath.Join(root, "path"), count: filepath.Join(root, "count")}
	require.NoError(t, os.MkdirAll(s.path, 0o755))
	require.NoError(t, os.MkdirAll(filepath.Join(root, "deploy"), 0o755))
	for _, f := range []string{"cuda-header.sh", "cuda-tools.sh", "python-tools.sh", "python-tools.txt", "wheels.sh"} {
		text, err := os.ReadFile(f)
		require.NoError(t, err)
		require.NoError(t, os.WriteFile(filepath.Join(root, "deploy", f), text, 0o755))
	}
	for _, tool := range strings.Fields("sh dirname basename sed head tail grep mkdir mktemp rm mv cp cmp find chmod uname readlink flock") {
		at, err := exec.LookPath(tool)
		if tool == "flock" && err != nil {
			continue
		}
		require.NoError(t, err)
		require.NoError(t, os.Symlink(at, filepath.Join(s.path, tool)))
	}
	for tool, text := range tools {
		require.NoError(t, os.WriteFile(filepath.Join(s.path, tool), []byte(text), 0o755))
	}
	return s
}

func (s tree) run(script string, env ...string) (stdout, stderr string, err error) {
	var out, complaint strings.Builder
	cmd := exec.Command(filepath.Join(s.root, "deploy", script))
	cmd.Env = append([]string{"PATH=" + s.path, "COUNT=" + s.count}, env...)
	cmd.Stdout, cmd.Stderr = &out, &complaint
	err = cmd.Run()
	return out.String(), complaint.String(), err
}

func (s tree) downloads(t *testing.T) int {
	t.Helper()
	text, err := os.ReadFile(s.count)
	if os.IsNotExist(err) {
		return 0
	}
	require.NoError(t, err)
	return strings.Count(string(text), "\n")
}

func TestFailuresAreOneLine(t *testing.T) {
	for _, c := range []struct{ name, fake, want string }{
		{"no python", "", "there is no python3"},
		{"no pip", "nopip", "there is no pip"},
		{"offline", "offline", "No matching distribution found (offline?)"},
		{"not for this machine", "broken", ""},
	} {
		for _, script := range []string{"cuda-header.sh", "cuda-tools.sh", "python-tools.sh"} {
			t.Run(c.name+" "+script, func(t *testing.T) {
				tools := map[string]string{"python3": fakePython}
				env := []string{"FAKE=" + c.fake}
				switch c.fake {
				case "":
					tools = nil
				case "broken":
					env = append(env, "BROKEN=1")
					switch script {
					case "cuda-header.sh":
						return // a header does not run
					case "cuda-tools.sh":
						c.want = "ptxas does not run on this machine"
					default:
						c.want = "what was installed does not run on this machine: ImportError: of no use"
					}
				}
				s := newTree(t, "tree", tools)
				out, complaint, err := s.run(script, env...)
				assert.Error(t, err)
				assert.Empty(t, out)
				assert.Contains(t, complaint, c.want)
				assert.Equal(t, 1, strings.Count(complaint, "\n"), complaint)
				assert.NoFileExists(t, filepath.Join(s.root, ".cache", "cuda", "bin", "ptxas"))
				assert.NoDirExists(t, filepath.Join(s.root, ".cache", "python"))
				left, err := filepath.Glob(filepath.Join(s.root, ".cache", "fetch.*"))
				assert.NoError(t, err)
				assert.Empty(t, left, "the scratch folder goes")
			})
		}
	}
}

func TestHeader(t *testing.T) {
	s := newTree(t, "a tree", map[string]string{"python3": fakePython})
	for range 2 {
		out, complaint, err := s.run("cuda-header.sh", "FAKE=ok")
		require.NoError(t, err, complaint)
		lines := strings.Split(strings.TrimSpace(out), "\n")
		require.Len(t, lines, 2)
		assert.True(t, strings.HasPrefix(lines[0], "CGO_CFLAGS="), lines[0])
		assert.Contains(t, lines[0], "'-I"+s.root+"/.cache/cuda-header/nvidia/cu13/include'")
		assert.True(t, strings.HasPrefix(lines[1], "CGO_LDFLAGS="), lines[1])
		assert.Contains(t, lines[1], "-Wl,-z,lazy")
	}
	assert.Equal(t, 1, s.downloads(t), "once")
}

// TestPipOfAnother: a Python without pip, beside a pip of its own.
func TestPipOfAnother(t *testing.T) {
	pip := "#!/bin/sh\nFAKE=ok exec python3 -m pip \"$@\"\n"
	s := newTree(t, "tree", map[string]string{"python3": fakePython, "pip": pip})
	_, complaint, err := s.run("cuda-header.sh", "FAKE=nopip")
	require.NoError(t, err, complaint)
	assert.Equal(t, 1, s.downloads(t))
}

func TestTools(t *testing.T) {
	s := newTree(t, "a tree", map[string]string{"python3": fakePython})
	for range 2 {
		_, complaint, err := s.run("cuda-tools.sh", "FAKE=ok")
		require.NoError(t, err, complaint)
	}
	assert.Equal(t, 1, s.downloads(t))
	for _, tool := range []string{"ptxas", "nvdisasm"} {
		assert.NoError(t, exec.Command(filepath.Join(s.root, ".cache", "cuda", "bin", tool)).Run())
	}
}

// TestPython: the environment is made once, and again when what it should hold changes.
func TestPython(t *testing.T) {
	s := newTree(t, "a tree", map[string]string{"python3": fakePython})
	for want := 1; want <= 2; want++ {
		for range 2 {
			_, complaint, err := s.run("python-tools.sh", "FAKE=ok")
			require.NoError(t, err, complaint)
			assert.Equal(t, want, s.downloads(t))
		}
		require.NoError(t, os.WriteFile(filepath.Join(s.root, "deploy", "python-tools.txt"), []byte("more==1\n"), 0o644))
	}
}

// TestManyAtOnce: builds that start together all succeed, and with flock they fetch once.
func TestManyAtOnce(t *testing.T) {
	for _, script := range []string{"cuda-header.sh", "cuda-tools.sh", "python-tools.sh"} {
		t.Run(script, func(t *testing.T) {
			s := newTree(t, "tree", map[string]string{"python3": fakePython})
			var wg sync.WaitGroup
			for range 6 {
				wg.Go(func() {
					_, complaint, err := s.run(script, "FAKE=ok")
					assert.NoError(t, err, complaint)
				})
			}
			wg.Wait()
			if _, err := exec.LookPath("flock"); err == nil {
				assert.Equal(t, 1, s.downloads(t))
			}
		})
	}
}
