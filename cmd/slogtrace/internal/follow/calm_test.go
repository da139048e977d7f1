package follow

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
	timeOf := func(path string) time.Time {
		t.Helper()
		info, err := os.Stat(path)
		if err != nil {
			t.Fatal(err)
		}
		return info.ModTime()
	}
	setTime := func(path string, at time.Time) {
		t.Helper()
		if err := os.Chtimes(path, time.Time{}, at); err != nil {
			t.Fatal(err)
		}
	}
	synctest.Test(t, func(t *testing.T) {
		var out, stderr bytes.Buffer
		tail := tailTo(func(text string) { fmt.Fprintln(&out, text) }, &stderr)
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error)
		go func() { done <- tail.Run(ctx, paths) }()
		pass := func(d time.Duration) {
			time.Sleep(d)
			synctest.Wait()
		}
		calm := func() int {
			tail.followers.calm.mu.Lock()
			defer tail.followers.calm.mu.Unlock()
			return len(tail.followers.calm.waiting)
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
			at := func(n int) string { return paths[40*n+round] }
			before := timeOf(at(0))
			write(at(0), "appended\n", os.O_APPEND)
			setTime(at(0), before) // as where clocks are coarse
			for _, path := range []string{at(1), at(2)} {
				if err := os.Rename(path, path+".1"); err != nil {
					t.Fatal(err)
				}
			}
			write(at(1), "create\n", os.O_CREATE|os.O_EXCL) // of the size and the time of the other
			setTime(at(1), timeOf(at(1)+".1"))
			write(at(3), "anew1!\n", os.O_TRUNC) // of the same size
			write(at(4), "truncated-and-longer\n", os.O_TRUNC)
			pass(2 * files * lookEach)
			if got, want := lines(), []string{"anew1!", "appended", "create", "truncated-and-longer"}; !slices.Equal(got, want) {
				t.Errorf("round %d: got %q, want %q; stderr %s", round, got, want, stderr.String())
			}
			if n := calm(); n != files-5 {
				t.Errorf("round %d: %d of %d files are calm", round, n, files-5)
			}
			if n := strings.Count(stderr.String(), "gone, waiting"); n != round+1 {
				t.Errorf("round %d: stderr %s", round, stderr.String())
			}
			write(at(2), "back\n", os.O_CREATE|os.O_EXCL)
			pass(pollEvery)
			if got, want := lines(), []string{"back"}; !slices.Equal(got, want) {
				t.Errorf("round %d: got %q, want %q; stderr %s", round, got, want, stderr.String())
			}
		}
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
}
