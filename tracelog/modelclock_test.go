package tracelog

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// spanEntries makes end records of lines "id parent service start duration [kind]", in milliseconds.
// A duration of "-" makes a start record, one of "log" a log line.
func spanEntries(t testing.TB, lines string) []Entry {
	t.Helper()
	var entries []Entry
	for line := range strings.Lines(lines) {
		f := strings.Fields(line)
		if len(f) == 0 {
			continue
		}
		ms := func(s string) time.Duration {
			var x float64
			if _, err := fmt.Sscan(s, &x); err != nil {
				t.Fatalf("%q: %v", line, err)
			}
			return time.Duration(x * 1e6)
		}
		e := Entry{Trace: "t", Span: f[0], Op: f[0], Parent: strings.Trim(f[1], "-"), Service: strings.Trim(f[2], "-"),
			Start: epoch.Add(ms(f[3])), Event: EventEnd, Line: len(entries) + 1}
		e.Time = e.Start
		switch f[4] {
		case "-":
			e.Event = EventStart
		case "log":
			e.Event, e.Start, e.Parent = EventLog, time.Time{}, ""
		default:
			e.Duration = ms(f[4])
			e.Time = e.Start.Add(e.Duration)
		}
		if len(f) > 5 {
			if e.Kind = f[5]; e.Kind == "queued" {
				e.Kind, e.Queued = "", time.Second
			}
		}
		entries = append(entries, e)
	}
	return entries
}

func TestShift(t *testing.T) {
	for _, tt := range []struct{ name, spans, want string }{
		{"agreed", "a - api 0 100\nb a pay 10 50", ""},
		{"starts before", "a - api 0 100\nb a pay -30 50", "b 30ms"},
		{"starts before, an hour", "a - api 0 100\nb a pay -3600000 50", "b 1h0m0s"},
		{"ends after", "a - api 0 100\nb a pay 60 50", "b -10ms"},
		{"as long as the parent", "a - api 0 100\nb a pay 1 100", "b -1ms"},
		{"after it altogether", "a - api 0 100\nb a pay 5000 50", "b -4.95s"},
		{"does not fit", "a - api 0 100\nb a pay 60 150", ""},
		{"does not fit and starts before", "a - api 0 100\nb a pay -5 150", "b 5ms"},
		{"the same service", "a - api 0 100\nb a api -30 50\nc a api 60 50", ""},
		{"no service", "a - api 0 100\nb a - -30 50", ""},
		{"a consumer", "a - api 0 100\nb a pay 60 50 consumer", ""},
		{"a consumer that starts before", "a - api 0 100\nb a pay -60 50 consumer", "b 60ms"},
		{"under a producer", "a - api 0 100 producer\nb a pay 60 50", ""},
		{"queued", "a - api 0 100\nb a pay 60 50 queued", ""},
		{"a client and a server", "a - api 0 100 client\nb a pay 60 50 server", "b -10ms"},
		{"the subtree goes along", "a - api 0 100\nb a pay -30 50\nc b pay -20 10\nd c - -20 5\ne d pay -20 1", "b 30ms c 30ms d 30ms e 30ms"},
		{"and back to the first service", "a - api 0 100\nb a pay -30 50\nc b api 5 10", "b 30ms"},
		{"and to a third", "a - api 0 100\nb a pay -30 50\nc b mail -500 10\nd c mail -499 1", "b 30ms c 500ms d 500ms"},
		{"a parent that has not ended", "a - api 0 -\nb a pay -30 50\nc a pay 50 50", "b 30ms"},
		{"a child that has not ended", "a - api 0 100\nb a pay -30 -\nc a pay 500 -", "b 30ms"},
		{"a parent known from its lines", "a - api 0 log\nb a pay -30 50", ""},
		{"a child known from its lines", "a - api 0 100\nb - pay -30 log", ""}, // b is a root
		{"two days", "a - api 0 100\nb a pay -172800000 50\nc a pay 172800000 50", ""},
	} {
		entries := spanEntries(t, tt.spans)
		traces := Assemble(entries)
		checkTraces(t, entries, traces)
		var got []string
		for _, s := range traces[0].All() {
			if s.Shift != 0 {
				got = append(got, s.ID+" "+s.Shift.String())
			}
			if at := entries[strings.Index("abcde", s.ID)].Start; s.StartRecord != nil && !s.Start.Equal(at) {
				t.Errorf("%s: %s starts at %v, but the record says %v", tt.name, s.ID, s.Start, at)
			}
		}
		if got := strings.Join(got, " "); got != tt.want {
			t.Errorf("%s: %q, want %q", tt.name, got, tt.want)
		}
	}
}

