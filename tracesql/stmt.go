package tracesql

import (
	"context"
	"database/sql/driver"
)

// A stmt is a prepared statement of the driver, with the methods that each statement has.
// The context of its prepare is not in it.
type stmt struct {
	base    driver.Stmt
	conn    *conn
	query   string
	skipped skippedCall // the call that it was prepared for
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

func (s *stmt) unwrap() any   { return s.base }
func (s *stmt) NumInput() int { return s.base.NumInput() }

func (s *stmt) Close() error {
	if s.skipped.ctx != nil {
		call := s.skipped.call
		s.skipped = skippedCall{}
		call.drop()
	}
	return s.base.Close()
}

// Exec is for callers other than database/sql, and has no context.
func (s *stmt) Exec(args []driver.Value) (driver.Result, error) {
	return s.base.Exec(args) //lint:ignore SA1019 the driver has it
}

// Query is for callers other than database/sql, and has no context.
func (s *stmt) Query(args []driver.Value) (driver.Rows, error) {
	return s.base.Query(args) //lint:ignore SA1019 the driver has it
}

// start begins the span of a use of s, or takes the one that s was prepared for.
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

// runStmt has the driver execute a statement, with do. In a trace the call is a span, which end ends.
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
	returned = true
	return end(call, r, err)
}

// exec does what database/sql does.
func (s *stmt) exec(ctx context.Context, args []driver.NamedValue) (driver.Result, error) {
	if e, ok := s.base.(driver.StmtExecContext); ok {
		return e.ExecContext(ctx, args)
	}
	values, err := legacyArgs(ctx, args)
	if err != nil {
		return nil, err
	}
	return s.base.Exec(values) //lint:ignore SA1019 the driver has no other
}

// queryRows does what database/sql does.
func (s *stmt) queryRows(ctx context.Context, args []driver.NamedValue) (driver.Rows, error) {
	if q, ok := s.base.(driver.StmtQueryContext); ok {
		return q.QueryContext(ctx, args)
	}
	values, err := legacyArgs(ctx, args)
	if err != nil {
		return nil, err
	}
	return s.base.Query(values) //lint:ignore SA1019 the driver has no other
}

type (
	stmtChecker   struct{ s *stmt }
	stmtConverter struct{ s *stmt }
)

func (s stmtChecker) CheckNamedValue(v *driver.NamedValue) error {
	return s.s.base.(driver.NamedValueChecker).CheckNamedValue(v)
}

func (s stmtConverter) ColumnConverter(i int) driver.ValueConverter {
	return s.s.base.(driver.ColumnConverter).ColumnConverter(i) //lint:ignore SA1019 the driver has it
}
