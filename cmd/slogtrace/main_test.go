package main

import (
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/iotest"
)

// Two traces, the one id the beginning of the other, and a line that is no record.
const log = `{"time":"2000-01-01T00:00:01Z","level":"INFO","msg":"span end","trace":"req-1","span":"0000000000000001","op":"book","start":"2000-01-01T00:00:00Z","duration_ms":1000}
panic: not JSON
{"time":"2000-01-01T00:00:03Z","level":"INFO","msg":"span end","trace":"req-1234","span":"0000000000000002","op":"cancel","start":"2000-01-01T00:00:02Z","duration_ms":1000}
`

func TestRun(t *testing.T) {
	file := filepath.Join(t.TempDir(), "a.log")
	if err := os.WriteFile(file, []byte(log), 0o666); err != nil {
		t.Fatal(err)
	}
	const bad = " 1 of 3 lines are no record, the first of them line 2: panic of a Go program\n"
	for _, test := range []struct {
		args           string // FILE stands for a file that holds log
		stdin          string
		code           int
		stdout, stderr []string // each is in it; with none it is empty
		not            string   // is not in stdout
	}{
		{args: "", code: 2, stderr: []string{usage}},
		{args: "list", code: 2, stderr: []string{usage}},
		{args: "show -x", code: 2, stderr: []string{"-x", usage}},
		{args: "show -h", code: 0, stderr: []string{usage}},
		{args: "help", stderr: []string{usage}},
		{args: "show", code: 1, stderr: []string{"slogtrace: no record carries a trace id\n"}},
		{args: "show -logs=false", stdin: `{"msg":"outside"}` + "\n", code: 1, stderr: []string{"no record carries a trace id"}},
		{args: "show", stdin: log, stdout: []string{"book", "cancel"}, stderr: []string{"-:" + bad}},
		{args: "show FILE", stdout: []string{"book", "cancel"}, stderr: []string{"a.log:" + bad}},
		{args: "show -trace req-1 FILE", stdout: []string{"book"}, stderr: []string{bad}, not: "cancel"},
		{args: "show -trace req-12 -", stdin: log, stdout: []string{"cancel"}, stderr: []string{bad}, not: "book"},
		{args: "show -trace req FILE", code: 1, stderr: []string{bad, "slogtrace: trace req: want one trace, found 2 of 2"}},
		{args: "show -trace b FILE", code: 1, stderr: []string{bad, "slogtrace: trace b: want one trace, found 0 of 2"}},
		{args: "show -trace REQ-12 FILE", stdout: []string{"cancel"}, stderr: []string{bad}, not: "book"},
		{args: "show FILE.gone FILE", code: 1, stdout: []string{"book", "cancel"}, stderr: []string{"a.log.gone", bad}},
		{args: "show FILE.gone", code: 1, stderr: []string{"slogtrace: ", "a.log.gone"}},
	} {
		t.Run(test.args, func(t *testing.T) {
			args := strings.Fields(strings.ReplaceAll(test.args, "FILE", file))
			var stdout, stderr strings.Builder
			if code := run(t.Context(), args, strings.NewReader(test.stdin), &stdout, &stderr); code != test.code {
				t.Errorf("exit code %d, want %d", code, test.code)
			}
			contains(t, "stdout", stdout.String(), test.stdout)
			contains(t, "stderr", stderr.String(), test.stderr)
			if test.not != "" && strings.Contains(stdout.String(), test.not) {
				t.Errorf("stdout has %q:\n%s", test.not, stdout.String())
			}
		})
	}
}

func contains(t *testing.T, name, got string, want []string) {
	t.Helper()
	for _, w := range want {
		if !strings.Contains(got, w) {
			t.Errorf("%s lacks %q:\n%s", name, w, got)
		}
	}
	if len(want) == 0 && got != "" {
		t.Errorf("%s should be empty:\n%s", name, got)
	}
}

func TestRunErrors(t *testing.T) {
	broken := errors.New("the disk is gone")
	canceled, cancel := context.WithCancel(t.Context())
	cancel()
	for _, test := range []struct {
		name   string
		ctx    context.Context
		stdin  io.Reader
		stdout io.Writer
		want   string
	}{
		{"read", t.Context(), iotest.ErrReader(broken), io.Discard, "slogtrace: -: the disk is gone\n"},
		{"write", t.Context(), strings.NewReader(log), failing{broken}, "slogtrace: the disk is gone\n"},
		{"canceled", canceled, strings.NewReader(log), io.Discard, "slogtrace: context canceled\n"},
	} {
		t.Run(test.name, func(t *testing.T) {
			var stderr strings.Builder
			code := run(test.ctx, []string{"show"}, test.stdin, test.stdout, &stderr)
			if code != 1 || !strings.HasSuffix(stderr.String(), test.want) {
				t.Errorf("exit code %d, stderr %q; want 1 and %q", code, stderr.String(), test.want)
			}
		})
	}
}

// failing is an io.Writer that never can.
type failing struct{ err error }

func (w failing) Write([]byte) (int, error) { return 0, w.err }
