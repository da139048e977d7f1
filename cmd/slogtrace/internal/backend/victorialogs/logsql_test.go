package victorialogs

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/slogtrace/slogtrace/cmd/slogtrace/internal/backend"
)

// What can hold for no line is not asked: VictoriaLogs would read the ids or the messages of all lines for it.
func TestNeverAsked(t *testing.T) {
	traced := backend.Test{Key: backend.Traced, Op: backend.Present}
	untraced := backend.Not{Cond: backend.Test{Key: "trace", Op: backend.Present}}
	op := backend.Test{Key: "op", Op: backend.Present}
	spans := backend.Any{op, untraced}
	id := backend.Trace{IDs: []string{"a"}}
	for name, test := range map[string]struct {
		names names
		cond  backend.Cond
		want  string
	}{
		"no text":         {names{}, backend.Any{backend.Unread{}, op}, `(("op":*))`},
		"text":            {names{text: true}, backend.Any{backend.Unread{}, op}, `((_msg:contains_any(WORDS) _msg:="{"* "trace":"") or ("op":*))`},
		"one name":        {names{}, backend.All{spans, traced}, `((("op":*)) ("trace":*))`},
		"of one trace":    {names{}, backend.All{id, spans}, `(("trace":in("a")) (("op":*)))`},
		"inside":          {names{}, backend.All{backend.All{spans, op}, traced}, `(((("op":*)) ("op":*)) ("trace":*))`},
		"nothing":         {names{}, backend.All{backend.Any{untraced}, traced}, `(!* ("trace":*))`},
		"another name":    {names{traceIDs: []string{"trace_id"}, there: map[string]struct{}{"trace_id": {}}}, backend.All{spans, traced}, `((("op":*) or !("trace":*)) ("trace_id":*))`},
		"two names":       {names{traceIDs: []string{"trace", "trace_id"}, there: map[string]struct{}{"trace": {}, "trace_id": {}}}, backend.All{spans, traced}, `((("op":*) or !("trace":*)) ("trace":* or "trace_id":*))`},
		"without a trace": {names{}, backend.All{spans, op}, `((("op":*) or !("trace":*)) ("op":*))`},
		"text of a trace": {names{text: true}, backend.All{id, spans}, `(("trace":in("a") or (_msg:contains_any("a") "trace":"")) (("op":*) or !("trace":*)))`},
		"other lines": {
			names{}, backend.All{traced, backend.TracesOf{Query: &backend.Query{Cond: spans}}},
			`(("trace":*) ("trace":in(_time:[0001-01-01T00:00:00.000000000Z, 0001-01-01T00:00:00.000000000Z) (("op":*) or !("trace":*)) | fields "trace")))`,
		},
	} {
		n := test.names
		if n.traceIDs == nil {
			n.traceIDs = []string{"trace"}
		}
		if n.there == nil {
			n.there = map[string]struct{}{"trace": {}, "op": {}}
		}
		var b strings.Builder
		n.write(&b, test.cond)
		got := strings.ReplaceAll(b.String(), list(builtins), "WORDS")
		if diff := cmp.Diff(test.want, got); diff != "" {
			t.Errorf("%s: -want +got\n%s", name, diff)
		}
	}
}
