package main

import (
	"bufio"
	"context"
	"io"
	"os"
	"strings"
	"testing"
)

func TestTailFollows(t *testing.T) {
	f := follow(t, "one\ntwo\nthree\n", "-n", "2")
	f.want("two", "three")
	f.append("four\nfi")
	f.look()
	f.want("four")
	f.append("ve\n") // a line comes when it is whole
	f.look()
	f.want("five")
	f.append("six\nseven\n")
	f.look()
	f.want("six", "seven")
	if code := f.end(); code != 0 || f.stderr.String() != "" {
		t.Errorf("exit code %d, stderr %q", code, f.stderr)
	}
}

// The last line may not be whole when tail begins.
func TestTailTornBegin(t *testing.T) {
	f := follow(t, "one\ntw", "-n", "1")
	f.want("one")
	f.append("o\n")
	f.look()
	f.want("two")
	f.end()
}

// logrotate's "create": what was written to the old file until the rename, and after it by a process
// that still has it open, is not lost.
func TestTailRename(t *testing.T) {
	f := follow(t, "one\n")
	f.want("one")
	old := f.open()
	f.append("two\n")
	if err := os.Rename(f.path, f.path+".1"); err != nil {
		t.Fatal(err)
	}
	f.look()
	f.want("two")
	old.WriteString("three\ntorn")
	f.look()
	f.want("three")
	f.append("four\n")
	f.look()
	f.want("torn", "four")
	f.append("five\n")
	f.look()
	f.want("five")
	f.end()
	const want = ": gone, waiting for it to come back\n"
	if got := f.stderr.String(); !strings.Contains(got, want) || !strings.HasSuffix(got, ": a new file\n") {
		t.Errorf("stderr %q", got)
	}
}

// The file is renamed and there again, longer than it was, between two looks at it.
func TestTailRenameAtOnce(t *testing.T) {
	f := follow(t, "one\n")
	f.want("one")
	if err := os.Rename(f.path, f.path+".1"); err != nil {
		t.Fatal(err)
	}
	f.append("two, which is longer\nthree\n")
	f.look()
	f.want("two, which is longer", "three")
	f.end()
}

// logrotate's "copytruncate": the same file becomes shorter.
func TestTailTruncate(t *testing.T) {
	f := follow(t, "one\ntwo\n", "-n", "-1")
	f.want("one", "two")
	f.append("torn")
	f.look()
	if err := os.Truncate(f.path, 0); err != nil {
		t.Fatal(err)
	}
	f.append("1\n")
	f.look()
	f.want("torn", "1")
	f.end()
	if got := f.stderr.String(); !strings.HasSuffix(got, ": truncated, read from its beginning again\n") {
		t.Errorf("stderr %q", got)
	}
}

// It has grown beyond where it was since.
func TestTailTruncateAndGrow(t *testing.T) {
	f := follow(t, "one\ntwo\n")
	f.want("one", "two")
	if err := os.Truncate(f.path, 0); err != nil {
		t.Fatal(err)
	}
	f.append("three\nfour\nfive\n")
	f.look()
	f.want("three", "four", "five")
	f.end()
}

// Lines of standard input come while it is open.
func TestTailStdin(t *testing.T) {
	in, inW := io.Pipe()
	out, outW := io.Pipe()
	lines := bufio.NewScanner(out)
	done := make(chan int)
	go func() {
		code := run(t.Context(), []string{"tail"}, in, outW, io.Discard)
		outW.Close()
		done <- code
	}()
	for _, text := range []string{"starting up", "panic: no money"} {
		io.WriteString(inW, text+"\n")
		if lines.Scan(); lines.Text() != text {
			t.Errorf("got %q, want %q", lines.Text(), text)
		}
	}
	inW.Close()
	if code := <-done; code != 0 {
		t.Errorf("exit code %d", code)
	}
}

// A read of standard input that blocks forever ends with the context, and so does every command.
func TestInterrupt(t *testing.T) {
	for command, want := range map[string]int{"tail": 0, "ls": 1, "check": 1} {
		in, _ := io.Pipe()
		ctx, cancel := context.WithCancel(t.Context())
		waits := &signalReader{in, make(chan bool)}
		done := make(chan int)
		go func() { done <- run(ctx, []string{command}, waits, io.Discard, io.Discard) }()
		<-waits.reading
		cancel()
		if code := <-done; code != want {
			t.Errorf("%s: exit code %d, want %d", command, code, want)
		}
	}
}

// A signalReader tells that it is read.
type signalReader struct {
	io.Reader
	reading chan bool
}

func (r *signalReader) Read(b []byte) (int, error) {
	r.reading <- true
	return r.Reader.Read(b)
}

func TestLastLines(t *testing.T) {
	for _, test := range []struct {
		text   string
		lines  int
		follow bool
		want   string
	}{
		{"", 10, true, ""},
		{"", 10, false, ""},
		{"a\nb\nc\n", 2, true, "b\nc\n"},
		{"a\nb\nc\n", 2, false, "b\nc\n"},
		{"a\nb\nc\n", 0, true, ""},
		{"a\nb\nc\n", 0, false, ""},
		{"a\nb\nc\n", 3, true, "a\nb\nc\n"},
		{"a\nb\nc\n", 9, true, "a\nb\nc\n"},
		{"a\nb\nc\n", -1, true, "a\nb\nc\n"},
		{"a\nb\nc", 2, true, "a\nb\n"}, // the rest of c is yet to come
		{"a\nb\nc", 2, false, "b\nc"},
		{"a\nb\nc", -1, true, "a\nb\n"},
		{"a\nb\nc", -1, false, "a\nb\nc"},
		{"a", 1, true, ""},
		{"a", 1, false, "a"},
		{strings.Repeat("x", 200_000) + "\n" + strings.Repeat("y", 200_000) + "\n", 1, true, strings.Repeat("y", 200_000) + "\n"},
	} {
		begin, end, err := lastLines(strings.NewReader(test.text), int64(len(test.text)), test.lines, test.follow)
		if err != nil {
			t.Fatal(err)
		}
		if got := test.text[begin:end]; got != test.want {
			t.Errorf("last %d of %.20q, follow %t: got %.20q, want %.20q", test.lines, test.text, test.follow, got, test.want)
		}
	}
}
