package main

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/slogtrace/slogtrace/tracelog"
)

// numbered returns records of traces of one span each.
func numbered(n int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, `{"time":"2026-03-01T09:15:00Z","level":"INFO","msg":"span end","trace":"%032x","span":"%016x","op":"op","start":"2026-03-01T09:15:00Z","duration_ms":1}`+"\n", i+1, i+1)
	}
	return b.String()
}

// changes are what can happen to a file while it is read, and what is said of that.
var changes = []struct {
	name   string
	change func(path string) error
	want   string
}{
	{"nothing", func(string) error { return nil }, ""},
	{"shrinks", func(path string) error { return os.Truncate(path, 500) }, "truncated while it was read"},
	{"to nothing", func(path string) error { return os.Truncate(path, 0) }, "truncated while it was read"},
	{"grows", func(path string) error { return appendTo(path, "{}\n") }, "grew while it was read: the output lacks the last 3 bytes"},
	{"anew, longer", func(path string) error {
		return os.WriteFile(path, []byte(strings.Repeat("{}\n", 200_000)), 0o666)
	}, "overwritten while it was read"},
	{"anew, as long", func(path string) error {
		info, err := os.Stat(path)
		if err != nil {
			return err
		}
		return os.WriteFile(path, bytes.Repeat([]byte{'x'}, int(info.Size())), 0o666)
	}, "overwritten while it was read"},
	{"replaced", func(path string) error {
		if err := os.WriteFile(path+".new", []byte("{}\n"), 0o666); err != nil {
			return err
		}
		return os.Rename(path+".new", path)
	}, "replaced by another file"},
	{"put away", func(path string) error { return os.Rename(path, path+".1") }, ""}, // it is open
}

func appendTo(path, text string) error {
	f, err := os.OpenFile(path, os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		return err
	}
	if _, err := f.WriteString(text); err != nil {
		return err
	}
	return f.Close()
}

// A meanwhile is standard input: it is read between when files are opened and when they are read.
type meanwhile struct {
	io.Reader
	fn func()
}

func (m *meanwhile) Read(b []byte) (int, error) {
	if m.fn != nil {
		m.fn()
	}
	m.fn = nil
	return m.Reader.Read(b)
}

// Whatever happens to a file between its opening and its end is told, and is a failure, in every command, for a plain
// file and for a compressed one.
func TestFileChangesWhileRead(t *testing.T) {
	text := []byte(numbered(1000))
	var packed bytes.Buffer
	z := gzip.NewWriter(&packed)
	z.Write(text)
	z.Close()
	for name, content := range map[string][]byte{"plain": text, "packed": packed.Bytes(), "bom": append([]byte("\xef\xbb\xbf"), text...)} {
		for _, c := range changes {
			for _, args := range [][]string{{"ls"}, {"show", "--limit", "2"}, {"show", "00000000000000000000000000000001"}, {"stats", "--self"}, {"errors"}, {"check"}} {
				path := filepath.Join(t.TempDir(), "a.log")
				if err := os.WriteFile(path, content, 0o666); err != nil {
					t.Fatal(err)
				}
				stdin := &meanwhile{strings.NewReader("{}\n"), func() {
					if err := c.change(path); err != nil {
						t.Error(err)
					}
				}}
				var stdout, stderr strings.Builder
				code := run(t.Context(), append(args, path, "-"), stdin, &stdout, &stderr)
				told := strings.Count(stderr.String(), "while it was read") + strings.Count(stderr.String(), "damaged or cut off")
				switch {
				case c.want == "" && (told > 0 || code != 0 && args[0] != "errors"):
					t.Errorf("%s %s %q: exit code %d, stderr %s", name, c.name, args, code, stderr.String())
				case c.want != "" && (code != 1 || told != 1):
					t.Errorf("%s %s %q: exit code %d, told %d times, stderr %s", name, c.name, args, code, told, stderr.String())
				case name == "plain" && !strings.Contains(stderr.String(), c.want):
					t.Errorf("%s %q: stderr %s, want %q", c.name, args, stderr.String(), c.want)
				}
			}
		}
	}
}

// Between two passes likewise, once.
func TestFileChangesBetween(t *testing.T) {
	for _, c := range changes {
		path := filepath.Join(t.TempDir(), "a.log")
		if err := os.WriteFile(path, []byte(numbered(1000)), 0o666); err != nil {
			t.Fatal(err)
		}
		var stderr strings.Builder
		s := newSession(nil, io.Discard, &stderr)
		r, err := s.files.Open(t.Context(), []string{path}, true)
		if err != nil {
			t.Fatal(err)
		}
		defer r.Close()
		o, err := r.Outlines(nil, nil)
		if err != nil || s.Failed() || stderr.Len() > 0 || o.Len() != 1000 {
			t.Fatalf("%v, %d traces, stderr %s", err, o.Len(), stderr.String())
		}
		if err := c.change(path); err != nil {
			t.Fatal(err)
		}
		for range 2 {
			n := 0
			err = r.Traces(o, tracelog.TracesOptions{}, every, func(*tracelog.Trace) { n++ })
			if err != nil || s.Failed() != (c.want != "") || !strings.Contains(stderr.String(), c.want) ||
				strings.Count(stderr.String(), "while it was read") != min(1, len(c.want)) {
				t.Errorf("%s: %v, %d traces, failed %t, stderr %s", c.name, err, n, s.Failed(), stderr.String())
			}
			if kept := c.want == "" || c.name == "grows" || c.name == "replaced"; kept != (n == 1000) {
				t.Errorf("%s: %d traces", c.name, n)
			}
		}
	}
}

func every(*tracelog.Outline) bool { return true }

// The lines that tail begins with are those that there were.
func TestTailTruncatedWhileRead(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a.log")
	if err := os.WriteFile(path, []byte(numbered(20_000)), 0o666); err != nil {
		t.Fatal(err)
	}
	var stderr strings.Builder
	out := &onWrite{fn: func() {
		if err := os.Truncate(path, 500); err != nil {
			t.Error(err)
		}
	}}
	code := run(t.Context(), []string{"tail", "--follow=false", "-n", "-1", path}, strings.NewReader(""), out, &stderr)
	if code != 1 || !strings.Contains(stderr.String(), "truncated while it was read") {
		t.Errorf("exit code %d, stderr %s", code, stderr.String())
	}
}

// An onWrite does something when it is written to first.
type onWrite struct {
	fn    func()
	times int // that it was written to
}

func (w *onWrite) Write(b []byte) (int, error) {
	if w.times++; w.times == 1 {
		w.fn()
	}
	return len(b), nil
}
