package main

import (
	"bytes"
	"io"
	"strings"
	"testing"
	"time"
)

// small is a soak of seconds, in which one request in faultEvery meets a fault. spoil changes what is written to the files of the api.
func small(t *testing.T, faultEvery int, spoil func([]byte) []byte) (ok bool, summary string) {
	t.Helper()
	c := config{
		records: 6000, goroutines: 4, seed: 1, dir: t.TempDir(), lap: 2000, fileSize: 100_000, queue: 4096, faultEvery: faultEvery,
		hang: 50 * time.Millisecond, timeout: time.Minute, spoil: spoil,
	}
	var stdout bytes.Buffer
	ok, err := c.run("test", &stdout, io.Discard)
	if err != nil {
		t.Fatal(err)
	}
	return ok, stdout.String()
}

// A short run, with faults, is accounted for.
func TestSoak(t *testing.T) {
	ok, summary := small(t, 5, nil)
	if !ok || !strings.Contains(summary, "Every record is accounted for.") {
		t.Error(summary)
	}
	t.Log(summary)
}

// What goes wrong in a file is found.
func TestSpoiled(t *testing.T) {
	for _, test := range []struct {
		name  string
		spoil func(line []byte) []byte // once
		want  string
	}{
		{"a lost line", func([]byte) []byte { return nil }, "api: files: lost lines: the library counts 0, the account has 1"},
		{"a line twice", func(line []byte) []byte { return append(bytes.Clone(line), line...) }, "is there twice"},
		{"a torn line", func(line []byte) []byte { return line[:len(line)/2] }, "torn line"},
		{"a secret", func(line []byte) []byte { return bytes.Replace(line, []byte("[redacted]"), []byte(secret), 1) }, "a secret"},
		{"a line of another lap", func(line []byte) []byte { return append(bytes.Clone(line), "{\"seq\":999999999}\n"...) }, "a record of another lap"},
		{"a line without a number", func(line []byte) []byte { return append(bytes.Clone(line), "{}\n"...) }, "want one number in a line, got 0"},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel() // most of the time is pauses
			done := false
			ok, summary := small(t, 1<<30, func(p []byte) []byte {
				if done || bytes.Count(p, []byte("\n")) != 1 || !bytes.Contains(p, []byte("[redacted]")) {
					return p
				}
				done = true
				return test.spoil(p)
			})
			if ok || !strings.Contains(summary, test.want) {
				t.Errorf("want a problem with %q, got:\n%s", test.want, summary)
			}
		})
	}
}

func TestUsage(t *testing.T) {
	for _, args := range [][]string{{"-records", "0"}, {"-goroutines", "0"}, {"x"}, {"-nosuch"}} {
		var stdout, stderr bytes.Buffer
		if got := run(args, &stdout, &stderr); got != 2 || stdout.Len() > 0 || stderr.Len() == 0 {
			t.Errorf("%q: want exit status 2 and words on stderr, got %d, %q, %q", args, got, &stdout, &stderr)
		}
	}
	if got := run([]string{"-records", "1", "-dir", "/no/such/directory"}, io.Discard, io.Discard); got != 1 {
		t.Errorf("no directory: want exit status 1, got %d", got)
	}
}

// Numbers of the next lap use the bits of the last one.
func TestSeries(t *testing.T) {
	s := newSeries("s", 1000)
	k := newSink("k", s, true)
	for range 3 {
		u := &unit{series: s, sampled: true}
		for range 500 {
			u.span()
		}
		u.fail(3)
		u.close()
		k.take([]int{0, 499}, 0, false)
		a := k.lap()
		if want := (account{in: 500, arrived: 2, missing: 498}); a != want {
			t.Errorf("got %+v, want %+v", a, want)
		}
		k.nextLap()
		s.nextLap()
	}
	if len(k.problems) > 0 {
		t.Error(k.problems)
	}
}
