package main

import (
	"io"
	"strings"
	"testing"
)

func TestRead(t *testing.T) {
	const (
		pass  = `{"Action":"output","Package":"p","Test":"TestA","Output":"=== RUN   TestA\n"}` + "\n" + `{"Action":"pass","Package":"p","Test":"TestA"}` + "\n"
		fail  = `{"Action":"output","Package":"p","Test":"TestB","Output":"    b_test.go:7: why\n"}` + "\n" + `{"Action":"fail","Package":"p","Test":"TestB"}` + "\n"
		skip  = `{"Action":"output","Package":"p","Test":"TestC","Output":"    c_test.go:7: race: counts\n"}` + "\n" + `{"Action":"skip","Package":"p","Test":"TestC"}` + "\n"
		quiet = `{"Action":"skip","Package":"p","Test":"TestD"}` + "\n"
		hangs = `{"Action":"output","Package":"p","Test":"TestE","Output":"panic: test timed out\n"}` + "\n"
		none  = `{"Action":"skip","Package":"q"}` + "\n"
		ok    = `{"Action":"pass","Package":"p"}` + "\n"
		bad   = `{"Action":"fail","Package":"p"}` + "\n"
		build = `{"ImportPath":"p","Action":"build-output","Output":"a.go:1: no\n"}` + "\n" + `{"ImportPath":"p","Action":"build-fail"}` + "\n"
	)
	for _, test := range []struct {
		name, in, permit string
		want             tally
		ok               bool
		output           string // a part of it
	}{
		{"nothing", "", "", tally{}, false, "0 passed"},
		{"no tests", none, "", tally{}, false, "0 passed"},
		{"all well", pass + ok + none, "", tally{passed: 1}, true, "ok   p 0.0s\n"},
		{"a failure counts once", pass + fail + bad, "", tally{passed: 1, failed: 1}, false, "b_test.go:7: why\n"},
		{"failures are listed", fail + pass + bad, "", tally{passed: 1, failed: 1}, false, "FAIL p TestB\ntests: "},
		{"does not build", build + bad, "", tally{failed: 1}, false, "a.go:1: no\nFAIL p\n"},
		{"does not end", pass + hangs + bad, "", tally{passed: 1, failed: 1}, false, "panic: test timed out\n"},
		{"skipped", pass + skip + ok, "", tally{passed: 1, skipped: 1}, false, "SKIP p TestC: race: counts\ntests: "},
		{"permitted", pass + skip + ok, "race:", tally{passed: 1, permitted: 1}, true, "1 skips permitted\n"},
		{"skipped without a word", pass + quiet + ok, "race:", tally{passed: 1, skipped: 1}, false, "SKIP p TestD: (no message)\n"},
		{"other lines", "go: warning\n" + pass + ok, "", tally{passed: 1}, true, "go: warning\n"},
	} {
		t.Run(test.name, func(t *testing.T) {
			var w strings.Builder
			got, err := read(strings.NewReader(test.in), &w, test.permit)
			if err != nil || got != test.want || got.ok() != test.ok {
				t.Errorf("got %+v, ok %t, error %v; want %+v, ok %t", got, got.ok(), err, test.want, test.ok)
			}
			if !strings.Contains(w.String(), test.output) {
				t.Errorf("want %q in the output, got:\n%s", test.output, w.String())
			}
		})
	}
}

func TestReadError(t *testing.T) {
	r := io.MultiReader(strings.NewReader("x\n"), failing{})
	if _, err := read(r, io.Discard, ""); err != io.ErrClosedPipe {
		t.Errorf("got %v, want %v", err, io.ErrClosedPipe)
	}
}

type failing struct{}

func (failing) Read([]byte) (int, error) { return 0, io.ErrClosedPipe }
