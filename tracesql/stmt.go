package tracesql

import (
	"context"
	"database/sql/driver"
	"log/slog"
	"time"

	"github.com/slogtrace/slogtrace/internal/hook"
)

// A stmt wraps a prepared statement of the driver. It has the methods that each statement has.
// It does not keep the context of its prepare.
type stmt struct {
	base    driver.Stmt
	conn    *conn
	query   string
	skipped skippedCall // the call for which it was prepared, until that call is made
}

func newStmt(base driver.Stmt, c *conn, query string) driver.Stmt {
	return wrapStmt(&stmt{base: base, conn: c, query: query})
}

func newSkippedStmt(base driver.Stmt, c *conn, s skippedCall) driver.Stmt {
	return wrapStmt(&stmt{base: base, conn: c, query: s.query, skipped: s})
}

// wrapStmt returns s with the optional methods that the driver's statement has.
func wrapStmt(s *stmt) driver.Stmt {
	_, checks := s.base.(driver.NamedValueChecker)
	_, converts := s.base.(driver.ColumnConverter) //lint:ignore SA1019 drivers have it
	switch {
	case checks && converts:
		return struct {
			*stmt
			stmtChecker
			stmtConverter
		}{s, stmtChecker{s}, stmtConverter{s}}
	case checks:
		return struct {
			*stmt
			stmtChecker
		}{s, stmtChecker{s}}
	case converts:
		return struct {
			*stmt
			stmtConverter
		}{s, stmtConverter{s}}
	}
	return s
}

func (s *stmt) unwrap() any { return s.base }

func (s *stmt) NumInput() int {
	defer s.endIfPanics()
	return s.base.NumInput()
}

// endIfPanics ends the span of the call that s was prepared for, if the driver panics before it is made:
// database/sql may not close s then. It must be deferred itself.
func (s *stmt) endIfPanics() {
	if s.skipped.call.span == nil {
		return
	}
	if p := recover(); p != nil {
		ctx := s.skipped.call.ctx
		s.skipped = skippedCall{}
		hook.EndPanic(ctx, p)
	}
}

func (s *stmt) Close() error {
	if s.skipped.ctx != nil {
		call := s.skipped.call
		s.skipped = skippedCall{}
		call.drop()
	}
	return s.base.Close()
}

// Exec has no context. database/sql calls ExecContext instead.
func (s *stmt) Exec(args []driver.Value) (driver.Result, error) {
	return s.base.Exec(args) //lint:ignore SA1019 the driver has it
}

// Query has no context. database/sql calls QueryContext instead.
func (s *stmt) Query(args []driver.Value) (driver.Rows, error) {
	return s.base.Query(args) //lint:ignore SA1019 the driver has it
}

// start starts the span of a use of s, or continues the span of the skipped call for which s was prepared.
func (s *stmt) start(ctx context.Context, args []driver.NamedValue) call {
	if skipped := s.skipped; skipped.ctx != nil {
		s.skipped = skippedCall{}
		if same(skipped.ctx, ctx) {
			return skipped.call
		}
		skipped.call.drop()
	}
	call := s.conn.start(ctx, s.conn.config.texts.statementOf(s.query), s.query)
	call.setArgs(args)
	return call
}

func (s *stmt) ExecContext(ctx context.Context, args []driver.NamedValue) (driver.Result, error) {
	return runStmt(ctx, s, args, (*stmt).exec, call.endExec)
}

func (s *stmt) QueryContext(ctx context.Context, args []driver.NamedValue) (driver.Rows, error) {
	return runStmt(ctx, s, args, (*stmt).queryRows, call.endQuery)
}

// runStmt calls do, which executes the statement. In a trace the call is a span, and end ends it.
func runStmt[R any](ctx context.Context, s *stmt, args []driver.NamedValue,
	do func(*stmt, context.Context, []driver.NamedValue) (R, error), end func(call, R, error) (R, error)) (R, error) {
	s.conn.dropSkipped()
	if !s.conn.config.traces(ctx) {
		return do(s, ctx, args)
	}
	call := s.start(ctx, args)
	returned := false
	defer call.endUnlessReturned(&returned)
	r, err := do(s, call.ctx, args)
	r, err = end(call, r, err)
	returned = true
	return r, err
}

// exec calls the driver as database/sql does.
func (s *stmt) exec(ctx context.Context, args []driver.NamedValue) (driver.Result, error) {
	if e, ok := s.base.(driver.StmtExecContext); ok {
		return e.ExecContext(ctx, args)
	}
	values, err := legacyArgs(ctx, args)
	if err != nil {
		return nil, err
	}
	return s.base.Exec(values) //lint:ignore SA1019 the driver has no ExecContext
}

// queryRows calls the driver as database/sql does.
func (s *stmt) queryRows(ctx context.Context, args []driver.NamedValue) (driver.Rows, error) {
	if q, ok := s.base.(driver.StmtQueryContext); ok {
		return q.QueryContext(ctx, args)
	}
	values, err := legacyArgs(ctx, args)
	if err != nil {
		return nil, err
	}
	return s.base.Query(values) //lint:ignore SA1019 the driver has no QueryContext
}

type (
	stmtChecker   struct{ s *stmt }
	stmtConverter struct{ s *stmt }
)

func (s stmtChecker) CheckNamedValue(v *driver.NamedValue) error {
	defer s.s.endIfPanics()
	return s.s.base.(driver.NamedValueChecker).CheckNamedValue(v)
}

func (s stmtConverter) ColumnConverter(i int) driver.ValueConverter {
	defer s.s.endIfPanics()
	return s.s.base.(driver.ColumnConverter).ColumnConverter(i) //lint:ignore SA1019 the driver has it
}

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
