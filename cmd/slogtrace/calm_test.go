package main

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// Where many files are followed, those without news are looked at by one goroutine. What is written to one of them,
// renamed or truncated is read all the same, and once.
func TestTailCalm(t *testing.T) {
	dir := t.TempDir()
	const files = 250 // more than pollEvery / lookEach
	var paths []string
	for i := range files {
		path := filepath.Join(dir, fmt.Sprintf("%03d.log", i))
		if err := os.WriteFile(path, []byte("before\n"), 0o666); err != nil {
			t.Fatal(err)
		}
		paths = append(paths, path)
	}
	write := func(path, text string, flag int) {
		t.Helper()
		f, err := os.OpenFile(path, os.O_WRONLY|flag, 0o666)
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		if _, err := f.WriteString(text); err != nil {
			t.Fatal(err)
		}
	}
	synctest.Test(t, func(t *testing.T) {
		var out, stderr bytes.Buffer
		s := newSession(nil, &out, &stderr)
		tail := &tailer{session: s, filter: new(filter)}
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error)
		go func() { done <- tail.run(ctx, paths, 0, true) }()
		pass := func(d time.Duration) {
			time.Sleep(d)
			synctest.Wait()
		}
		calm := func() int {
			tail.calm.mu.Lock()
			defer tail.calm.mu.Unlock()
			return len(tail.calm.waiting)
		}
		lines := func() []string {
			all := strings.Fields(out.String())
			out.Reset()
			slices.Sort(all)
			return all
		}
		const settle = (leaveAfter + calmAfter + 5) * pollEvery // until renamed files are left, too
		for round := range 3 {
			pass(settle)
			if n := calm(); n != files {
				t.Fatalf("round %d: %d of %d files are calm", round, n, files)
			}
			a, b, c, d := paths[round], paths[100+round], paths[200+round], paths[249-round]
			write(a, "appended\n", os.O_APPEND)
			if err := os.Rename(b, b+".1"); err != nil {
				t.Fatal(err)
			}
			write(b, "created\n", os.O_CREATE|os.O_EXCL)
			write(c, "anew\n", os.O_TRUNC)
			write(d, "truncated-and-longer\n", os.O_TRUNC)
			pass(2 * files * lookEach)
			if got, want := lines(), []string{"anew", "appended", "created", "truncated-and-longer"}; !slices.Equal(got, want) {
				t.Errorf("round %d: got %q, want %q; stderr %s", round, got, want, stderr.String())
			}
		}
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
}
