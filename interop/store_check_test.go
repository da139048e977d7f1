package interop

import (
	"bytes"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/slogtrace/slogtrace/interop/internal/clickhouse"
	"github.com/slogtrace/slogtrace/interop/internal/victorialogs"
)

// troubled are lines of the last hours, with an old one, two that are ahead of time and, if cut is set, one that was cut off.
func troubled(now time.Time, cut bool) []byte {
	var b bytes.Buffer
	line := func(at time.Time, i int) {
		stamp := at.UTC().Format(time.RFC3339Nano)
		fmt.Fprintf(&b, `{"time":%q,"level":"INFO","msg":"span end","trace":"%032x","span":"%016[2]x","op":"work %[2]d","start":%[1]q,"duration_ms":0.5,"service":"api","attempt":%[2]d}`+"\n", stamp, i+1)
	}
	line(now.Add(-40*24*time.Hour), 0)
	for i := range 10 {
		line(now.Add(-time.Duration(i)*time.Minute), i+1)
	}
	if cut {
		fmt.Fprintf(&b, `{"time":%q,"level":"INFO","msg":"a line that is lon`+"\n", now.UTC().Format(time.RFC3339Nano))
	}
	line(now.Add(30*time.Minute), 11)
	line(now.Add(2*time.Hour), 12)
	return b.Bytes()
}

// The command check says how old the oldest lines are. It counts lines whose time is in the future, lines that were cut off, and
// values that came back as text.
func TestStoreCheck(t *testing.T) {
	t.Parallel()
	now := time.Now()
	type report struct {
		Store struct {
			Oldest  time.Time
			Ahead   int
			Retyped int `json:"values_from_text"`
			CutOff  int `json:"cut_off"`
		}
	}
	check := func(t *testing.T, from string, retyped, cutOff int) {
		t.Helper()
		args := []string{"check", "--since", "3h", "--from", from}
		text := command(t, nil, args...)
		r := decoded[report](t, command(t, nil, append(args, "--json")...).stdout).Store
		if off := now.Add(-40 * 24 * time.Hour).Sub(r.Oldest); off < 0 || off > 2*time.Hour {
			t.Errorf("the oldest line is of %v, by the report of %v", now.Add(-40*24*time.Hour), r.Oldest)
		}
		if r.Ahead != 2 || (r.Retyped > 0) != (retyped > 0) || r.CutOff != cutOff {
			t.Errorf("%+v, want 2 lines ahead, %d values from text, %d lines cut off", r, retyped, cutOff)
		}
		_, words, _ := strings.Cut(text.stdout, "\nThe store\n")
		for want, there := range map[string]bool{
			"- its first line is from about " + r.Oldest.UTC().Format("2006-01-02 15:04") + ": older ones were not kept, or never written\n": true,
			"- 2 lines in the future: the clock of a service is wrong, or the one here\n":                                                    true,
			fmt.Sprintf("- %d values came back as text and look like numbers, true, false or lists, so they are read as such: ", retyped):    retyped > 0,
			fmt.Sprintf("- %d line cut off: they were longer than a shipper or the store takes\n", cutOff):                                   cutOff > 0,
			"cut off": cutOff > 0, "came back as text": retyped > 0,
		} {
			if strings.Contains(words, want) != there {
				t.Errorf("%q is there: %t, want %t, in\n%s\n%s", want, !there, there, text.stdout, text.stderr)
			}
		}
	}
	t.Run("VictoriaLogs", func(t *testing.T) {
		t.Parallel()
		n := victorialogs.Start(t)
		check(t, storeLines(t, n, "1", shipmentNamed(t, "JSONLines"), troubled(now, false)).from, 20, 0)
		check(t, storeLines(t, n, "2", shipmentNamed(t, "Loki, whole"), troubled(now, true)).from, 0, 1)
		healthy := storeLines(t, n, "3", shipmentNamed(t, "Loki, whole"), troubled(now.Add(-3*time.Hour), false))
		if r := command(t, nil, "check", "--since", "3h10m", "--from", healthy.from); !strings.Contains(r.stdout, "its first line") || strings.Contains(r.stdout, "in the future") {
			t.Errorf("nothing is wrong:\n%s", r.stdout)
		}
	})
	t.Run("ClickHouse", func(t *testing.T) {
		t.Parallel()
		server := clickhouse.Start(t)
		check(t, storeColumns(t, server, "logs", troubled(now, false)).from, 0, 0)
		check(t, storeText(t, server, "texts", troubled(now, true)).from, 0, 1)
	})
	t.Run("newest", func(t *testing.T) {
		t.Parallel()
		server := startChdb(t)
		for _, statement := range questions(t, "clickhouse")[0] {
			server.Exec(t, statement, nil)
		}
		server.Exec(t, "insert into logs (line) format JSONAsString", bytes.NewReader(troubled(now, false)))
		check(t, clickhouseAddress(server, "logs"), 0, 0)
	})
}

// A trace is read as far as lines are found near the end of what was read. It is said if that ends before the lines do.
func TestStoreEdge(t *testing.T) {
	t.Parallel()
	const id = "4bf92f3577b34da6a3ce929d0e0e4736"
	at := time.Date(2026, 3, 20, 12, 0, 0, 0, time.UTC)
	long := func(hours ...float64) []byte {
		var b bytes.Buffer
		for i, h := range hours {
			stamp := at.Add(time.Duration(h * float64(time.Hour))).Format(time.RFC3339Nano)
			fmt.Fprintf(&b, `{"time":%q,"level":"INFO","msg":"line %d","trace":%q,"span":"00f067aa0ba902b7","op":"work","service":"api"}`+"\n", stamp, i, id)
		}
		return b.Bytes()
	}
	const told = "traces have lines more than a week before or after the time of the question"
	ask := func(t *testing.T, from string, lines int, edge bool) {
		t.Helper()
		for _, args := range [][]string{{"show", id}, {"show", "--op", "work"}} {
			r := command(t, nil, append(args, "--json", "--since", at.Add(-time.Minute).Format(time.RFC3339), "--until", at.Add(time.Minute).Format(time.RFC3339), "--from", from)...)
			if got := strings.Count(r.stdout, `"line `); got != lines || strings.Contains(r.stderr, told) != edge {
				t.Errorf("%s: %d lines, want %d; want the message about the edge: %t\n%s", args, got, lines, edge, r.stderr)
			}
		}
	}
	whole, further := long(0, -0.9, -4.5, -20, -80, 0.8, 4), long(0, -0.9, -4.5, -20, -80, -300, -400)
	t.Run("VictoriaLogs", func(t *testing.T) {
		t.Parallel()
		n := victorialogs.Start(t)
		ask(t, storeLines(t, n, "1", 0, whole).from, 7, false)
		ask(t, storeLines(t, n, "2", 0, further).from, 6, true)
	})
	t.Run("ClickHouse", func(t *testing.T) {
		t.Parallel()
		server := clickhouse.Start(t)
		ask(t, storeColumns(t, server, "logs", whole).from, 7, false)
		ask(t, storeText(t, server, "texts", further).from, 6, true)
	})
}
