package clickhouse

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/slogtrace/slogtrace/cmd/slogtrace/internal/backend"
)

// A line that mentions another trace is returned once: with its own.
func TestOtherTraces(t *testing.T) {
	a, b := strings.Repeat("a", 32), strings.Repeat("b", 32)
	line := func(trace, span, text string) string {
		return fmt.Sprintf(`{"time":"2026-03-01T09:15:00Z","level":"INFO","msg":%q,"trace":%q,"span":"%016s"}`, text, trace, span)
	}
	lines := []string{line(a, "1", "x"), line(a, "2", "like "+b), "no record, " + b, line(b, "3", "y")}
	f := serve(t, func(w http.ResponseWriter, _ *http.Request) {
		for i, l := range lines {
			fmt.Fprintf(w, `{"0":%q,"1":"%d"}`+"\n", l, i+1)
		}
	})
	s := f.store(t, nil)
	s.known = &table{time: column{name: "time", key: "time", kind: nanos}, line: &column{name: "line", key: "line", kind: text}}
	for _, c := range []struct {
		cond backend.Cond
		want []string
		last int64
	}{
		{backend.Trace{IDs: []string{a}}, lines[:2], 2},
		{backend.All{backend.Trace{IDs: []string{b}}, backend.Unread{}}, lines[3:], 4},
		{backend.Trace{IDs: []string{"bb"}, Prefix: true}, lines[3:], 4},
		{backend.Trace{IDs: []string{"bb"}, Suffix: true}, lines[3:], 4},
		{backend.Test{Key: "trace", Op: backend.Present}, lines, 4},
	} {
		var got bytes.Buffer
		q := *anHour
		q.Cond = c.cond
		sum, err := s.Lines(t.Context(), &q, io.Writer(&got))
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(strings.Join(c.want, "\n")+"\n", got.String()); diff != "" || sum.Lines != len(c.want) || sum.Last.UnixNano() != c.last {
			t.Errorf("%v: %+v, -want +got\n%s", c.cond, sum, diff)
		}
	}
}
