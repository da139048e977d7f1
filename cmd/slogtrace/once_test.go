//go:build unix

package main

import (
	"bytes"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"
)

// fifo makes a FIFO.
func fifo(t *testing.T) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "fifo")
	if err := syscall.Mkfifo(path, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// feed writes text to a FIFO once it is opened, and says when it is done.
func feed(t *testing.T, path, text string) {
	done := make(chan error, 1)
	go func() {
		f, err := os.OpenFile(path, os.O_WRONLY, 0)
		if err == nil {
			_, err = io.WriteString(f, text)
			err = errors.Join(err, f.Close())
		}
		done <- err
	}()
	t.Cleanup(func() {
		select {
		case err := <-done:
			if err != nil {
				t.Error(err)
			}
		case <-time.After(patience):
			t.Error("nobody read to the end")
		}
	})
}

// Whatever reads a FIFO opens it once and loses nothing, though it reads twice.
func TestFIFO(t *testing.T) {
	const traces = 2000
	text := numbered(traces)
	for _, test := range []struct {
		args []string
		want string // of each trace, in the output
		n    int
		code int
	}{
		{[]string{"tail", "--json"}, `"trace":`, traces, 0},
		{[]string{"tail", "--json", "--follow=false"}, `"trace":`, traces, 0},
		{[]string{"ls", "--json"}, `"trace":`, traces, 0},
		{[]string{"show", "--json", "--limit", "0"}, `"tree":`, traces, 0},
		{[]string{"show", "--json", "0000000000000000000000000000000"}, "", 0, 1}, // 15 of them: read again
		{[]string{"show", "--json", strings.Repeat("0", 31) + "7"}, `"tree":`, 1, 0},
		{[]string{"stats", "--json"}, `"count":2000`, 1, 0},
		{[]string{"stats", "--json", "--self"}, `"count":2000`, 1, 0},
		{[]string{"stats", "--op", "nothing"}, "", 0, 1},
		{[]string{"check", "--json"}, `"traces":2000`, 1, 0},
	} {
		t.Run(strings.Join(test.args, " "), func(t *testing.T) {
			path := fifo(t)
			feed(t, path, text)
			var stdout, stderr strings.Builder
			code := run(t.Context(), append(test.args, path), strings.NewReader(""), &stdout, &stderr)
			if n := strings.Count(stdout.String(), test.want); code != test.code || test.n > 0 && n != test.n {
				t.Errorf("exit code %d, %d of %d; stderr %s", code, n, test.n, stderr.String())
			}
			if args := strings.Join(test.args, " "); args == "stats --op nothing" && !strings.Contains(stderr.String(), "no finished span matches") ||
				strings.HasSuffix(args, "00") && !strings.Contains(stderr.String(), "ambiguous, 15 begin so") {
				t.Errorf("stderr %s", stderr.String())
			}
		})
	}
}

// A shell's <(command) is a path to a pipe that is open already; /dev/stdin is standard input.
func TestDevFD(t *testing.T) {
	text := numbered(2000)
	for _, path := range []string{"/dev/fd/3", "/dev/stdin", "-"} {
		for _, command := range []string{"tail", "ls"} {
			args := []string{command, "--json", path}
			if path == "-" {
				args = append(args, "/dev/stdin") // is the same
			}
			cmd := exec.Command("slogtrace", args...)
			r, w, err := os.Pipe()
			if err != nil {
				t.Fatal(err)
			}
			if path == "/dev/fd/3" {
				cmd.ExtraFiles = []*os.File{r}
			} else {
				cmd.Stdin = r
			}
			go func() {
				io.WriteString(w, text)
				w.Close()
			}()
			out, err := cmd.Output()
			r.Close()
			if n := bytes.Count(out, []byte(`"trace":`)); err != nil || n != 2000 {
				t.Errorf("%s: %d of 2000, %v", cmd, n, err)
			}
		}
	}
}

// A FIFO that nobody opens for writing does not keep a command from hearing the first signal; nor does one whose
// writer is silent, or an output that nobody reads.
func TestSignal(t *testing.T) {
	big := filepath.Join(t.TempDir(), "big.log")
	if err := os.WriteFile(big, []byte(numbered(20_000)), 0o666); err != nil {
		t.Fatal(err)
	}
	for _, args := range [][]string{
		{"tail", "FIFO"}, {"ls", "FIFO"}, {"show", "FIFO"}, {"stats", "FIFO"}, {"errors", "FIFO"}, {"check", "FIFO"},
		{"tail", "-n", "-1", "BIG"}, {"ls", "--json", "BIG"}, {"show", "--limit", "0", "BIG"}, {"tail", "-"}, {"ls"},
	} {
		t.Run(strings.Join(args, " "), func(t *testing.T) {
			for _, sig := range []os.Signal{os.Interrupt, syscall.SIGTERM} {
				// Where the machine is slow, the signal may come before the command has begun: then later.
				for wait := 200 * time.Millisecond; !hears(t, args, big, sig, wait); wait *= 2 {
					if wait > patience {
						t.Fatalf("%q does not catch %v", args, sig)
					}
				}
			}
		})
	}
}

// hears sends a signal to a command after a while, and reports whether it was caught.
func hears(t *testing.T, args []string, big string, sig os.Signal, wait time.Duration) bool {
	t.Helper()
	args = slices.Clone(args)
	for i := range args {
		switch args[i] {
		case "FIFO":
			args[i] = fifo(t)
		case "BIG":
			args[i] = big
		}
	}
	cmd := exec.Command("slogtrace", args...)
	silent, w, err := os.Pipe() // neither written to nor closed
	if err != nil {
		t.Fatal(err)
	}
	out, full, err := os.Pipe() // never read
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		for _, f := range []*os.File{silent, w, out, full} {
			f.Close()
		}
	}()
	var stderr strings.Builder
	cmd.Stdin, cmd.Stdout, cmd.Stderr = silent, full, &stderr
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	time.Sleep(wait)
	cmd.Process.Signal(sig)
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	select {
	case <-ended:
	case <-time.After(patience):
		t.Errorf("%s: did not hear %v", cmd, sig)
		cmd.Process.Kill()
		<-ended
		return true
	}
	if !cmd.ProcessState.Exited() {
		return false
	}
	if code := cmd.ProcessState.ExitCode(); args[0] != "tail" && (code != 1 || !strings.HasSuffix(stderr.String(), "slogtrace: interrupted\n")) {
		t.Errorf("%s: exit code %d, stderr %q", cmd, code, stderr.String())
	}
	return true
}

