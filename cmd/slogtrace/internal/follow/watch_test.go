package follow

import (
	"compress/gzip"
	"context"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// A watched is a tail of what is below a directory, which is looked at all the time.
type watched struct {
	t      *testing.T
	dir    string
	lines  chan string
	stderr *strings.Builder
	end    func() error
}

// watch tails the last line of args, and what comes, in which DIR stands for a directory with the files app.log and app.log.1.
func watch(t *testing.T, args ...string) *watched {
	t.Helper()
	w := &watched{t: t, dir: t.TempDir(), lines: make(chan string, 100), stderr: new(strings.Builder)}
	w.append("app.log", "one")
	w.append("app.log.1", "zero")
	for i := range args {
		args[i] = strings.ReplaceAll(args[i], "DIR", w.dir)
	}
	tail := tailTo(func(text string) { w.lines <- text }, w.stderr)
	tail.Lines = 1
	soon := func(ctx context.Context) {
		select {
		case <-time.After(time.Millisecond):
		case <-ctx.Done():
		}
	}
	tail.wait, tail.look = soon, soon
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- tail.Run(ctx, args) }()
	w.end = func() error {
		cancel()
		return <-done
	}
	return w
}

// append writes records that say so.
func (w *watched) append(name string, texts ...string) {
	w.t.Helper()
	path := filepath.Join(w.dir, name)
	if err := os.MkdirAll(filepath.Dir(path), 0o777); err != nil {
		w.t.Fatal(err)
	}
	f, err := os.OpenFile(path, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o666)
	if err != nil {
		w.t.Fatal(err)
	}
	defer f.Close()
	for _, text := range texts {
		f.WriteString(`{"level":"INFO","msg":"` + text + "\"}\n")
	}
}

func (w *watched) rename(from, to string) {
	w.t.Helper()
	if err := os.Rename(filepath.Join(w.dir, from), filepath.Join(w.dir, to)); err != nil {
		w.t.Fatal(err)
	}
}

func (w *watched) want(texts ...string) {
	w.t.Helper()
	for _, want := range texts {
		line := receive(w.t, w.lines)
		if got := line[strings.LastIndexByte(line, ' ')+1:]; got != want {
			w.t.Fatalf("got %q, want %q", got, want)
		}
	}
}

// Files that appear are followed from their beginning; those that are only put away are not read again.
func TestTailNewFiles(t *testing.T) {
	for _, arg := range []string{"DIR", "DIR/*.log*"} {
		t.Run(arg, func(t *testing.T) {
			w := watch(t, arg)
			w.want("one", "zero")
			w.append("b.log", "b1", "b2")
			w.want("b1", "b2")
			w.append("b.log", "b3")
			w.append("b.log", "b4")
			w.want("b3", "b4")

			// logrotate, with all that it can leave behind.
			w.rename("app.log.1", "app.log.2")
			w.rename("app.log", "app.log.1")
			w.append("app.log", "two")
			w.want("two")
			w.append("app.log.1", "late") // by a process that has it open still
			w.want("late")
			w.rename("app.log", "app-20260301.log")
			w.append("app.log", "three")
			w.want("three")
			w.append("b.log.1", "b1", "b2", "b3", "b4") // copytruncate
			if err := os.Truncate(filepath.Join(w.dir, "b.log"), 0); err != nil {
				t.Fatal(err)
			}
			w.append("b.log", "b5")
			w.want("b5")
			packed, err := os.Create(filepath.Join(w.dir, "c.log"))
			if err != nil {
				t.Fatal(err)
			}
			time.Sleep(20 * time.Millisecond) // found while it is empty, as a compressor leaves it for a moment
			z := gzip.NewWriter(packed)
			io.WriteString(z, "{\"msg\":\"packed\"}\n")
			z.Close()
			packed.Close()

			time.Sleep(20 * time.Millisecond) // whatever would come now should not
			w.append("d.log", "d1")
			w.want("d1")
			if err := w.end(); err != nil {
				t.Error(err)
			}
			if told := w.stderr.String(); strings.Count(told, "b.log: a new file") != 1 || !strings.Contains(told, "d.log: a new file") ||
				strings.Contains(told, "app.log.1: a new") || strings.Contains(told, "app.log.2") || strings.Contains(told, "c.log") {
				t.Errorf("stderr %s", told)
			}
		})
	}
}

// In a directory only logs are followed, whenever they become some, and wherever.
func TestTailNewLogs(t *testing.T) {
	w := watch(t, "DIR")
	w.want("one", "zero")
	for _, name := range []string{"notes.txt", "late.txt"} {
		if err := os.WriteFile(filepath.Join(w.dir, name), []byte("no record\n"), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	w.append("empty.log")
	w.append(".hidden.log", "hidden")
	w.append("new/sub/x.log", "x")
	w.want("x")
	w.append("empty.log", "no longer")
	w.want("longer")
	w.append("late.txt", "late")
	if line := receive(t, w.lines); line != "no record" { // it is a log now, all of it
		t.Errorf("got %q", line)
	}
	w.want("late")
	w.end()
	if strings.Contains(w.stderr.String(), "notes") {
		t.Errorf("stderr %s", w.stderr)
	}
}

// A file alone, or what a shell made of a glob, is all that was asked for.
func TestTailNoNewFiles(t *testing.T) {
	w := watch(t, "DIR/app.log")
	w.want("one")
	w.append("b.log", "b")
	time.Sleep(20 * time.Millisecond)
	w.append("app.log", "two")
	w.want("two")
	w.end()
}
