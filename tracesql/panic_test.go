package tracesql

import (
	"maps"
	"strings"
	"testing"

	"github.com/slogtrace/slogtrace"
	"github.com/slogtrace/slogtrace/internal/sqltable"
)

// panicking calls f, which must panic with "ouch", and whose last span must have failed with that.
func (b *bench) panicking(t *testing.T, op string, f func()) {
	t.Helper()
	func() {
		defer func() {
			if p := recover(); p != "ouch" {
				t.Errorf("recovered %v", p)
			}
		}()
		f()
	}()
	lines := b.lines(t)
	if len(lines) == 0 {
		t.Fatal("no span has ended")
	}
	if l := lines[len(lines)-1]; l.text("error") != "panic: ouch" || l.text("stack") == "" || !strings.HasPrefix(l.text("op"), op) {
		t.Errorf("want %s, got %v", op, lines)
	}
}

// A panic of the driver fails the span of its call and goes on.
func TestPanic(t *testing.T) {
	ops := map[string]string{"QueryContext": "SELECT", "ExecContext": "SELECT", "BeginTx": "BEGIN", "Stmt.ExecContext": "SELECT",
		"Stmt.QueryContext": "SELECT", "PrepareContext": "SELECT", "Commit": "COMMIT", "Stmt.CheckNamedValue": "SELECT", "ColumnConverter": "SELECT"}
	for name, op := range ops {
		t.Run(name, func(t *testing.T) {
			f := sqltable.NewFake()
			switch name {
			case "ColumnConverter", "Stmt.CheckNamedValue":
				f.Preparer, f.Beginner, f.ConnBits, f.StmtBits = false, false, sqltable.HasExecer|sqltable.HasQueryer, sqltable.AllStmtBits
				if name == "ColumnConverter" {
					f.StmtBits &^= sqltable.HasStmtChecker
				}
			}
			b := newBench(t, f, nil)
			b.db.SetMaxOpenConns(0)
			b.Fail(name, sqltable.Panic("ouch"))
			b.panicking(t, op, func() {
				query := "SELECT a"
				if strings.HasPrefix(name, "Stmt") || name == "PrepareContext" || name == "ColumnConverter" {
					query = "SELECT skip ?"
				}
				switch name {
				case "BeginTx", "Commit":
					tx, _ := b.db.BeginTx(b.ctx, nil)
					tx.Commit()
				case "ExecContext", "Stmt.ExecContext", "PrepareContext":
					b.db.ExecContext(b.ctx, query, 1)
				default:
					b.db.QueryContext(b.ctx, query, 1)
				}
			})
		})
	}
}

// So does one of an explicit prepare, which else has no span.
func TestPanicPrepare(t *testing.T) {
	for _, opts := range []*Options{nil, {Prepares: true}} {
		b := newBench(t, sqltable.NewFake(), opts)
		b.Fail("PrepareContext", sqltable.Panic("ouch"))
		b.panicking(t, "PREPARE", func() { b.db.PrepareContext(b.ctx, "SELECT a") })
		if n := len(b.lines(t)); n != 1 {
			t.Errorf("%d lines", n)
		}
	}
}

// One of BEGIN or COMMIT fails the transaction too, even if its connection is never closed.
func TestPanicTransaction(t *testing.T) {
	for _, name := range []string{"BeginTx", "Commit"} {
		b := newBench(t, sqltable.NewFake(), &Options{Transactions: true})
		b.Fail(name, sqltable.Panic("ouch"))
		func() {
			defer func() { _ = recover() }()
			tx, _ := b.db.BeginTx(b.ctx, nil)
			tx.Commit()
		}()
		lines := b.lines(t)
		if l := lines[len(lines)-1]; l.text("op") != "TRANSACTION" || l.text("error") != errNotFinished.Error() {
			t.Errorf("%s: %v", name, lines)
		}
	}
}

// A panic while rows are open fails the query, whose rows are closed afterwards without an error.
func TestPanicRows(t *testing.T) {
	for _, name := range []string{"Next", "Rows.Close", "HasNextResultSet", "NextResultSet"} {
		t.Run(name, func(t *testing.T) {
			f := sqltable.NewFake()
			f.RowsBits, f.MoreSets = sqltable.HasNextResultSet, 1
			b := newBench(t, f, nil)
			b.db.SetMaxOpenConns(0)
			rows, err := b.db.QueryContext(b.ctx, "SELECT a")
			if err != nil {
				t.Fatal(err)
			}
			rows.Next()
			b.Fail(name, sqltable.Panic("ouch"))
			b.panicking(t, "SELECT", func() {
				defer rows.Close()
				for rows.Next() || rows.NextResultSet() {
				}
			})
			lines := b.lines(t)
			if l := lines[0]; len(lines) != 1 || l.text("db.response.returned_rows") == "" || l.text("db.response.first_row_ms") == "" {
				t.Errorf("%v", lines)
			}
		})
	}
}

// scanMethods are the methods of a driver.RowsColumnScanner.
var scanMethods map[string]func(r *rows)

// So does one of any other method of the rows, such as here, where there are none.
func TestPanicRowsMethods(t *testing.T) {
	methods := map[string]func(r *rows){
		"Columns":                    func(r *rows) { r.Columns() },
		"Next":                       func(r *rows) { r.Next(nil) },
		"Close":                      func(r *rows) { r.Close() },
		"HasNextResultSet":           func(r *rows) { rowsNextResultSet{r}.HasNextResultSet() },
		"NextResultSet":              func(r *rows) { rowsNextResultSet{r}.NextResultSet() },
		"ColumnTypeScanType":         func(r *rows) { rowsScanType{r}.ColumnTypeScanType(0) },
		"ColumnTypeDatabaseTypeName": func(r *rows) { rowsDatabaseTypeName{r}.ColumnTypeDatabaseTypeName(0) },
		"ColumnTypeLength":           func(r *rows) { rowsLength{r}.ColumnTypeLength(0) },
		"ColumnTypeNullable":         func(r *rows) { rowsNullable{r}.ColumnTypeNullable(0) },
		"ColumnTypePrecisionScale":   func(r *rows) { rowsPrecisionScale{r}.ColumnTypePrecisionScale(0) },
	}
	maps.Copy(methods, scanMethods)
	for name, method := range methods {
		b := newBench(t, sqltable.NewFake(), nil)
		config := newConfig(nil, &Options{Tracer: slogtrace.NewTracer(b.rec, nil)})
		r := &rows{span: &rowsSpan{call: config.start(b.ctx, b.ctx, config.begin, "", false)}}
		panicked := func() (panicked bool) {
			defer func() { panicked = recover() != nil }()
			method(r)
			return
		}()
		lines := b.lines(t)
		if !panicked || len(lines) != 1 || !strings.HasPrefix(lines[0].text("error"), "panic: ") {
			t.Errorf("%s: panicked %t, %v", name, panicked, lines)
		}
	}
}

// What only describes the outcome of a call may panic too.
func TestPanicOutcome(t *testing.T) {
	b := newBench(t, sqltable.NewFake(), &Options{StatusCode: func(error) string { panic("ouch") }})
	b.db.SetMaxOpenConns(0)
	b.Fail("ExecContext", sqltable.ErrBroken)
	b.panicking(t, "DELETE", func() { b.db.ExecContext(b.ctx, "DELETE FROM a") })
	b.Fail("QueryContext", sqltable.ErrBroken)
	b.panicking(t, "SELECT", func() { b.db.QueryContext(b.ctx, "SELECT a") })
	b.Fail("Next", sqltable.ErrBroken)
	b.panicking(t, "SELECT", func() { b.query(t, b.ctx, "SELECT b") })
}
