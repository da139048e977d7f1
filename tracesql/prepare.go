package tracesql

import (
	"context"
	"log/slog"
	"time"

	"github.com/slogtrace/slogtrace/internal/hook"
)

// A prepare is a call that prepares a statement. By default it gets a span only if it fails, which is known only afterwards.
type prepare struct {
	call  // has no span until the prepare fails, unless the options require one
	conn  *conn
	text  string // the text sent to the driver
	start time.Time
}

func (c *conn) startPrepare(ctx context.Context, query string) *prepare {
	p := &prepare{conn: c, text: query, start: time.Now()}
	p.query, p.caller, p.ctx = query, ctx, ctx
	if c.config.opts.Prepares || c.config.opts.CommentPrepared {
		p.begin()
	}
	if c.config.opts.CommentPrepared {
		p.text = p.comment(query)
	}
	return p
}

// begin starts the span.
func (p *prepare) begin() {
	st := *p.conn.config.texts.statementOf(p.query)
	st.op = "PREPARE"
	attrs := make([]slog.Attr, 0, len(st.attrs))
	for _, a := range st.attrs {
		if a.Key == operationKey {
			a.Value = slog.StringValue(st.op)
		}
		attrs = append(attrs, a)
	}
	st.attrs = attrs
	p.call = p.conn.start(p.caller, &st, p.query)
}

// end ends the span. If the prepare failed and has no span, end first starts one.
func (p *prepare) end(err error) {
	if p.span == nil && err != nil {
		p.beginLate()
	}
	p.call.end(err)
}

// beginLate begins the span of a prepare that has been made.
func (p *prepare) beginLate() {
	p.begin()
	hook.Backdate(p.ctx, p.start)
}

// endUnlessReturned is that of the call. A prepare that panics has a span too.
func (p *prepare) endUnlessReturned(returned *bool) {
	if *returned {
		return
	}
	v := recover()
	if p.span == nil && v != nil {
		p.beginLate()
	}
	switch {
	case v != nil:
		hook.EndPanic(p.ctx, v)
	case p.span != nil:
		p.span.End() // runtime.Goexit
	}
}
