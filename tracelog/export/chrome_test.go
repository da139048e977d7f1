package export_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/slogtrace/slogtrace/tracelog"
	"github.com/slogtrace/slogtrace/tracelog/export"
)

type event struct {
	Name, Cat, Ph string
	TS            int64
	Dur           *int64
	PID, TID      int
	Args          map[string]any
}

// chromeEvents reads what NewChrome wrote.
func chromeEvents(t testing.TB, text []byte) []event {
	t.Helper()
	var doc struct{ TraceEvents []event }
	if err := json.Unmarshal(text, &doc); err != nil {
		t.Fatalf("%v in %s", err, text)
	}
	return doc.TraceEvents
}

// checkTracks fails the test if two complete events of one thread overlap, or if one is within another that is no span above it.
// It compares each pair.
func checkTracks(t testing.TB, tr *tracelog.Trace, events []event) {
	t.Helper()
	above := map[string]map[string]bool{} // by span
	for _, s := range tr.All() {
		above[s.ID] = map[string]bool{}
		for a := s.Parent; a != nil; a = a.Parent {
			above[s.ID][a.ID] = true
		}
	}
	tracks := map[[2]int][]event{}
	named := map[[2]int]bool{}
	for _, e := range events {
		track := [2]int{e.PID, e.TID}
		switch {
		case e.Ph == "M":
			named[track] = true
		case e.Ph == "X":
			tracks[track] = append(tracks[track], e)
		}
	}
	for track, list := range tracks {
		if !named[track] {
			t.Errorf("a track without a name: %v", track)
		}
		for i, a := range list {
			for _, b := range list[i+1:] {
				aEnd, bEnd := a.TS+*a.Dur, b.TS+*b.Dur
				apart := aEnd <= b.TS || bEnd <= a.TS
				within := a.TS <= b.TS && bEnd <= aEnd && above[b.Args["span"].(string)][a.Args["span"].(string)] ||
					b.TS <= a.TS && aEnd <= bEnd && above[a.Args["span"].(string)][b.Args["span"].(string)]
				if !apart && !within {
					t.Errorf("track %v: %+v and %+v overlap", track, a, b)
				}
			}
		}
	}
}

// Each span is one complete event, and no two of a track overlap.
func TestChrome(t *testing.T) {
	for file, traces := range fixtures(t) {
		for _, tr := range traces {
			text, counts := written(t, export.NewChrome, nil, tr)
			events := chromeEvents(t, text)
			checkTracks(t, tr, events)
			complete := 0
			for _, e := range events {
				if e.Ph == "X" {
					complete++
				}
			}
			if want := len(factsOf(tr)); complete != want || counts.Spans != want {
				t.Errorf("%s: %d complete events, want %d", file, complete, want)
			}
		}
	}
}

func TestChromeMembers(t *testing.T) {
	text, _ := written(t, export.NewChrome, &export.Options{Logs: true}, read(t, []byte(everything))...)
	events := chromeEvents(t, text)
	var got []string
	for _, e := range events {
		dur := ""
		if e.Dur != nil {
			dur = fmt.Sprint(" for ", *e.Dur)
		}
		got = append(got, fmt.Sprintf("%s %s %s at %d%s on %d/%d", e.Ph, e.Name, e.Cat, e.TS, dur, e.PID, e.TID))
	}
	want := `M process_name  at 0 on 1/0
M thread_name  at 0 on 1/1
M thread_name  at 0 on 1/2
X charge client at 1772356500000000 for 200500 on 1/1
i asking log at 1772356500100000 on 1/1
X open internal at 1772356500300000 for 0 on 1/2`
	if text := strings.Join(got, "\n"); text != want {
		t.Errorf("got\n%s\nwant\n%s", text, want)
	}
	args := events[3].Args
	if args["error"] != "declined" || args["http.status"] != 500.0 || args["span"] != "first" || args["n"] != 7.0 {
		t.Errorf("%v", args)
	}
}

// randomTrace is a log of one trace whose spans begin and end anywhere.
func randomTrace(r *rand.Rand, spans, length int) []byte {
	var b bytes.Buffer
	begin := time.Date(2026, 3, 1, 9, 15, 0, 0, time.UTC)
	for i := range spans {
		start := begin.Add(time.Duration(r.IntN(length)) * 700)
		fmt.Fprintf(&b, `{"msg":"span end","trace":"t","span":"s%d","op":"x","start":%q,"duration_ms":%d.%03d`,
			i, start.Format(time.RFC3339Nano), r.IntN(2), r.IntN(length))
		if i > 0 && r.IntN(5) > 0 {
			fmt.Fprintf(&b, `,"parent":"s%d"`, r.IntN(i))
		}
		if r.IntN(4) > 0 {
			fmt.Fprintf(&b, `,"service":"%c"`, 'a'+r.IntN(2))
		}
		b.WriteString("}\n")
	}
	return b.Bytes()
}

// TestChromeTracks: over many random traces.
func TestChromeTracks(t *testing.T) {
	r := rand.New(rand.NewPCG(7, 8))
	for range 300 {
		tr := read(t, randomTrace(r, 1+r.IntN(60), 1+r.IntN(999)))[0]
		text, _ := written(t, export.NewChrome, nil, tr)
		checkTracks(t, tr, chromeEvents(t, text))
	}
}

// Spans in one another are on one track, and so are those one after the other.
func TestChromeReuse(t *testing.T) {
	var log strings.Builder
	line := func(id, parent string, start, ms int) {
		fmt.Fprintf(&log, `{"msg":"span end","trace":"t","span":%q,"parent":%q,"op":"x","start":"2026-03-01T09:15:00.%03dZ","duration_ms":%d,"service":"a"}`+"\n",
			id, parent, start, ms)
	}
	line("root", "", 0, 500)
	for i := range 100 {
		line(fmt.Sprint("child", i), "root", 4*i, 4)
		line(fmt.Sprint("grandchild", i), fmt.Sprint("child", i), 4*i+1, 2)
		line(fmt.Sprint("beside", i), "root", 4*i+1, 3)
	}
	text, _ := written(t, export.NewChrome, nil, read(t, []byte(log.String()))...)
	tracks := map[int]int{}
	for _, e := range chromeEvents(t, text) {
		if e.Ph == "X" {
			tracks[e.TID]++
		}
	}
	if len(tracks) != 2 || tracks[1] != 201 {
		t.Errorf("%v", tracks)
	}
}

// FuzzChrome: whatever times and parents a trace has, no two complete events of a track overlap, and each span is there.
func FuzzChrome(f *testing.F) {
	f.Add([]byte{0, 10, 0, 0, 2, 3, 1, 1, 2, 3, 1, 0})
	f.Fuzz(func(t *testing.T, b []byte) {
		var log bytes.Buffer
		begin := time.Date(2026, 3, 1, 9, 15, 0, 0, time.UTC)
		spans := 0
		for ; len(b) >= 4 && spans < 200; b = b[4:] {
			start := begin.Add(time.Duration(b[0]) * 300)
			fmt.Fprintf(&log, `{"msg":"span end","trace":"t","span":"s%d","op":"x","start":%q,"duration_ms":0.%03d`, spans, start.Format(time.RFC3339Nano), b[1])
			if int(b[2]) <= spans {
				fmt.Fprintf(&log, `,"parent":"s%d"`, b[2])
			}
			fmt.Fprintf(&log, `,"service":"%c"}`+"\n", 'a'+b[3]%3)
			spans++
		}
		if spans == 0 {
			return
		}
		tr := read(t, log.Bytes())[0]
		text, counts := written(t, export.NewChrome, nil, tr)
		if counts.Spans != spans {
			t.Errorf("%d of %d spans", counts.Spans, spans)
		}
		checkTracks(t, tr, chromeEvents(t, text))
	})
}
