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

// traces reports whether a call with ctx has a span.
func (c *config) traces(ctx context.Context) bool {
	return c.opts.NewTraces || slogtrace.SpanFromContext(ctx) != nil || slogtrace.SpanContextFromContext(ctx).IsValid()
}

// A call is one call of the driver, and its span. The zero call has none: its methods do nothing.
type call struct {
	config  *config
	ctx     context.Context // with the span
	span    *slogtrace.Span
	caller  context.Context // ctx as the call was given it
	query   string          // what database/sql would repeat
	attempt int             // 1, if it is not known to repeat another one
	final   bool            // database/sql does not repeat it: it is in a transaction, or has rows
	start   time.Time
}

// start begins the span of a call, below parent. query is its text, or "". final says that database/sql does not repeat it.
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

// end ends the span with the outcome of the call, which attrs describe.
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
		o.fails = c.final || c.attempt >= maxAttempts
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

// endUnlessReturned ends the span where the driver does not return: it panicked, or ended the goroutine.
// It must be deferred itself.
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

// setArgs records the arguments, if the options say so.
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
	// A type that only the driver knows may be of any size, and its String may have been written for other callers.
	return fmt.Sprintf("(%T)", v)
}

// milliseconds returns d as durations are written.
func milliseconds(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }
