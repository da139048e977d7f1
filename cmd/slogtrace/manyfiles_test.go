//go:build unix

package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// Of more files than may be open all are read, and followed. The process is another one, for its limit is its own.
func TestManyFiles(t *testing.T) {
	const files, limit = 150, 48
	dir := t.TempDir()
	for i := range files {
		text := strings.ReplaceAll(numbered(1), strings.Repeat("0", 31)+"1", fmt.Sprintf("%032x", i+1))
		if err := os.WriteFile(filepath.Join(dir, fmt.Sprintf("%03d.log", i)), []byte(text), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	for _, test := range []struct {
		args, count string
		want        int
	}{
		{"ls --json", `"trace":`, files}, {"show --json --limit 0", `"tree":`, files}, {"check --json", `"file":`, files},
		{"stats --json", `"count":150,`, 1}, {"errors", "", -1}, {"tail --json --follow=false", `"trace":`, files},
	} {
		cmd := exec.Command("sh", "-c", fmt.Sprintf("ulimit -n %d; exec slogtrace %s %s", limit, test.args, dir))
		var stderr strings.Builder
		cmd.Stderr = &stderr
		out, err := cmd.Output()
		if n := strings.Count(string(out), test.count); test.want >= 0 && (err != nil || n != test.want || stderr.Len() > 0) {
			t.Errorf("%s: %v, %d of %d; stderr %s", test.args, err, n, test.want, stderr.String())
		} else if test.want < 0 && !strings.HasSuffix(stderr.String(), "no failed span matches (150 read)\n") {
			t.Errorf("%s: stderr %s", test.args, stderr.String())
		}
	}

	// tail: each of the files goes on, and one is renamed while it is closed.
	cmd := exec.Command("sh", "-c", fmt.Sprintf("ulimit -n %d; exec slogtrace tail --json -n 0 %s", limit, dir))
	f, err := os.Create(filepath.Join(t.TempDir(), "out"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	var stderr strings.Builder
	cmd.Stdout, cmd.Stderr = f, &stderr
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	lines := func(msg string) int {
		b, err := os.ReadFile(f.Name())
		if err != nil {
			t.Fatal(err)
		}
		return strings.Count(string(b), `"msg":"`+msg+`"`)
	}
	// The first lines tell that it follows.
	eventually(t, func() bool {
		if err := appendTo(filepath.Join(dir, "000.log"), "{\"msg\":\"first\"}\n"); err != nil {
			t.Fatal(err)
		}
		return lines("first") > 0
	})
	for i := range files {
		path := filepath.Join(dir, fmt.Sprintf("%03d.log", i))
		if err := appendTo(path, "{\"msg\":\"more\"}\n"); err != nil {
			t.Fatal(err)
		}
		if i%50 == 3 {
			if err := os.Rename(path, path+".1"); err != nil {
				t.Fatal(err)
			}
		}
	}
	eventually(t, func() bool { return lines("more") == files })
	cmd.Process.Signal(syscall.SIGINT)
	if err := cmd.Wait(); err != nil || strings.Contains(stderr.String(), "too many") {
		t.Errorf("%v, stderr %s", err, stderr.String())
	}
}

// eventually waits until something holds.
func eventually(t *testing.T, holds func() bool) {
	t.Helper()
	for end := time.Now().Add(patience); time.Now().Before(end); time.Sleep(20 * time.Millisecond) {
		if holds() {
			return
		}
	}
	t.Fatal("waited too long")
}
