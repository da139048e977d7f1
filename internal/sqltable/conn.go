package sqltable

import (
	"context"
	"database/sql/driver"
	"fmt"
	"strings"
)

// Connect returns a connection with the methods of f.ConnBits.
func (f *Fake) Connect(ctx context.Context) (driver.Conn, error) {
	if err := f.call(ctx, "Connect"); err != nil {
		return nil, err
	}
	c := &conn{f}
	switch {
	case f.Preparer && f.Beginner && f.ConnBits == usualConnBits:
		return struct {
			*conn
			connPreparer
			connBeginner
			connPinger
			connResetter
			connValidator
			connChecker
			connExecer
			connQueryer
		}{c, connPreparer{c}, connBeginner{c}, connPinger{c}, connResetter{c}, connValidator{c}, connChecker{c}, connExecer{c}, connQueryer{c}}, nil
	case f.Preparer && f.Beginner && f.ConnBits == 0:
		return struct {
			*conn
			connPreparer
			connBeginner
		}{c, connPreparer{c}, connBeginner{c}}, nil
	case f.Preparer && f.ConnBits == 0:
		return struct {
			*conn
			connPreparer
		}{c, connPreparer{c}}, nil
	case f.Beginner && f.ConnBits == 0:
		return struct {
			*conn
			connBeginner
		}{c, connBeginner{c}}, nil
	case f.Preparer || f.Beginner:
		panic("fake has no such combination")
	}
	return wrapConn(c, f.ConnBits), nil
}

type openDriver struct{ f *Fake }

func (d openDriver) Open(string) (driver.Conn, error) { return d.f.Connect(context.Background()) }

type conn struct{ f *Fake }

func (c *conn) Close() error { return c.f.note("Conn.Close") }

func (c *conn) Prepare(query string) (driver.Stmt, error) {
	if err := c.f.note("Prepare", query); err != nil {
		return nil, err
	}
	return c.f.stmt(query), nil
}

func (c *conn) Begin() (driver.Tx, error) {
	if err := c.f.note("Begin"); err != nil {
		return nil, err
	}
	return tx{c.f}, nil
}

type (
	connPreparer   struct{ c *conn }
	connBeginner   struct{ c *conn }
	connPinger     struct{ c *conn }
	connResetter   struct{ c *conn }
	connValidator  struct{ c *conn }
	connChecker    struct{ c *conn }
	connExecer     struct{ c *conn }
	connOldExecer  struct{ c *conn }
	connQueryer    struct{ c *conn }
	connOldQueryer struct{ c *conn }
)

func (c connPreparer) PrepareContext(ctx context.Context, query string) (driver.Stmt, error) {
	if err := c.c.f.call(ctx, "PrepareContext", query); err != nil {
		return nil, err
	}
	return c.c.f.stmt(query), nil
}

func (c connBeginner) BeginTx(ctx context.Context, opts driver.TxOptions) (driver.Tx, error) {
	if err := c.c.f.call(ctx, "BeginTx", opts); err != nil {
		return nil, err
	}
	return tx{c.c.f}, nil
}

func (c connPinger) Ping(ctx context.Context) error { return c.c.f.call(ctx, "Ping") }
func (c connResetter) ResetSession(ctx context.Context) error {
	return c.c.f.call(ctx, "ResetSession")
}
func (c connValidator) IsValid() bool { return c.c.f.note("IsValid") == nil }

// Custom is an argument that only a NamedValueChecker accepts. It converts it to an int64.
type Custom struct{ N int }

func (c connChecker) CheckNamedValue(v *driver.NamedValue) error {
	return c.c.f.check("Conn.CheckNamedValue", v)
}

func (f *Fake) check(name string, v *driver.NamedValue) error {
	if err := f.note(name, describe(*v)); err != nil {
		return err
	}
	switch x := v.Value.(type) {
	case Custom:
		v.Value = int64(x.N)
		return nil
	case string:
		if x == "remove" {
			return driver.ErrRemoveArgument
		}
	}
	return driver.ErrSkip
}

func describe(args ...driver.NamedValue) string {
	s := ""
	for _, a := range args {
		s += fmt.Sprintf("[%s %d %T %v]", a.Name, a.Ordinal, a.Value, a.Value)
	}
	return s
}

func (c connExecer) ExecContext(ctx context.Context, query string, args []driver.NamedValue) (driver.Result, error) {
	if err := c.c.f.call(ctx, "ExecContext", query, describe(args...)); err != nil {
		return nil, err
	}
	if strings.Contains(query, "skip") {
		return nil, driver.ErrSkip
	}
	return driver.RowsAffected(3), nil
}

func (c connOldExecer) Exec(query string, args []driver.Value) (driver.Result, error) {
	if err := c.c.f.note("Exec", query, args); err != nil {
		return nil, err
	}
	if strings.Contains(query, "skip") {
		return nil, driver.ErrSkip
	}
	return driver.RowsAffected(4), nil
}

func (c connQueryer) QueryContext(ctx context.Context, query string, args []driver.NamedValue) (driver.Rows, error) {
	if err := c.c.f.call(ctx, "QueryContext", query, describe(args...)); err != nil {
		return nil, err
	}
	if strings.Contains(query, "skip") {
		return nil, driver.ErrSkip
	}
	return c.c.f.rows(), nil
}

func (c connOldQueryer) Query(query string, args []driver.Value) (driver.Rows, error) {
	if err := c.c.f.note("Query", query, args); err != nil {
		return nil, err
	}
	if strings.Contains(query, "skip") {
		return nil, driver.ErrSkip
	}
	return c.c.f.rows(), nil
}

type tx struct{ f *Fake }

func (t tx) Commit() error   { return t.f.note("Commit") }
func (t tx) Rollback() error { return t.f.note("Rollback") }
