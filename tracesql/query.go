package tracesql

import (
	"context"
	"database/sql/driver"
	"fmt"
	"log/slog"
	"strconv"
	"time"

	"github.com/slogtrace/slogtrace"
	"github.com/slogtrace/slogtrace/internal/hook"
	"github.com/slogtrace/slogtrace/internal/sqltext"
)

const (
	badConnKey = "db.bad_conn"
	attemptKey = "db.attempt"
)

// traces reports whether a call with ctx gets a span.
func (c *config) traces(ctx context.Context) bool {
	return c.opts.NewTraces || slogtrace.SpanFromContext(ctx) != nil || slogtrace.SpanContextFromContext(ctx).IsValid()
}

// A call is one call of the driver, with its span. The zero call has no span, and its methods do nothing.
type call struct {
	config  *config
	ctx     context.Context // with the span
	span    *slogtrace.Span
	caller  context.Context // the context without the span, as the application passed it
	query   string          // the text, or the op if it has none
	attempt int             // 2 or more if it repeats another call
	final   bool            // database/sql does not repeat it, since it is in a transaction or has rows
	start   time.Time
}

// start starts the span of a call, below parent. query is the text of the call, or "". For final, see call.
func (c *config) start(ctx, parent context.Context, st *statement, query string, final bool) call {
	if query == "" {
		query = st.op
	}
	call := call{config: c, caller: ctx, query: query, attempt: 1, final: final, start: time.Now()}
	if c.opts.Tracer != nil {
		call.ctx, call.span = c.opts.Tracer.Start(parent, st.op, st.attrs...)
	} else {
		call.ctx, call.span = slogtrace.Start(parent, st.op, st.attrs...)
	}
	if before := c.attempts.take(ctx, query); before > 0 {
		call.attempt = before + 1
		call.span.SetAttrs(slog.Int(attemptKey, call.attempt))
	}
	return call
}

// end adds attrs to the span and ends it with the outcome of err.
func (c *call) end(err error, attrs ...slog.Attr) {
	if c.span == nil {
		return
	}
	var o outcome
	if err != nil {
		o = outcomeOf(c.caller, err, c.config.opts.StatusCode)
	}
	if o.badConn {
		attrs = append(attrs, slog.Bool(badConnKey, true))
		o.fails = o.fails || c.final || c.attempt >= maxAttempts
		if !o.fails {
			c.config.attempts.add(c.caller, c.query, c.attempt)
		}
	}
	if o.status != "" {
		attrs = append(attrs, slog.String("db.response.status_code", o.status))
	}
	if o.fails {
		attrs = append(attrs, slog.String("error.type", o.kind))
	}
	if len(attrs) > 0 {
		c.span.SetAttrs(attrs...)
	}
	if o.fails {
		c.span.Fail(err)
	}
	c.span.End()
}

// endExec ends the span of an exec.
func (c call) endExec(result driver.Result, err error) (driver.Result, error) {
	if err == nil && result != nil {
		if n, nerr := result.RowsAffected(); nerr == nil {
			c.end(nil, slog.Int64("db.response.affected_rows", n))
			return result, nil
		}
	}
	c.end(err)
	return result, err
}

// endUnlessReturned ends the span of a call that does not return, because it panicked or ended the goroutine.
// The driver may have done so, its result, its error or Options.StatusCode.
// It must be called by a defer statement, since it calls recover.
func (c *call) endUnlessReturned(returned *bool) {
	if *returned || c.span == nil {
		return
	}
	if p := recover(); p != nil {
		hook.EndPanic(c.ctx, p)
	}
	c.span.End() // runtime.Goexit
}

const (
	maxArgs    = 32
	maxArgText = 256
)

// setArgs records the arguments if Options.Args is set.
func (c *call) setArgs(args []driver.NamedValue) {
	if !c.config.opts.Args || c.span == nil {
		return
	}
	attrs := make([]slog.Attr, 0, min(len(args), maxArgs))
	for _, a := range args[:min(len(args), maxArgs)] {
		name := a.Name
		if name == "" {
			name = strconv.Itoa(a.Ordinal - 1)
		}
		attrs = append(attrs, slog.String("db.query.parameter."+sqltext.Cut(name, sqltext.MaxName), argText(a.Value)))
	}
	c.span.SetAttrs(attrs...)
}

// argText returns an argument as text.
func argText(v driver.Value) string {
	switch v := v.(type) {
	case nil:
		return "NULL"
	case string:
		return sqltext.Cut(v, maxArgText)
	case []byte:
		return sqltext.Cut(string(v[:min(len(v), maxArgText+1)]), maxArgText)
	case int64:
		return strconv.FormatInt(v, 10)
	case float64:
		return strconv.FormatFloat(v, 'g', -1, 64)
	case bool:
		return strconv.FormatBool(v)
	case time.Time:
		return v.Format(time.RFC3339Nano)
	}
	// Values of the driver's own types may be of any size, and their String method may not be meant for logs.
	return fmt.Sprintf("(%T)", v)
}

// milliseconds returns d in milliseconds, rounded down to microseconds.
func milliseconds(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }
