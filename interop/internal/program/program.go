// Package program builds other people's programs for tests, each once: they stay in the user's cache.
//
// A program is a line "tool" in the go.mod of a directory of its own below interop, which is in no workspace. So its requirements
// are the versions that it was made with, and no other module's. Command servers, in cmd/servers, builds programs.
package program

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"testing"

	"github.com/slogtrace/slogtrace/interop/internal/process"
)

// A Program is one version of a program.
type Program struct {
	Name    string // of its directory, such as victorialogs
	Path    string // of its main package
	Version string // of the module that has the package

	dir string
}

// Find returns the program of a directory in interop.
func Find(name string) (*Program, error) {
	_, file, _, ok := runtime.Caller(0)
	if !ok || name != filepath.Base(name) {
		return nil, fmt.Errorf("program: where is %q?", name)
	}
	p := &Program{Name: name, dir: filepath.Join(filepath.Dir(file), "..", "..", name)}
	text, err := os.ReadFile(filepath.Join(p.dir, "go.mod"))
	if err != nil {
		return nil, fmt.Errorf("program: %w", err)
	}
	if err := p.parse(string(text)); err != nil {
		return nil, fmt.Errorf("program: %s/go.mod: %w", name, err)
	}
	return p, nil
}

// parse reads a go.mod as the go command writes it, with one tool.
func (p *Program) parse(mod string) error {
	for line := range strings.Lines(mod) {
		if path, ok := strings.CutPrefix(line, "tool "); ok {
			p.Path = strings.TrimSpace(path)
		}
	}
	if p.Path == "" {
		return errors.New("want a line that begins with tool")
	}
	for line := range strings.Lines(mod) {
		fields := strings.Fields(strings.TrimPrefix(line, "require "))
		if len(fields) >= 2 && strings.HasPrefix(p.Path+"/", fields[0]+"/") && strings.HasPrefix(fields[1], "v") {
			p.Version = fields[1]
			return nil
		}
	}
	return fmt.Errorf("no module required has %s", p.Path)
}

// File returns the name of the program in the cache, whether it is there or not.
func (p *Program) File() (string, error) {
	cache, err := os.UserCacheDir()
	if err != nil {
		return "", fmt.Errorf("program: %w", err)
	}
	name := p.Name + "-" + p.Version
	if runtime.GOOS == "windows" {
		name += ".exe"
	}
	return filepath.Join(cache, "slogtrace", name), nil
}

// Missing returns "" if the program is in the cache. Otherwise it returns a line that says how to build it.
func (p *Program) Missing() string {
	file, err := p.File()
	if err != nil {
		return err.Error()
	}
	if _, err := os.Stat(file); err != nil {
		return fmt.Sprintf("there is no %s %s: in interop, go run ./cmd/servers %[1]s", p.Name, p.Version)
	}
	return ""
}

// Need returns the name of the program of a directory in interop. Without the program, the test skips.
func Need(t testing.TB, name string) (file string) {
	t.Helper()
	if !process.Supported {
		t.Skip("servers for tests do not run on " + runtime.GOOS)
	}
	p, err := Find(name)
	if err != nil {
		t.Fatal(err)
	}
	if missing := p.Missing(); missing != "" {
		t.Skip(missing)
	}
	if file, err = p.File(); err != nil {
		t.Fatal(err)
	}
	return file
}

// Build builds the program with up to parallel compilers at a time, unless it is in the cache. What the go command says goes to log.
func (p *Program) Build(ctx context.Context, parallel int, log io.Writer) error {
	file, err := p.File()
	if err != nil || p.Missing() == "" {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		return fmt.Errorf("program: %w", err)
	}
	tmp, err := os.MkdirTemp(filepath.Dir(file), ".build-")
	if err != nil {
		return fmt.Errorf("program: %w", err)
	}
	defer os.RemoveAll(tmp)
	built := filepath.Join(tmp, filepath.Base(file))
	cmd := exec.CommandContext(ctx, "go", "build", "-p", strconv.Itoa(parallel), "-o", built, p.Path)
	cmd.Dir, cmd.Stdout, cmd.Stderr = p.dir, log, log
	cmd.Env = append(os.Environ(), "GOWORK=off", "GOFLAGS=")
	if err := cmd.Run(); err != nil {
		return fmt.Errorf("program: build %s %s: %w", p.Name, p.Version, err)
	}
	if err := os.Rename(built, file); err != nil { // whole or not at all, even if another process builds it too
		return fmt.Errorf("program: %w", err)
	}
	return nil
}
