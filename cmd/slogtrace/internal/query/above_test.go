package query

import (
	"fmt"
	"math/rand/v2"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/slogtrace/slogtrace/tracelog"
)

// above is a trace of which every span has an operation of its own: a calls b twice, and b calls c, which calls d.
const above = `{"msg":"span end","trace":"t","span":"4","parent":"3","op":"d","service":"db","start":"2026-03-01T09:15:00.3Z","duration_ms":10}
{"msg":"span end","trace":"t","span":"3","parent":"2","op":"c","service":"api","start":"2026-03-01T09:15:00.2Z","duration_ms":100}
{"msg":"span end","trace":"t","span":"2","parent":"1","op":"b 1","service":"api","start":"2026-03-01T09:15:00.1Z","duration_ms":500,"error":"late"}
{"msg":"span end","trace":"t","span":"5","parent":"1","op":"b 2","start":"2026-03-01T09:15:00.7Z","duration_ms":100}
{"msg":"span end","trace":"t","span":"1","op":"a","service":"web","start":"2026-03-01T09:15:00Z","duration_ms":1000,"parent.id":"0"}
{"msg":"hello","trace":"t","span":"5","time":"2026-03-01T09:15:01.5Z"}
`

// TestAbove: which spans each condition chooses, and whether it says so of the trace.
func TestAbove(t *testing.T) {
	for where, want := range map[string]string{
		"parent.op=a":             "b 1, b 2",
		"parent.op=b*":            "c",
		"parent.op~^b":            "c",
		"parent.op!=a":            "a, c, d",
		"parent.op=":              "a",
		"parent.op!=":             "b 1, c, d, b 2",
		"parent.service=api":      "c, d",
		"parent.error!=":          "c",
		"parent.duration_ms>=500": "b 1, c, b 2",
		"parent.id=0":             "a", // an attribute
		"ancestor.op=b*":          "c, d",
		"ancestor.op=a":           "b 1, c, d, b 2",
		"ancestor.op!=b*":         "a, b 1, b 2",
		"ancestor.op!=":           "b 1, c, d, b 2",
		"ancestor.op=":            "a",
		"ancestor.service=api":    "c, d",
		"ancestor.error~late":     "c, d",
		"root.op=a":               "a, b 1, c, d, b 2",
		"root.op!=a":              "",
		"root.service=w*":         "a, b 1, c, d, b 2",
		"trace.spans=5":           "a, b 1, c, d, b 2",
		"trace.spans>5":           "",
		"trace.duration>=1.5s":    "a, b 1, c, d, b 2", // to the last line
		"trace.duration>1500ms":   "",
		"trace.duration=1500ms":   "a, b 1, c, d, b 2",
	} {
		f := parseFilter(t, "--where", where)
		eachTrace(t, []byte(above), func(tr *tracelog.Trace, _ []*tracelog.Record) {
			var got []string
			for _, s := range tr.All() {
				if f.Whole(tr) && f.Span(s) {
					got = append(got, s.Op)
				}
			}
			if text := strings.Join(got, ", "); text != want {
				t.Errorf("%s: got %s, want %s", where, text, want)
			}
			if f.Trace(tr) != (want != "") {
				t.Errorf("%s: the trace is %t", where, f.Trace(tr))
			}
			if f.Empty() || f.Outlines() || !f.AsksForTree() && where != "parent.id=0" {
				t.Errorf("%s: Empty %t, Outlines %t, AsksForTree %t", where, f.Empty(), f.Outlines(), f.AsksForTree())
			}
		})
	}
}

// TestAboveErrors: what no trace can have is a mistake, which would otherwise choose nothing.
func TestAboveErrors(t *testing.T) {
	for text, want := range map[string]string{
		"trace.duration>5":   "want a duration",
		"trace.duration=":    "want a duration",
		"trace.spans>many":   "want a number",
		"trace.spans>=1.5e3": "",
		"trace.durations>1s": "unknown key trace.durations: want trace.duration, trace.spans, root.op or root.service",
		"trace.error!=":      "unknown key trace.error",
		"trace.id=4bf92f":    "", // of ECS
		"parent.op~(":        "missing closing",
	} {
		_, err := parseCondition(text)
		if got := fmt.Sprint(err); !strings.Contains(got, want) || want == "" && err != nil {
			t.Errorf("%s: got %v, want %s", text, err, want)
		}
	}
}

// TestAncestors compares conditions about ancestors with one that asks every span of the path, over random trees.
func TestAncestors(t *testing.T) {
	r := rand.New(rand.NewPCG(5, 6))
	ops := []string{"", "x", "xy", "z"}
	for range 300 {
		var spans []*tracelog.Span
		for i := range 1 + r.IntN(8) {
			s := &tracelog.Span{ID: fmt.Sprint(i), Op: ops[r.IntN(len(ops))], Duration: time.Duration(r.IntN(3)) * time.Millisecond}
			if i > 0 && r.IntN(4) > 0 {
				s.Parent = spans[r.IntN(i)]
			}
			spans = append(spans, s)
		}
		for _, want := range []string{"x", "x*", "", "z"} {
			re := regexp.MustCompile("^" + strings.ReplaceAll(want, "*", ".*") + "$")
			for _, s := range spans {
				var path []string
				for above := s.Parent; above != nil; above = above.Parent {
					path = append(path, above.Op)
				}
				some := slices.ContainsFunc(path, re.MatchString)
				if want == "" { // = : none has a value
					some = !slices.ContainsFunc(path, func(op string) bool { return op != "" })
				}
				for op, holds := range map[string]bool{"=": some, "!=": !some} {
					if f := parseFilter(t, "--where", "ancestor.op"+op+want); f.Span(s) != holds {
						t.Errorf("ancestor.op%s%s over %q: got %t", op, want, path, !holds)
					}
				}
			}
		}
	}
}
