package main

import (
	"bufio"
	"context"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

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

// tail begins with the last ten lines, with --since with all that are not older, and -n overrides both.
func TestTailLines(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a.log")
	if err := os.WriteFile(path, []byte(numbered(30)), 0o666); err != nil {
		t.Fatal(err)
	}
	for args, want := range map[string]int{"": 10, "--since 2026-03-01": 30, "--since 2026-03-01 -n 5": 5, "-n 20": 20, "-n -1": 30} {
		var stdout strings.Builder
		code := run(t.Context(), append([]string{"tail", "--follow=false", path}, strings.Fields(args)...), nil, &stdout, io.Discard)
		if n := strings.Count(stdout.String(), " ■ op 1ms"); code != 0 || n != want {
			t.Errorf("%s: exit code %d, %d lines, want %d:\n%s", args, code, n, want, stdout.String())
		}
	}
}
