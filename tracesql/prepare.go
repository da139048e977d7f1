package tracesql

import (
	"context"
	"log/slog"
	"time"

	"github.com/slogtrace/slogtrace/internal/hook"
)

// A prepare is a call that prepares a statement. Most of them get no span, and which ones is known afterwards.
type prepare struct {
	call  // without a span until then, if the options do not want one in each case
	conn  *conn
	text  string // as it is sent
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

// begin begins the span.
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

// end ends the span, which it begins if the prepare failed.
func (p *prepare) end(err error) {
	if p.span == nil {
		if err == nil {
			return
		}
		p.begin()
		hook.Backdate(p.ctx, p.start)
	}
	p.call.end(err)
}
