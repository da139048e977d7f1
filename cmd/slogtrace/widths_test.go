package main

import (
	"strings"
	"testing"
	"time"

	"github.com/slogtrace/slogtrace/cmd/slogtrace/internal/term"
	"github.com/slogtrace/slogtrace/tracelog"
)

// at runs a command as in a terminal that is so wide.
func at(t *testing.T, width int, args ...string) string {
	t.Helper()
	var stdout, stderr strings.Builder
	s := newSession(nil, &stdout, &stderr)
	s.width = width
	if code := s.run(t.Context(), args); code != 0 {
		t.Fatalf("%q: exit code %d, stderr %q", args, code, stderr.String())
	}
	return stdout.String()
}

// No line of a list is wider than the terminal, and the time is never what is cut.
func TestWidths(t *testing.T) {
	for _, args := range [][]string{{"ls", "testdata/booking"}, {"ls", "--error", "testdata/booking"}, {"stats", "testdata/booking"}, {"stats", "--by", "service,op,kind", "testdata/booking"}} {
		for _, width := range []int{40, 60, 72, 79, 80, 81, 90, 99, 100, 101, 120, 160, 200} {
			text := at(t, width, args...)
			for i, line := range strings.Split(strings.TrimSuffix(text, "\n"), "\n") {
				if n := term.Width(line); n > width {
					t.Errorf("%q at %d columns: a line of %d:\n%s", args, width, n, line)
				}
				if args[0] == "stats" {
					continue
				}
				stamp := "2006-01-02 15:04:05.000"
				if width < 100 {
					stamp = stamp[:19]
				}
				if i > 0 && width >= 60 {
					if _, err := time.Parse(stamp, line[:len(stamp)]); err != nil || line[len(stamp)] != ' ' {
						t.Errorf("%q at %d columns: no whole time: %s", args, width, line)
					}
				}
			}
			if args[0] == "ls" && width >= 80 && !strings.Contains(text, "FIRST") {
				t.Errorf("%q at %d columns: no errors:\n%s", args, width, text)
			}
		}
	}
	// Where nobody knows the width, nothing is cut.
	if text := at(t, 0, "ls", "testdata/booking"); strings.Contains(text, "…") || !strings.Contains(text, "customer flaky answered 503 Service Unavailable") {
		t.Error(text)
	}
}

// With --local times are those of the time zone.
func TestLocal(t *testing.T) {
	old := time.Local
	defer func() { time.Local = old }()
	time.Local = time.FixedZone("X", 5*3600+1800)
	for _, args := range [][]string{{"ls"}, {"show", "3920"}, {"tail", "--follow=false"}, {"errors"}, {"check"}} {
		utc, local := at(t, 0, append(args, "testdata/booking")...), at(t, 0, append(args, "--local", "testdata/booking")...)
		if !strings.Contains(utc, "09:15:1") || strings.Contains(utc, "14:45:1") {
			t.Errorf("%q: no UTC in\n%s", args, utc)
		}
		if !strings.Contains(local, "14:45:1") || strings.Contains(local, "09:15:1") {
			t.Errorf("%q --local: no local time in\n%s", args, local)
		}
	}
	if text := at(t, 0, "show", "--local", "3920", "testdata/booking"); !strings.Contains(text, "+05:30") {
		t.Error(text)
	}
}

// errors says whom a failed client span called.
func TestErrorPeers(t *testing.T) {
	const log = `{"time":"2026-03-01T09:15:00.5Z","level":"ERROR","msg":"span end","trace":"a1","span":"1","op":"charge","kind":"client","service":"api","start":"2026-03-01T09:15:00Z","duration_ms":1,"error":"timeout","server.address":"api.pay.example"}
{"time":"2026-03-01T09:15:00.5Z","level":"ERROR","msg":"span end","trace":"a2","span":"1","op":"charge","kind":"client","service":"api","start":"2026-03-01T09:15:00Z","duration_ms":1,"error":"timeout","server.address":"api.pay.example"}
{"time":"2026-03-01T09:15:00.5Z","level":"ERROR","msg":"span end","trace":"a3","span":"1","op":"charge","kind":"client","service":"api","start":"2026-03-01T09:15:00Z","duration_ms":2,"error":"timeout"}
{"time":"2026-03-01T09:15:00.5Z","level":"INFO","msg":"span end","trace":"a3","span":"2","parent":"1","op":"POST /","kind":"server","service":"payments","start":"2026-03-01T09:15:00Z","duration_ms":1}
{"time":"2026-03-01T09:15:00.5Z","level":"ERROR","msg":"span end","trace":"a4","span":"1","op":"step","service":"api","start":"2026-03-01T09:15:00Z","duration_ms":1,"error":"no","server.address":"nobody"}
`
	var stdout, stderr strings.Builder
	if code := run(t.Context(), []string{"errors"}, strings.NewReader(log), &stdout, &stderr); code != 0 {
		t.Fatal(stderr.String())
	}
	if got := stdout.String(); !strings.Contains(got, "charge to api.pay.example, payments  timeout") || strings.Contains(got, "nobody") {
		t.Error(got)
	}
	for attr, want := range map[string]string{`"peer.service":"x","server.address":"y"`: "x", `"db.system":"postgresql"`: "postgresql", `"server.address":5`: "", `"other":"x"`: ""} {
		log := `{"msg":"span end","trace":"t","span":"s","kind":"client","start":"2026-03-01T09:15:00Z","duration_ms":1,` + attr + `}`
		var entries []tracelog.Entry
		if _, err := tracelog.Scan(strings.NewReader(log), "", func(e tracelog.Entry) { entries = append(entries, e) }); err != nil {
			t.Fatal(err)
		}
		if got := tracelog.Assemble(entries)[0].Roots[0].Peer(); got != want {
			t.Errorf("%s: %q, want %q", attr, got, want)
		}
	}
}
