package main

import (
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/spf13/cobra"
)

// Once it is interrupted, a command that is making output writes no more of it: not one time.
func TestInterruptOutput(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a.log")
	if err := os.WriteFile(path, []byte(numbered(5_000)), 0o666); err != nil {
		t.Fatal(err)
	}
	for _, args := range [][]string{{"ls"}, {"ls", "--json"}, {"show", "--limit", "0"}, {"show", "--limit", "0", "--json"}, {"stats", "--by", "span", "--json"}} {
		whole := &onWrite{fn: func() {}}
		if code := run(t.Context(), append(args, path), strings.NewReader(""), whole, io.Discard); code != 0 || whole.times < 2 {
			t.Fatalf("%q: exit code %d, wrote %d times", args, code, whole.times)
		}
		ctx, cancel := context.WithCancel(t.Context())
		out := &onWrite{fn: cancel}
		var stderr strings.Builder
		code := run(ctx, append(args, path), strings.NewReader(""), out, &stderr)
		if code != 1 || !strings.HasSuffix(stderr.String(), "slogtrace: interrupted\n") || out.times != 1 {
			t.Errorf("%q: exit code %d, wrote %d times, stderr %q", args, code, out.times, stderr.String())
		}
	}
}

// A command that does not look at its context, since it is sorting or assembling, is left behind, and writes nothing
// any more.
func TestInterruptBusy(t *testing.T) {
	var stdout, stderr strings.Builder
	s := newSession(nil, &stdout, &stderr)
	ctx, cancel := context.WithCancel(t.Context())
	wrote := make(chan error)
	busy := make(chan bool)
	root := &cobra.Command{RunE: func(*cobra.Command, []string) error {
		cancel()
		<-busy
		_, err := s.stdout.Write([]byte("too late"))
		s.Talk("too late")
		wrote <- err
		return nil
	}}
	root.SetArgs(nil)
	_, err, left := s.execute(ctx, root)
	if !left || !errors.Is(err, context.Canceled) {
		t.Fatalf("left %t, %v", left, err)
	}
	s.abandon()
	close(busy)
	if err := receive(t, wrote); !errors.Is(err, context.Canceled) || stdout.Len() > 0 || stderr.String() != "slogtrace: interrupted\n" {
		t.Errorf("%v, stdout %q, stderr %q", err, stdout.String(), stderr.String())
	}
	s.files.Stdin, s.files.Spooled = strings.NewReader(numbered(1)), 1
	if _, err := s.files.Open(t.Context(), nil, true); err == nil {
		t.Error("a temporary file was made after the end")
	}
}

// Nobody reads what the command writes.
func TestInterruptStuck(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a.log")
	if err := os.WriteFile(path, []byte(numbered(20_000)), 0o666); err != nil {
		t.Fatal(err)
	}
	for _, args := range [][]string{{"ls"}, {"tail", "-n", "-1"}, {"check"}} {
		ctx, cancel := context.WithCancel(t.Context())
		never, out := io.Pipe()
		defer never.Close()
		done := make(chan int)
		go func() {
			done <- run(ctx, append(args, path), strings.NewReader(""), writerFunc(func(b []byte) (int, error) {
				cancel()
				return out.Write(b)
			}), io.Discard)
		}()
		if code := receive(t, done); code != 1 {
			t.Errorf("%q: exit code %d", args, code)
		}
	}
}

type writerFunc func([]byte) (int, error)

func (f writerFunc) Write(b []byte) (int, error) { return f(b) }

// What standard input is kept in is gone at the end of the command, also when it is interrupted.
func TestTempFile(t *testing.T) {
	dir := t.TempDir()
	t.Setenv("TMPDIR", dir)
	files := func() int {
		names, err := os.ReadDir(dir)
		if err != nil {
			t.Fatal(err)
		}
		return len(names)
	}
	text := numbered(1000)
	for _, interrupt := range []bool{false, true} {
		ctx, cancel := context.WithCancel(t.Context())
		r, w := io.Pipe()
		var stdout, stderr strings.Builder
		s := newSession(r, &stdout, &stderr)
		s.files.Spooled = 100_000
		done := make(chan int)
		go func() { done <- s.run(ctx, []string{"ls", "--json"}) }()
		io.WriteString(w, text)
		for end := time.Now().Add(patience); files() == 0 && time.Now().Before(end); {
			time.Sleep(time.Millisecond)
		}
		if files() != 1 {
			t.Fatalf("%d files, want one", files())
		}
		if interrupt {
			cancel()
		} else {
			w.Close()
		}
		code := receive(t, done)
		if files() > 0 || interrupt != (code == 1) || !interrupt && strings.Count(stdout.String(), `"trace":`) != 1000 {
			t.Errorf("interrupted %t: exit code %d, %d files left, %d bytes, stderr %q", interrupt, code, files(), stdout.Len(), stderr.String())
		}
		cancel()
	}
}

// Where standard input cannot be kept, it is said where.
func TestTempFileFails(t *testing.T) {
	missing := filepath.Join(t.TempDir(), "missing")
	full := filepath.Join(t.TempDir(), "full") // a name of its own, for it is removed
	if err := os.Symlink("/dev/full", full); err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		name   string
		create func() (*os.File, error)
		want   error
	}{
		{"missing", nil, syscall.ENOENT},
		{"full", func() (*os.File, error) { return os.OpenFile(full, os.O_RDWR, 0) }, syscall.ENOSPC},
	} {
		t.Setenv("TMPDIR", missing)
		if _, err := os.Stat(full); err != nil && test.name == "full" {
			continue // not on this system
		}
		var stdout, stderr strings.Builder
		s := newSession(strings.NewReader(numbered(1000)), &stdout, &stderr)
		s.files.Spooled, s.files.CreateTemp = 100_000, test.create
		code := s.run(t.Context(), []string{"ls"})
		if told := stderr.String(); code != 1 || !strings.Contains(told, missing) || !strings.Contains(told, test.want.Error()) || !strings.Contains(told, "TMPDIR") {
			t.Errorf("%s: exit code %d, stderr %q", test.name, code, told)
		}
	}
}

// patience is how long a test waits for what must happen, on a busy machine too.
const patience = 2 * time.Minute

func receive[T any](t *testing.T, c chan T) T {
	t.Helper()
	select {
	case v := <-c:
		return v
	case <-time.After(patience):
		t.Fatal("waited too long")
		panic("not reached")
	}
}
