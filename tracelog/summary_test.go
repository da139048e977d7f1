package tracelog

import (
	"encoding/json"
	"testing"
)

func TestSummarize(t *testing.T) {
	entries, _ := scanAll(t, fixtures(t)["testdata/booking.txtar"].Log())
	got, err := json.Marshal(Summarize(Assemble(entries)[0]))
	if err != nil {
		t.Fatal(err)
	}
	const want = `{"trace":"4bf92f3577b34da6a3ce929d0e0e4736","op":"POST /bookings","service":"api","services":["api","mailer"],` +
		`"start":"2026-03-01T09:15:00Z","duration_ms":1604.25,"spans":8,"lines":6,"errors":4,"failed":true,` +
		`"error":"504 Gateway Timeout","error_op":"POST api.pay.example/charge"}`
	if string(got) != want {
		t.Errorf("%s\nwant\n%s", got, want)
	}
}

func TestRoot(t *testing.T) {
	for _, tt := range []struct{ name, spans, want string }{
		{"a true root", "x - - 0 log\ny gone - 5 10\nz - - 10 10\nv - - 20 10", "z"},
		{"one whose parent is missing", "x - - 0 log\ny gone - 5 10", "y"},
		{"one that has not ended", "x - - 0 log\nz - - 10 -", "z"},
		{"lines only", "x - - 0 log\nw - - 5 log", "x"},
	} {
		if got := Assemble(spanEntries(t, tt.spans))[0].Root(); got.ID != tt.want {
			t.Errorf("%s: %s, want %s", tt.name, got.ID, tt.want)
		}
	}
	if got := Assemble([]Entry{{Trace: "t"}})[0]; got.Root() != nil || Summarize(got).Lines != 1 {
		t.Errorf("%+v", got)
	}
}

// Of errors of one moment the deepest is the first.
func TestSummarizeFirst(t *testing.T) {
	entries := spanEntries(t, "a - - 0 10\nb a - 5 5\nc a - 5 6\nd b - 5 5")
	for i := range entries {
		entries[i].Failed, entries[i].Error = true, "error of "+entries[i].Span
	}
	if got := Summarize(Assemble(entries)[0]); got.Error != "error of d" || got.ErrorOp != "d" || !got.Failed {
		t.Errorf("%+v", got)
	}
}

// A clock that is wrong does not make a trace longer.
func TestSummarizeShifted(t *testing.T) {
	entries := spanEntries(t, "a - - 1000 100\nb a - 10 50\nc b - 20 5")
	entries[0].Service, entries[1].Service, entries[2].Service = "api", "other", "other"
	traces := Assemble(entries)
	got := Summarize(traces[0])
	if from, to := traces[0].Roots[0].Interval(); got.Shifted != 2 || !got.Start.Equal(from) || got.Duration != millis(to.Sub(from)) {
		t.Errorf("%+v", got)
	}
}
