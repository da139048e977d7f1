package sqltable

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing/synctest"
)

// session makes all kinds of calls of db, whose driver is f or wraps f. It returns a line for each result
// and for each call that f got. It must run in a bubble of synctest.
func session(ctx context.Context, f *Fake, db *sql.DB) (got []string) {
	db.SetMaxOpenConns(1)
	note := func(format string, args ...any) { got = append(got, fmt.Sprintf(format, args...)) }

	note("ping: %v", db.PingContext(ctx))
	f.Fail("Ping", ErrBroken)
	note("ping: %v", db.PingContext(ctx))
	for _, args := range [][]any{nil, {1}, {1, "x"}, {Custom{5}}, {sql.Named("a", 1)}, {"remove", 2}, {struct{}{}}, {sql.NullString{}}} {
		for _, query := range []string{"UPDATE t SET a = ?", "skip INTO t ?"} {
			result, err := db.ExecContext(ctx, query, args...)
			note("exec %v: %v", args, err)
			if err == nil {
				n, err := result.RowsAffected()
				id, err2 := result.LastInsertId()
				note("result %d %v %d %v", n, err, id, err2)
			}
			noteRows(note, func() (*sql.Rows, error) { return db.QueryContext(ctx, query, args...) })
			stmt, err := db.PrepareContext(ctx, query)
			note("prepare: %v", err)
			if err != nil {
				continue
			}
			_, err = stmt.ExecContext(ctx, args...)
			note("stmt.exec %v: %v", args, err)
			noteRows(note, func() (*sql.Rows, error) { return stmt.QueryContext(ctx, args...) })
			note("stmt.close: %v", stmt.Close())
		}
	}
	for _, name := range []string{"ExecContext", "Exec", "QueryContext", "Query", "PrepareContext", "Prepare", "Stmt.Exec", "Stmt.Query",
		"Stmt.ExecContext", "Stmt.QueryContext", "Next", "NextRow", "Rows.Close", "IsValid", "ResetSession", "Conn.CheckNamedValue"} {
		errs := []error{ErrBroken, driver.ErrBadConn}
		if strings.HasPrefix(name, "Q") {
			errs = append(errs, fmt.Errorf("wrapped: %w", driver.ErrBadConn), sql.ErrNoRows, io.EOF, context.Canceled)
		}
		for _, err := range errs {
			f.Fail(name, err)
			_, err := db.ExecContext(ctx, "UPDATE t SET a = ?", 1)
			note("exec with %s: %v", name, err)
			noteRows(note, func() (*sql.Rows, error) { return db.QueryContext(ctx, "SELECT a FROM t WHERE b = ?", 1) })
			f.failNoMore()
		}
	}
	for _, opts := range []*sql.TxOptions{nil, {}, {ReadOnly: true}, {Isolation: sql.LevelSerializable}} {
		tx, err := db.BeginTx(ctx, opts)
		note("begin %v: %v", opts, err)
		if err != nil {
			continue
		}
		_, err = tx.ExecContext(ctx, "DELETE FROM t")
		note("exec: %v", err)
		f.Fail("Commit", ErrBroken)
		note("commit: %v", tx.Commit())
		f.failNoMore()
	}
	noteCanceled(ctx, note, db)

	// If the context of a transaction ends, database/sql closes the connection, unless it is a SessionResetter and a Validator.
	synctest.Wait()
	soon, cancel := context.WithCancel(ctx)
	_, err := db.BeginTx(soon, nil)
	note("begin: %v", err)
	f.Fail("Rollback", ErrBroken)
	before := len(f.Calls())
	cancel()
	synctest.Wait()
	note("pool: %d open", db.Stats().OpenConnections)
	calls := f.Calls()
	slices.Sort(calls[before:]) // one connection is closed and another one opened, in any order
	for _, call := range calls {
		note("call %s", call)
	}
	note("close: %v", db.Close())
	return got
}

// noteCanceled notes the results of calls with a canceled context.
func noteCanceled(ctx context.Context, note func(string, ...any), db *sql.DB) {
	canceled, cancel := context.WithCancel(ctx)
	cancel()
	conn, err := db.Conn(ctx)
	note("conn: %v", err)
	_, err = conn.ExecContext(canceled, "UPDATE t SET a = 1")
	note("canceled exec: %v", err)
	_, err = conn.QueryContext(canceled, "SELECT a FROM t")
	note("canceled query: %v", err)
	synctest.Wait() // database/sql closes the rows of a driver that ignores the context
	_, err = conn.PrepareContext(canceled, "SELECT a FROM t")
	note("canceled prepare: %v", err)
	_, err = conn.BeginTx(canceled, nil)
	note("canceled begin: %v", err)
	synctest.Wait() // and rolls back its transaction
	note("conn close: %v", conn.Close())
}

// noteRows notes everything that an application can learn from rows.
func noteRows(note func(string, ...any), query func() (*sql.Rows, error)) {
	rows, err := query()
	note("query: %v", err)
	if err != nil {
		return
	}
	types, err := rows.ColumnTypes()
	note("types: %v", err)
	for _, c := range types {
		length, hasLength := c.Length()
		nullable, hasNullable := c.Nullable()
		precision, scale, hasDecimal := c.DecimalSize()
		note("column %s %s %v %d %t %t %t %d %d %t", c.Name(), c.DatabaseTypeName(), c.ScanType(), length, hasLength, nullable, hasNullable,
			precision, scale, hasDecimal)
	}
	for {
		for rows.Next() {
			var id int
			var name sql.RawBytes
			err := rows.Scan(&id, &name)
			note("row %d %s %v", id, name, err)
		}
		if !rows.NextResultSet() {
			break
		}
		note("next set")
	}
	note("rows: %v", errors.Join(rows.Err(), rows.Close()))
}