// A child that ends after its parent is not cut.
func TestOutlives(t *testing.T) {
	entries := spanEntries(t, `
a - api 0 100
b a api 50 70
c b api 60 60
d b api 90 50
e a pay 110 20
f a api 10 -
g f api 10 5000
`)
	got := map[string]string{}
	for _, s := range Assemble(entries)[0].All() {
		if s.Parent != nil {
			_, end := s.Interval()
			_, to := s.Parent.Interval()
			got[s.ID] = end.Sub(to).String()
		}
	}
	want := map[string]string{"b": "20ms", "c": "0s", "d": "20ms", "e": "0s", "f": "4.91s", "g": "0s"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestInterval(t *testing.T) {
	entries := spanEntries(t, `
a - api 0 -
b a api 10 50
c a pay -20 30
d c pay -5 -
e - api 500 log
e - api 700 log
`)
	var got []string
	for _, s := range Assemble(entries)[0].All() {
		start, end := s.Interval()
		got = append(got, fmt.Sprint(s.ID, " ", start.Sub(epoch), " ", end.Sub(epoch)))
	}
	// c is moved by 20 ms. So is d, although it has only a start record.
	want := []string{"a 0s 60ms", "c 0s 30ms", "d 15ms 15ms", "b 10ms 60ms", "e 500ms 700ms"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if start, end := new(Span).Interval(); !start.IsZero() || !end.IsZero() {
		t.Error("a span without times has some")
	}
}

func TestAsOf(t *testing.T) {
	entries := spanEntries(t, `
a - api 0 -
b a api 10 -
c b api 20 5
d a api 250000 -
e - api 0 log
f d api 250000 1
`)
	other := spanEntries(t, "z - api 320000 1")
	other[0].Trace = "u"
	states := func(tr *Trace) string {
		var b strings.Builder
		for _, s := range tr.All() {
			fmt.Fprint(&b, s.ID, " ", s.State, " ")
		}
		return strings.TrimSpace(b.String())
	}
	tr := Assemble(entries)[0]
	// Silence for up to five minutes means nothing.
	if got, want := states(tr), "a open b open c ended d open f ended e unfinished"; got != want {
		t.Errorf("%s, want %s", got, want)
	}
	// Another trace has later lines. The last sign of b was at 25 ms; a lives on in d.
	all := append(entries, other...)
	tr = Assemble(all)[0]
	checkTraces(t, all, Assemble(all))
	if got, want := states(tr), "a open b abandoned c ended d open f ended e unfinished"; got != want {
		t.Errorf("%s, want %s", got, want)
	}
	tr.AsOf(epoch.Add(time.Hour))
	if got, want := states(tr), "a abandoned b abandoned c ended d abandoned f ended e unfinished"; got != want {
		t.Errorf("%s, want %s", got, want)
	}
	tr.AsOf(epoch.Add(25*time.Millisecond + patience))
	if got, want := states(tr), "a open b open c ended d open f ended e unfinished"; got != want {
		t.Errorf("%s, want %s", got, want)
	}
}

// A span is open from its start on, whether it is abandoned or not.
func TestOpenFor(t *testing.T) {
	at := time.Date(2026, 3, 1, 9, 15, 0, 0, time.UTC)
	start := Entry{Trace: "t", Span: "a", Event: EventStart, Time: at, Start: at}
	for _, after := range []time.Duration{time.Second, time.Hour} {
		tr := Assemble([]Entry{start, {Time: at.Add(after), Message: "of no trace"}})[0]
		if got := tr.OpenFor(); got != after {
			t.Errorf("open for %v, want %v", got, after)
		}
	}
	ended := Entry{Trace: "t", Span: "a", Event: EventEnd, Time: at, Start: at}
	if got := Assemble([]Entry{start, ended, {Time: at.Add(time.Hour)}})[0].OpenFor(); got != 0 {
		t.Errorf("ended, and open for %v", got)
	}
}
