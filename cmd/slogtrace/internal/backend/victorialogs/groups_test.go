package victorialogs

import (
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/slogtrace/slogtrace/cmd/slogtrace/internal/backend"
)

// Whatever is not a whole list of ids is an error.
func TestIDs(t *testing.T) {
	abort := func() { panic(http.ErrAbortHandler) }
	for name, test := range map[string]struct {
		traces bool
		answer string
		abort  bool
		want   []string
		err    string
	}{
		"none":                         {false, "span\n", false, nil, ""},
		"spans":                        {false, "span\n00f0\n0a\n", false, []string{"00f0", "0a"}, ""},
		"spans and traces":             {true, "span,trace\na,b\n0a,c\n", false, []string{"a,b", "0a,c"}, ""},
		"a line without ids":           {false, "span\na\n0\nb\n", false, []string{"a", "", "b"}, ""},
		"a line without ids, traces":   {true, "span,trace\na,b\n0,b\n0,\n", false, []string{"a,b", "", ""}, ""},
		"a broken connection":          {false, "span\na\n", true, []string{"a"}, "the answer was cut off: unexpected EOF"},
		"half a row":                   {false, "span\na\nb", false, []string{"a", "b"}, "the answer was cut off"},
		"an error":                     {false, "span\na\ncannot execute query [x]: too slow\n", true, []string{"a"}, "cannot execute query [x]: too slow"},
		"an error at the beginning":    {false, "cannot execute query\n", true, nil, "cannot execute query"},
		"a quoted id":                  {true, "span,trace\na,b\na,\"b\n0\"\n", false, []string{"a,b"}, `a,"b`},
		"not CSV":                      {false, "{\"span\":\"a\"}\n{\"span\":\"b\"}\n", false, nil, "the answer was cut off"},
		"spans, but traces were asked": {true, "span\na\n", false, nil, "span"},
	} {
		t.Run(name, func(t *testing.T) {
			s := serve(t, "", nil, func(w http.ResponseWriter, r *http.Request) {
				if got := r.FormValue("format"); got != "csv" {
					t.Errorf("format %q", got)
				}
				io.WriteString(w, test.answer)
				if test.abort {
					w.(http.Flusher).Flush()
					abort()
				}
			})
			g := &groups{store: s, names: new(names), query: &backend.Query{}}
			var got []string
			err := g.IDs(t.Context(), &backend.IDs{Traces: test.traces}, func(id []byte) error {
				got = append(got, string(id))
				return nil
			})
			if diff := cmp.Diff(test.want, got); diff != "" || (err == nil) != (test.err == "") || err != nil && !strings.HasPrefix(err.Error(), test.err) {
				t.Errorf("%v, want %s; -want +got:\n%s", err, test.err, diff)
			}
		})
	}
	s := serve(t, "", nil, func(w http.ResponseWriter, r *http.Request) { io.WriteString(w, "span\na\nb\n") })
	g := &groups{store: s, names: new(names), query: &backend.Query{}}
	enough := errors.New("enough")
	if err := g.IDs(t.Context(), &backend.IDs{}, func([]byte) error { return enough }); err != enough {
		t.Errorf("%v, want %v", err, enough)
	}
}

// Each query is for a time, for one kind of records, and for the condition; but a condition need not hold for all records of a span.
func TestGroupsTexts(t *testing.T) {
	at := func(second int64) time.Time { return time.Unix(second, 0) }
	q := &backend.Query{From: at(0), To: at(9), Cond: backend.Test{Key: "op", Op: backend.In, Values: []string{"a"}}}
	g := &groups{names: new(names), query: q, by: []string{"op"}}
	const whole, part = "_time:[1970-01-01T00:00:00.000000000Z, 1970-01-01T00:00:09.000000000Z) ", "_time:[1970-01-01T00:00:01.000000000Z, 1970-01-01T00:00:02.000000000Z) "
	const lacking = ` | format if (!(` + identified + `)) "0" as "span" | fields span`
	for name, test := range map[string]struct{ got, begin, end string }{
		"ends":           {g.ids(&backend.IDs{From: at(1), To: at(2)}), part + `("op":in("a")) "_msg":="span end" |`, lacking},
		"starts":         {g.ids(&backend.IDs{From: at(1), To: at(2), Starts: true}), part + `("op":in("a")) "_msg":="span start" |`, lacking},
		"ends, traces":   {g.ids(&backend.IDs{From: at(1), To: at(2), Traces: true}), part + `("op":in("a")) "_msg":="span end" |`, lacking + ",trace"},
		"unfinished":     {g.unfinished([]string{"a", "b"}), whole + `"span":in("a","b") ("_msg":="span start" or "_msg":="span end")`, `"op"`},
		"all unfinished": {g.unfinished(nil), whole + `("_msg":="span start" or "_msg":="span end")`, `"op"`},
	} {
		if !strings.HasPrefix(test.got, test.begin) || !strings.HasSuffix(test.got, test.end) {
			t.Errorf("%s: %s\nwant %s … %s", name, test.got, test.begin, test.end)
		}
	}
}
