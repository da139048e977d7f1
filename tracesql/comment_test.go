package tracesql

import (
	"strings"
	"testing"

	"github.com/slogtrace/slogtrace"
	"github.com/slogtrace/slogtrace/internal/sqltable"
)

// last returns the last call whose log entry begins with name.
func (b *bench) last(name string) (last string) {
	for _, call := range b.Calls() {
		if strings.HasPrefix(call, name) {
			last = strings.TrimSuffix(call, " ")
		}
	}
	return last
}

func TestComment(t *testing.T) {
	for _, test := range []struct{ in, before, after string }{
		{"SELECT 1", "SELECT 1 /*traceparent='", "'*/"},
		{"SELECT 1 ;\n", "SELECT 1 /*traceparent='", "'*/ ;\n"},
		{"SELECT 1 /* a */", "SELECT 1 /* a */", ""},
		{"SELECT 1 -- a", "SELECT 1 -- a", ""},
		{"SELECT 1 # a", "SELECT 1 # a", ""},
		{" ; ", " ; ", ""},
		{"", "", ""},
	} {
		b := newBench(t, sqltable.NewFake(), &Options{Comment: true})
		b.query(t, b.ctx, test.in)
		want := test.before
		if test.after != "" {
			l := b.lines(t)[0]
			want += "00-" + l.text("trace") + "-" + l.text("span") + "-03" + test.after
			if strings.Contains(l.text("db.query.text"), "traceparent") {
				t.Error(l)
			}
		}
		if got := strings.TrimSpace(strings.TrimPrefix(b.last("QueryContext"), "QueryContext")); got != strings.TrimSpace(want) {
			t.Errorf("%q: %q, want %q", test.in, got, want)
		}
	}
}

// Prepared statements, skipped calls and calls outside a trace are not commented.
func TestCommentPrepared(t *testing.T) {
	for _, opts := range []*Options{{Comment: true}, {Comment: true, CommentPrepared: true}} {
		b := newBench(t, sqltable.NewFake(), opts)
		b.query(t, b.ctx, "SELECT skip")
		stmt, err := b.db.PrepareContext(b.ctx, "SELECT 2")
		if err != nil {
			t.Fatal(err)
		}
		stmt.ExecContext(b.ctx)
		b.db.Exec("DELETE FROM t")
		for _, call := range b.Calls() {
			want := strings.HasPrefix(call, "QueryContext") || strings.HasPrefix(call, "PrepareContext SELECT 2") && opts.CommentPrepared
			if got := strings.Contains(call, "traceparent"); got != want {
				t.Errorf("%+v: %s", opts, call)
			}
		}
	}
}

func TestCommentIsSpan(t *testing.T) {
	b := newBench(t, sqltable.NewFake(), &Options{Comment: true})
	b.db.ExecContext(b.ctx, "DELETE FROM t")
	_, text, _ := strings.Cut(b.last("ExecContext"), "traceparent='")
	sc, err := slogtrace.ParseTraceparent(strings.TrimSuffix(strings.TrimSpace(text), "'*/"))
	if err != nil || sc.SpanID.String() != b.lines(t)[0].text("span") {
		t.Error(text, err)
	}
}
