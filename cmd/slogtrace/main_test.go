package main

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/binary"
	"errors"
	"flag"
	"hash/crc32"
	"io"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/klauspost/compress/zstd"
	"github.com/rogpeppe/go-internal/testscript"
)

var update = flag.Bool("update", false, "rewrite the goldens")

func TestMain(m *testing.M) {
	// With -race each process that ends sleeps for a second, unless it is told not to.
	os.Setenv("GORACE", "atexit_sleep_ms=0 "+os.Getenv("GORACE"))
	testscript.Main(m, map[string]func(){"slogtrace": main})
}

// TestScript runs what users do. The booking example's logs are in each script's directory.
func TestScript(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir:           "testdata/script",
		UpdateScripts: *update,
		Setup: func(env *testscript.Env) error {
			env.Setenv("TERM", "xterm")
			return os.CopyFS(filepath.Join(env.WorkDir, "booking"), os.DirFS("testdata/booking"))
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"compress": compress,
			"cut":      cutFile,
			"exits":    exits,
			"unhex":    unhex,
		},
	})
}

// unhex file: decodes \xNN in a file of the script, which cannot hold such bytes itself.
func unhex(ts *testscript.TestScript, _ bool, args []string) {
	for _, name := range args {
		text := ts.ReadFile(name)
		var b bytes.Buffer
		for i := 0; i < len(text); i++ {
			if strings.HasPrefix(text[i:], `\x`) && i+4 <= len(text) {
				var x byte
				for _, c := range []byte(text[i+2 : i+4]) {
					x = x<<4 | byte(strings.IndexByte("0123456789abcdef", c))
				}
				b.WriteByte(x)
				i += 3
				continue
			}
			b.WriteByte(text[i])
		}
		ts.Check(os.WriteFile(ts.MkAbs(name), b.Bytes(), 0o666))
	}
}

// compress gzip|stored|zstd from to: stored is gzip whose bytes do not depend on the compressor, for files that are cut.
func compress(ts *testscript.TestScript, _ bool, args []string) {
	var buf bytes.Buffer
	var w io.WriteCloser
	switch args[0] {
	case "gzip":
		w = gzip.NewWriter(&buf)
	case "stored":
		w = &storedWriter{to: &buf}
	case "zstd":
		var err error
		w, err = zstd.NewWriter(&buf)
		ts.Check(err)
	}
	_, err := io.WriteString(w, ts.ReadFile(args[1]))
	ts.Check(err)
	ts.Check(w.Close())
	to := ts.MkAbs(args[2])
	ts.Check(os.MkdirAll(filepath.Dir(to), 0o777))
	ts.Check(os.WriteFile(to, buf.Bytes(), 0o666))
}

// A storedWriter writes one member of gzip (RFC 1952) that holds its text in stored blocks (RFC 1951, 3.2.4).
type storedWriter struct {
	to   *bytes.Buffer
	text []byte
}

func (w *storedWriter) Write(p []byte) (int, error) {
	w.text = append(w.text, p...)
	return len(p), nil
}

func (w *storedWriter) Close() error {
	w.to.WriteString("\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\xff")
	for block := range slices.Chunk(w.text, math.MaxUint16) {
		w.to.WriteByte(0) // not the last
		w.to.Write(binary.LittleEndian.AppendUint16(nil, uint16(len(block))))
		w.to.Write(binary.LittleEndian.AppendUint16(nil, ^uint16(len(block))))
		w.to.Write(block)
	}
	w.to.WriteString("\x01\x00\x00\xff\xff") // the last, of no bytes
	w.to.Write(binary.LittleEndian.AppendUint32(nil, crc32.ChecksumIEEE(w.text)))
	w.to.Write(binary.LittleEndian.AppendUint32(nil, uint32(len(w.text))))
	return nil
}

// cut file size: cuts a file off.
func cutFile(ts *testscript.TestScript, _ bool, args []string) {
	size, err := strconv.ParseInt(args[1], 10, 64)
	ts.Check(err)
	ts.Check(os.Truncate(ts.MkAbs(args[0]), size))
}

// exits code command...: is exec of a command that exits with that code.
func exits(ts *testscript.TestScript, _ bool, args []string) {
	err := ts.Exec(args[1], args[2:]...)
	code := 0
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		code = exit.ExitCode()
	} else {
		ts.Check(err)
	}
	if strconv.Itoa(code) != args[0] {
		ts.Fatalf("exit code %d, want %s", code, args[0])
	}
}

func TestErrors(t *testing.T) {
	broken := errors.New("the disk is gone")
	const log = `{"time":"2000-01-01T00:00:01Z","level":"INFO","msg":"x","trace":"t","span":"s"}` + "\n"
	canceled, cancel := context.WithCancel(t.Context())
	cancel()
	good := func() io.Reader { return strings.NewReader(log) }
	for _, test := range []struct {
		name   string
		ctx    context.Context
		stdin  func() io.Reader
		stdout io.Writer
		want   string
	}{
		{"read", t.Context(), func() io.Reader { return iotest.ErrReader(broken) }, io.Discard, "slogtrace: -: the disk is gone\n"},
		{"write", t.Context(), good, failing{broken}, "slogtrace: the disk is gone\n"},
		{"canceled", canceled, good, io.Discard, "slogtrace: interrupted\n"},
	} {
		for _, command := range []string{"ls", "show", "check"} {
			t.Run(command+" "+test.name, func(t *testing.T) {
				var stderr strings.Builder
				code := run(test.ctx, []string{command}, test.stdin(), test.stdout, &stderr)
				if code != 1 || stderr.String() != test.want {
					t.Errorf("exit code %d, stderr %q; want 1 and %q", code, stderr.String(), test.want)
				}
			})
		}
	}
}

// failing is an io.Writer that never can.
type failing struct{ err error }

func (w failing) Write([]byte) (int, error) { return 0, w.err }
