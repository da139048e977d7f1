package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/slogtrace/slogtrace/tracelog"
)

func assembledLog(t *testing.T, log string) []*tracelog.Trace {
	t.Helper()
	var entries []tracelog.Entry
	if _, err := tracelog.Scan(strings.NewReader(log), "app.log", func(e tracelog.Entry) { entries = append(entries, e) }); err != nil {
		t.Fatal(err)
	}
	return tracelog.Assemble(entries)
}

// ends are span ends of lines "id parent service start duration", in milliseconds after a minute.
func ends(t *testing.T, spans string) string {
	var b strings.Builder
	for line := range strings.Lines(spans) {
		f := strings.Fields(line)
		var start, lasted int
		if _, err := fmt.Sscan(f[3]+" "+f[4], &start, &lasted); err != nil {
			t.Fatal(err)
		}
		fmt.Fprintf(&b, `{"msg":"span end","trace":"t","span":%q,"op":%[1]q,"parent":%q,"service":%q,"start":"2026-03-01T09:15:%02d.%03dZ","duration_ms":%d,"error":"error of %[1]s"}`+"\n",
			f[0], strings.Trim(f[1], "-"), strings.Trim(f[2], "-"), start/1000, start%1000, lasted)
	}
	return b.String()
}

func TestSummarize(t *testing.T) {
	data, err := os.ReadFile("../../tracelog/testdata/booking.txtar")
	if err != nil {
		t.Fatal(err)
	}
	_, log, _ := bytes.Cut(data, []byte("-- log --\n"))
	log, _, _ = bytes.Cut(log, []byte("-- edges --\n"))
	got, err := json.Marshal(summarize(assembledLog(t, string(log))[0]))
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

func TestSummarizeNoSpan(t *testing.T) {
	if got := summarize(assembledLog(t, `{"msg":"m","trace":"t"}`)[0]); got.Lines != 1 || got.Spans != 0 || got.Op != "" {
		t.Errorf("%+v", got)
	}
}

// Of errors of one moment the deepest is the first.
func TestSummarizeFirst(t *testing.T) {
	got := summarize(assembledLog(t, ends(t, "a - - 0 10\nb a - 5 5\nc a - 5 6\nd b - 5 5"))[0])
	if got.Error != "error of d" || got.ErrorOp != "d" || !got.Failed {
		t.Errorf("%+v", got)
	}
}

// A clock that is wrong does not make a trace longer.
func TestSummarizeShifted(t *testing.T) {
	traces := assembledLog(t, ends(t, "a - api 1000 100\nb a other 10 50\nc b other 20 5"))
	got := summarize(traces[0])
	if from, to := traces[0].Roots[0].Interval(); got.Shifted != 2 || !got.Start.Equal(from) || got.Duration != exactMillis(to.Sub(from)) {
		t.Errorf("%+v", got)
	}
}
