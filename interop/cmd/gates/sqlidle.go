package main

import (
	"context"
	"database/sql/driver"
	"errors"
	"io"
)

// An idleDriver is a driver, and its connector, that does nothing. Its queries return as many rows as their last argument says.
type idleDriver struct{}

func (d idleDriver) Connect(context.Context) (driver.Conn, error) { return idleConn{}, nil }
func (d idleDriver) Driver() driver.Driver                        { return d }
func (d idleDriver) Open(string) (driver.Conn, error)             { return idleConn{}, nil }

// An idleConn has the methods that newer drivers have, except those that database/sql calls for each use of a connection.
type idleConn struct{}

var errIdle = errors.New("gates: the idle driver does not do this")

func (idleConn) Close() error              { return nil }
func (idleConn) Begin() (driver.Tx, error) { return nil, errIdle }

func (idleConn) Prepare(string) (driver.Stmt, error) { return idleStmt{}, nil }
func (idleConn) PrepareContext(context.Context, string) (driver.Stmt, error) {
	return idleStmt{}, nil
}

func (idleConn) CheckNamedValue(v *driver.NamedValue) (err error) {
	v.Value, err = driver.DefaultParameterConverter.ConvertValue(v.Value)
	return err
}

func (idleConn) ExecContext(context.Context, string, []driver.NamedValue) (driver.Result, error) {
	return driver.RowsAffected(1), nil
}

func (idleConn) QueryContext(_ context.Context, _ string, args []driver.NamedValue) (driver.Rows, error) {
	return &idleRows{left: args[len(args)-1].Value.(int64)}, nil
}

type idleStmt struct{}

func (idleStmt) Close() error                               { return nil }
func (idleStmt) NumInput() int                              { return -1 }
func (idleStmt) Exec([]driver.Value) (driver.Result, error) { return nil, errIdle }
func (idleStmt) Query([]driver.Value) (driver.Rows, error)  { return nil, errIdle }

func (idleStmt) ExecContext(context.Context, []driver.NamedValue) (driver.Result, error) {
	return driver.RowsAffected(1), nil
}

type idleRows struct{ left int64 }

var idleColumns = []string{"id", "seat"}

func (*idleRows) Columns() []string { return idleColumns }
func (*idleRows) Close() error      { return nil }

func (r *idleRows) Next(dest []driver.Value) error {
	if r.left == 0 {
		return io.EOF
	}
	r.left--
	dest[0], dest[1] = int64(1), "12A"
	return nil
}
