package tracelog

import (
	"fmt"
	"strings"
	"testing"
	"time"
)

// stacksOf returns the stacks of a log.
func stacksOf(t *testing.T, log string) *Stacks {
	t.Helper()
	var entries []Entry
	if _, err := Scan(strings.NewReader(log), "app.log", func(e Entry) { entries = append(entries, e) }); err != nil {
		t.Fatal(err)
	}
	st := new(Stacks)
	for _, tr := range Assemble(entries) {
		st.Add(tr)
	}
	return st
}

func TestStacks(t *testing.T) {
	var log strings.Builder
	for _, trace := range []string{"t1", "t2"} {
		line := func(id, parent, rest string) {
			fmt.Fprintf(&log, `{"msg":"span end","trace":%q,"span":%q,"parent":%q,%s}`+"\n", trace, id, parent, rest)
		}
		line("1", "", `"op":"a","service":"web","start":"2026-03-01T09:15:00Z","duration_ms":100`)
		line("2", "1", `"op":"b","service":"web","start":"2026-03-01T09:15:00.01Z","duration_ms":30`)
		line("3", "1", `"op":"b","service":"web","start":"2026-03-01T09:15:00.02Z","duration_ms":40,"error":"x"`)
		line("4", "3", `"op":"c","service":"api","start":"2026-03-01T09:15:00.03Z","duration_ms":10,"sample_rate":0.5`)
	}
	log.WriteString(`{"msg":"span start","time":"2026-03-01T09:15:01Z","trace":"t1","span":"5","parent":"1","op":"open"}` + "\n")
	st := stacksOf(t, log.String())
	var got strings.Builder
	for stack, x := range st.All() {
		for _, f := range stack {
			got.WriteString(f.Op + "/" + f.Service + ";")
		}
		fmt.Fprintf(&got, " %v %g %g\n", x.Self, x.Spans, x.Errors)
	}
	// b ran twice, and from 20 to 40 ms beside itself: a has 100 - 50.
	const want = `a/web; 100ms 2 0
a/web;b/web; 120ms 4 2
a/web;b/web;c/api; 40ms 4 0
`
	if got.String() != want {
		t.Errorf("got\n%swant\n%s", got.String(), want)
	}
	if st.Traces != 2 || st.Folded != 0 || st.To.Sub(st.From) != time.Second {
		t.Errorf("%+v", st)
	}
}

// Memory is bounded: what has no stack of its own counts where there is one.
func TestStacksBound(t *testing.T) {
	var log strings.Builder
	for i := range 1500 {
		fmt.Fprintf(&log, `{"msg":"span end","trace":"t","span":"s%d","parent":"s%d","op":"x%d","start":"2026-03-01T09:15:00Z","duration_ms":%d}`+"\n", i, i-1, i, 3000-i)
	}
	st := stacksOf(t, log.String())
	deepest, spans, total := 0, 0.0, time.Duration(0)
	for stack, x := range st.All() {
		deepest, spans, total = max(deepest, len(stack)), spans+x.Spans, total+x.Self
	}
	if deepest != maxStackDepth || spans != 1500 || st.Folded != 500 || total != 3*time.Second {
		t.Errorf("deepest %d, %g spans, %d folded, %v", deepest, spans, st.Folded, total)
	}
}
