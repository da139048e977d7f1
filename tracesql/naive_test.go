package tracesql

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"io"
	"reflect"
	"testing"

	"github.com/slogtrace/slogtrace/internal/sqltable"
)

// A naive wrapper has all interfaces, whether the driver has them or not. Where the driver lacks one, it returns what
// database/sql assumes in that case. Wrappers of this kind exist. TestNaiveFails shows that the comparison of
// TestSameBehaviour finds their mistakes.
type naive struct{ driver.Connector }

func (n naive) Connect(ctx context.Context) (driver.Conn, error) {
	c, err := n.Connector.Connect(ctx)
	if err != nil {
		return nil, err
	}
	return &naiveConn{(&conn{base: c, config: newConfig(nil, nil)})}, nil
}

type naiveConn struct{ *conn }

func (c *naiveConn) Ping(ctx context.Context) error {
	if p, ok := c.base.(driver.Pinger); ok {
		return p.Ping(ctx)
	}
	return nil
}

func (c *naiveConn) ResetSession(ctx context.Context) error {
	if r, ok := c.base.(driver.SessionResetter); ok {
		return r.ResetSession(ctx)
	}
	return nil
}

func (c *naiveConn) IsValid() bool {
	if v, ok := c.base.(driver.Validator); ok {
		return v.IsValid()
	}
	return true
}

func (c *naiveConn) CheckNamedValue(v *driver.NamedValue) error {
	if n, ok := c.base.(driver.NamedValueChecker); ok {
		return n.CheckNamedValue(v)
	}
	return driver.ErrSkip
}

func (c *naiveConn) ExecContext(ctx context.Context, query string, args []driver.NamedValue) (driver.Result, error) {
	if interfacesOfConn(c.base)&isExecer == 0 {
		return nil, driver.ErrSkip
	}
	return connExecer{c.conn}.ExecContext(ctx, query, args)
}

func (c *naiveConn) QueryContext(ctx context.Context, query string, args []driver.NamedValue) (driver.Rows, error) {
	if interfacesOfConn(c.base)&isQueryer == 0 {
		return nil, driver.ErrSkip
	}
	rows, err := connQueryer{c.conn}.QueryContext(ctx, query, args)
	if err != nil {
		return nil, err
	}
	return naiveRows{rows}, nil
}

type naiveRows struct{ driver.Rows }

func (r naiveRows) HasNextResultSet() bool {
	n, ok := r.Rows.(driver.RowsNextResultSet)
	return ok && n.HasNextResultSet()
}

func (r naiveRows) NextResultSet() error {
	if n, ok := r.Rows.(driver.RowsNextResultSet); ok {
		return n.NextResultSet()
	}
	return io.EOF
}

func (r naiveRows) ColumnTypeNullable(i int) (nullable, ok bool) {
	if n, ok := r.Rows.(driver.RowsColumnTypeNullable); ok {
		return n.ColumnTypeNullable(i)
	}
	return false, false
}

// Without ColumnTypeScanType, database/sql returns the type any.
func (r naiveRows) ColumnTypeScanType(i int) reflect.Type {
	if s, ok := r.Rows.(driver.RowsColumnTypeScanType); ok {
		return s.ColumnTypeScanType(i)
	}
	return reflect.TypeFor[any]()
}

// A naive wrapper makes three mistakes. It converts arguments without the statement if the driver has neither Execer nor Queryer.
// It keeps a connection after a transaction whose context has ended. It loses information about columns.
func TestNaiveFails(t *testing.T) {
	r := sqltable.Compare(t, sqltable.Trial{Open: func(f *sqltable.Fake) *sql.DB { return sql.OpenDB(naive{f}) }})[0]
	if r.Different < 200 && !testing.Short() || r.Different < 50 {
		t.Errorf("only %d sets of interfaces show that a naive wrapper differs; the first is %s", r.Different, r.First)
	}
	for _, name := range []string{"Conn: Pinger", "Conn: NamedValueChecker"} {
		if r.Added[name] == 0 {
			t.Errorf("the report does not say that it adds %s", name)
		}
	}
	t.Log(r)
}
