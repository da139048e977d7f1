package main

import (
	"bufio"
	"context"
	"io"
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
