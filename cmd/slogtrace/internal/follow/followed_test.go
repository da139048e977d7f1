package follow

import (
	"cmp"
	"context"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/slogtrace/slogtrace/cmd/slogtrace/internal/input"
	"github.com/slogtrace/slogtrace/cmd/slogtrace/internal/tell"
)

// A followed is a tail of a file that is looked at when the test lets it.
type followed struct {
	t      *testing.T
	path   string
	looks  chan bool   // lets it be looked at
	waits  chan bool   // after that
	lines  chan string // of the output
	stderr *strings.Builder
	end    func() error
}

func follow(t *testing.T, before string, lines int) *followed {
	t.Helper()
	return followAt(t, tempLog(t, before), lines)
}

// tempLog returns the path of a new file.
func tempLog(t *testing.T, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "app.log")
	if err := os.WriteFile(path, []byte(text), 0o666); err != nil {
		t.Fatal(err)
	}
	return path
}

// followAt is follow for a file that is there.
func followAt(t *testing.T, path string, lines int) *followed {
	t.Helper()
	f := &followed{
		t: t, path: path, looks: make(chan bool), waits: make(chan bool),
		lines: make(chan string, 100), stderr: new(strings.Builder),
	}
	tail := tailTo(func(text string) { f.lines <- text }, f.stderr)
	tail.Lines = lines
	tail.wait = func(ctx context.Context) {
		select {
		case f.waits <- true:
		case <-ctx.Done():
		}
		select {
		case f.looks <- true:
		case <-ctx.Done():
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- tail.Run(ctx, []string{f.path}) }()
	f.end = func() error {
		cancel()
		return <-done
	}
	receive(t, f.waits)
	return f
}

// look lets the file be looked at, until all that is there has been read.
func (f *followed) look() {
	f.t.Helper()
	receive(f.t, f.looks)
	receive(f.t, f.waits)
}

func (f *followed) append(text string) {
	f.t.Helper()
	file, err := os.OpenFile(f.path, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o666)
	if err != nil {
		f.t.Fatal(err)
	}
	if _, err := file.WriteString(text); err != nil {
		f.t.Fatal(err)
	}
	file.Close()
}

// open opens the file as a process does that writes to it, and keeps it open after it was renamed.
func (f *followed) open() *os.File {
	f.t.Helper()
	file, err := os.OpenFile(f.path, os.O_WRONLY|os.O_APPEND, 0)
	if err != nil {
		f.t.Fatal(err)
	}
	f.t.Cleanup(func() { file.Close() })
	return file
}

func (f *followed) want(lines ...string) {
	f.t.Helper()
	for _, want := range lines {
		if got := receive(f.t, f.lines); got != want {
			f.t.Fatalf("got line %q, want %q", got, want)
		}
	}
}

func (f *followed) rename(from, to string) {
	f.t.Helper()
	if err := os.Rename(f.path+from, f.path+to); err != nil {
		f.t.Fatal(err)
	}
}

func (f *followed) write(name, text string) {
	f.t.Helper()
	if err := os.WriteFile(f.path+name, []byte(text), 0o666); err != nil {
		f.t.Fatal(err)
	}
}

// copyTruncate is what logrotate does with that option.
func (f *followed) copyTruncate(to string) {
	f.t.Helper()
	text, err := os.ReadFile(f.path)
	if err != nil {
		f.t.Fatal(err)
	}
	f.write(to, string(text))
	if err := os.Truncate(f.path, 0); err != nil {
		f.t.Fatal(err)
	}
}

// silent fails if there is a line that nobody asked for.
func (f *followed) silent() {
	f.t.Helper()
	f.append("end\n")
	f.look()
	f.want("end")
	if err := f.end(); err != nil {
		f.t.Error(err)
	}
}

func receive[T any](t *testing.T, c chan T) T {
	t.Helper()
	select {
	case v := <-c:
		return v
	case <-time.After(2 * time.Minute):
		t.Fatal("waited too long")
		panic("not reached")
	}
}

// tailTo returns a Tail that passes on the text of each line.
func tailTo(fn func(text string), stderr io.Writer) *Tail {
	teller := tell.New(stderr, false, time.Now)
	return &Tail{
		Files: &input.Files{Stdin: strings.NewReader(""), Tell: teller}, Tell: teller, Follow: true,
		Line: func(l *input.Line) error {
			fn(cmp.Or(string(l.Text), l.Message))
			return nil
		},
		Idle: func() error { return nil },
	}
}
