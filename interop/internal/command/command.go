// Package command runs slogtrace, built from this checkout, in tests.
package command

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"testing"
)

// Build builds the program and returns its file, which is removed when the test ends. It takes a second, or as long as it
// takes to compile the packages that have changed.
func Build(t testing.TB) string {
	t.Helper()
	_, here, _, ok := runtime.Caller(0)
	if !ok {
		t.Fatal("command: the source of this package is not known")
	}
	root := filepath.Join(filepath.Dir(here), "..", "..", "..")
	file := filepath.Join(t.TempDir(), "slogtrace")
	cmd := exec.CommandContext(t.Context(), "go", "build", "-o", file, "./cmd/slogtrace")
	cmd.Dir = root
	cmd.Env = append(os.Environ(), "GOWORK="+filepath.Join(root, "go.work"))
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("command: %v\n%s", err, out)
	}
	return file
}

// Run runs a program that Build has built, and returns what it wrote to standard output. The test fails if the exit code
// is not 0.
func Run(t testing.TB, file string, stdin []byte, args ...string) []byte {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), file, args...)
	cmd.Stdin = bytes.NewReader(stdin)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("slogtrace %q: %v\n%s", args, err, stderr.Bytes())
	}
	return out
}