// A socket as standard input cannot be opened by the name /dev/stdin; a file that a shell opened is the file.
func TestStdinNames(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a.log")
	if err := os.WriteFile(path, []byte(numbered(10)), 0o666); err != nil {
		t.Fatal(err)
	}
	for _, args := range [][]string{{"-"}, {"-", path}, {path, "-"}, {"/dev/stdin", "-"}, {"-", "/dev/stdin", path}} {
		f, err := os.Open(path)
		if err != nil {
			t.Fatal(err)
		}
		cmd := exec.Command("slogtrace", append([]string{"tail", "--json", "--follow=false"}, args...)...)
		cmd.Stdin = f
		out, err := cmd.Output()
		f.Close()
		if n := bytes.Count(out, []byte(`"trace":`)); err != nil || n != 10 {
			t.Errorf("%q: %d of 10, %v", args, n, err)
		}
	}
	fds, err := syscall.Socketpair(syscall.AF_UNIX, syscall.SOCK_STREAM, 0)
	if err != nil {
		t.Fatal(err)
	}
	in, w := os.NewFile(uintptr(fds[0]), "in"), os.NewFile(uintptr(fds[1]), "w")
	defer in.Close()
	io.WriteString(w, numbered(10))
	w.Close()
	cmd := exec.Command("slogtrace", "tail", "--json", "/dev/stdin")
	cmd.Stdin = in
	out, err := cmd.Output()
	if n := bytes.Count(out, []byte(`"trace":`)); err != nil || n != 10 {
		t.Errorf("a socket: %d of 10, %v", n, err)
	}
}

// Completing an id leaves alone what can be read only once: it would be gone when the command runs.
func TestCompleteFIFO(t *testing.T) {
	var stdout, stderr strings.Builder
	done := make(chan int)
	path := fifo(t)
	go func() {
		done <- run(t.Context(), []string{"__complete", "show", path, ""}, strings.NewReader(""), &stdout, &stderr)
	}()
	if code := receive(t, done); code != 0 || !strings.HasPrefix(stdout.String(), ":") {
		t.Errorf("exit code %d, stdout %q", code, stdout.String())
	}
}
