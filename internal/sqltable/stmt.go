package sqltable

import (
	"context"
	"database/sql/driver"
	"strings"
)

type stmt struct {
	f     *Fake
	query string
}

func (f *Fake) stmt(query string) driver.Stmt {
	return wrapStmt(&stmt{f, query}, f.StmtBits)
}

func (s *stmt) Close() error { return s.f.note("Stmt.Close") }
func (s *stmt) NumInput() int {
	return strings.Count(s.query, "?")
}

func (s *stmt) Exec(args []driver.Value) (driver.Result, error) {
	if err := s.f.note("Stmt.Exec", args); err != nil {
		return nil, err
	}
	return driver.RowsAffected(5), nil
}

func (s *stmt) Query(args []driver.Value) (driver.Rows, error) {
	if err := s.f.note("Stmt.Query", args); err != nil {
		return nil, err
	}
	return s.f.rows(), nil
}

type (
	stmtExecer    struct{ s *stmt }
	stmtQueryer   struct{ s *stmt }
	stmtChecker   struct{ s *stmt }
	stmtConverter struct{ s *stmt }
)

func (s stmtExecer) ExecContext(ctx context.Context, args []driver.NamedValue) (driver.Result, error) {
	if err := s.s.f.call(ctx, "Stmt.ExecContext", describe(args...)); err != nil {
		return nil, err
	}
	return driver.RowsAffected(6), nil
}

func (s stmtQueryer) QueryContext(ctx context.Context, args []driver.NamedValue) (driver.Rows, error) {
	if err := s.s.f.call(ctx, "Stmt.QueryContext", describe(args...)); err != nil {
		return nil, err
	}
	return s.s.f.rows(), nil
}

func (s stmtChecker) CheckNamedValue(v *driver.NamedValue) error {
	return s.s.f.check("Stmt.CheckNamedValue", v)
}

func (s stmtConverter) ColumnConverter(i int) driver.ValueConverter {
	_ = s.s.f.note("ColumnConverter", i)
	return upper{}
}

// upper converts strings to upper case. The result shows that it was called.
type upper struct{}

func (upper) ConvertValue(v any) (driver.Value, error) {
	if s, ok := v.(string); ok {
		return strings.ToUpper(s), nil
	}
	return driver.DefaultParameterConverter.ConvertValue(v)
}
