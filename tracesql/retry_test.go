package tracesql

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/slogtrace/slogtrace/internal/sqltable"
)

// Each attempt that ends in ErrBadConn is a span of its own, and the third one fails.
func TestBadConn(t *testing.T) {
	bad := fmt.Errorf("gone: %w", driver.ErrBadConn)
	for _, n := range []int{1, 2, 3} {
		b := newBench(t, sqltable.NewFake(), nil)
		b.Fail("QueryContext", []error{bad, driver.ErrBadConn, bad}[:n]...)
		rows, err := b.db.QueryContext(b.ctx, selectSeats, 1)
		if err == nil {
			rows.Close()
		}
		if (n == 3) != errors.Is(err, driver.ErrBadConn) {
			t.Error(err)
		}
		want := []string{"SELECT seats bad_conn=true", "CONNECT", "SELECT seats bad_conn=true attempt=2", "CONNECT",
			"SELECT seats error=gone: driver: bad connection type=bad_conn bad_conn=true attempt=3"}
		if n < maxAttempts {
			want = append(want[:2*n], fmt.Sprintf("SELECT seats attempt=%d returned_rows=0", n+1))
		}
		b.want(t, want...)

		// The next call is not one of these attempts.
		b.query(t, b.ctx, selectSeats, 1)
		lines := b.lines(t)
		if l := lines[len(lines)-1]; l.String() != "SELECT seats returned_rows=2" {
			t.Error(l)
		}
	}
}

func TestBadConnOther(t *testing.T) {
	for _, test := range []struct {
		call string
		do   func(*bench) error
		want []string
	}{
		{"ExecContext", func(b *bench) error { _, err := b.db.ExecContext(b.ctx, "DELETE FROM seats"); return err },
			[]string{"DELETE seats bad_conn=true", "CONNECT", "DELETE seats attempt=2 affected_rows=3"}},
		{"BeginTx", func(b *bench) error { tx, err := b.db.BeginTx(b.ctx, nil); tx.Rollback(); return err },
			[]string{"BEGIN bad_conn=true", "CONNECT", "BEGIN attempt=2", "ROLLBACK"}},
		{"PrepareContext", func(b *bench) error { _, err := b.db.PrepareContext(b.ctx, selectSeats); return err },
			[]string{"PREPARE bad_conn=true", "CONNECT"}},
		{"Stmt.ExecContext", func(b *bench) error {
			stmt, err := b.db.PrepareContext(b.ctx, "DELETE FROM seats")
			if err != nil {
				return err
			}
			_, err = stmt.ExecContext(b.ctx)
			return err
		}, []string{"DELETE seats bad_conn=true", "CONNECT", "DELETE seats attempt=2 affected_rows=6"}},
		{"Commit", func(b *bench) error { // not repeated, since it may have been done
			tx, err := b.db.BeginTx(b.ctx, nil)
			if err != nil {
				return err
			}
			if err := tx.Commit(); !errors.Is(err, driver.ErrBadConn) {
				return fmt.Errorf("commit: %v", err)
			}
			return nil
		}, []string{"BEGIN", "COMMIT error=driver: bad connection type=bad_conn bad_conn=true"}},
		{"Next", func(b *bench) error { // reading rows is not repeated either
			rows, err := b.db.QueryContext(b.ctx, selectSeats, 1)
			if err != nil {
				return err
			}
			rows.Next()
			if !errors.Is(rows.Err(), driver.ErrBadConn) {
				return fmt.Errorf("next: %v", rows.Err())
			}
			return nil
		}, []string{"SELECT seats error=driver: bad connection type=bad_conn bad_conn=true returned_rows=0"}},
		{"ExecContext", func(b *bench) error { // a call in a transaction is not repeated either
			tx, err := b.db.BeginTx(b.ctx, nil)
			if err != nil {
				return err
			}
			if _, err := tx.ExecContext(b.ctx, "DELETE FROM seats"); !errors.Is(err, driver.ErrBadConn) {
				return fmt.Errorf("exec: %v", err)
			}
			tx.Rollback()
			_, err = b.db.ExecContext(b.ctx, "DELETE FROM seats")
			return err
		}, []string{"BEGIN", "DELETE seats error=driver: bad connection type=bad_conn bad_conn=true", "ROLLBACK", "DELETE seats affected_rows=3"}},
		{"ExecContext", func(b *bench) error { // a call after a transaction is repeated
			tx, err := b.db.BeginTx(b.ctx, nil)
			if err != nil {
				return err
			}
			if err := tx.Commit(); err != nil {
				return err
			}
			_, err = b.db.ExecContext(b.ctx, "DELETE FROM seats")
			return err
		}, []string{"BEGIN", "COMMIT", "DELETE seats bad_conn=true", "CONNECT", "DELETE seats attempt=2 affected_rows=3"}},
		{"Connect", func(b *bench) error {
			b.db.SetMaxIdleConns(0)
			_, err := b.db.ExecContext(b.ctx, "DELETE FROM seats")
			return err
		}, []string{"CONNECT bad_conn=true", "CONNECT attempt=2", "DELETE seats affected_rows=3"}},
		{"ExecContext", func(b *bench) error { // on a sql.Conn it is not repeated either, but a driver cannot know that
			conn, err := b.db.Conn(b.ctx)
			if err != nil {
				return err
			}
			if _, err := conn.ExecContext(b.ctx, "DELETE FROM seats"); !errors.Is(err, driver.ErrBadConn) {
				return fmt.Errorf("exec: %v", err)
			}
			return nil
		}, []string{"DELETE seats bad_conn=true"}},
	} {
		b := newBench(t, sqltable.NewFake(), nil)
		b.Fail(test.call, driver.ErrBadConn)
		if err := test.do(b); err != nil {
			t.Errorf("%s: %v", test.call, err)
		}
		b.want(t, test.want...)
	}
}

// The number of failed attempts that are remembered is bounded, and each is forgotten after a while.
func TestAttempts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var a attempts
		ctxs := make([]context.Context, 0, 3*maxFailed)
		for i := range cap(ctxs) {
			ctxs = append(ctxs, context.WithValue(t.Context(), &a, i))
			a.add(ctxs[i], "q", 1)
		}
		if len(a.failed) != maxFailed {
			t.Errorf("%d failed attempts are remembered", len(a.failed))
		}
		last := ctxs[len(ctxs)-1]
		for _, test := range []struct {
			ctx   context.Context
			query string
			want  int
		}{{ctxs[0], "q", 0}, {last, "r", 0}, {t.Context(), "q", 0}, {last, "q", 1}, {last, "q", 0}} {
			if got := a.take(test.ctx, test.query); got != test.want {
				t.Errorf("take %v %s: %d, want %d", test.ctx, test.query, got, test.want)
			}
		}
		time.Sleep(2 * time.Minute)
		if got := a.take(ctxs[len(ctxs)-2], "q"); got != 0 {
			t.Error("an attempt is remembered after two minutes")
		}
		a.add(last, "q", 2)
		if len(a.failed) != 1 {
			t.Errorf("%d failed attempts are remembered", len(a.failed))
		}
	})
}

// An oddContext has a type that cannot be compared.
type oddContext struct {
	context.Context
	odd []int
}

func TestOddContext(t *testing.T) {
	b := newBench(t, sqltable.NewFake(), nil)
	b.Fail("QueryContext", driver.ErrBadConn)
	b.query(t, oddContext{b.ctx, nil}, selectSeats, 1)
	if _, err := b.db.ExecContext(oddContext{b.ctx, nil}, "skip"); err != nil {
		t.Error(err)
	}
	lines := b.lines(t)
	if len(lines) != 5 || !strings.Contains(lines[3].String(), "not executed") {
		t.Errorf("%v", lines)
	}
}

func TestTransaction(t *testing.T) {
	for _, test := range []struct {
		commit, rollback error
		want             string
	}{
		{nil, nil, "COMMIT"},
		{&codeError{"40001"}, nil, "COMMIT error=error 40001 type=40001 status_code=40001"},
		{context.DeadlineExceeded, nil, "COMMIT error=context deadline exceeded type=timeout"},
		{nil, sqltable.ErrBroken, "ROLLBACK error=broken type=*errors.errorString"},
	} {
		b := newBench(t, sqltable.NewFake(), nil)
		tx, err := b.db.BeginTx(b.ctx, &sql.TxOptions{ReadOnly: true})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := tx.ExecContext(b.ctx, "UPDATE seats SET a = 1"); err != nil {
			t.Fatal(err)
		}
		if test.rollback != nil {
			b.Fail("Rollback", test.rollback)
			err = tx.Rollback()
		} else {
			if test.commit != nil {
				b.Fail("Commit", test.commit)
			}
			err = tx.Commit()
		}
		if want := errors.Join(test.commit, test.rollback); (want == nil) != (err == nil) || err != nil && !errors.Is(want, err) {
			t.Errorf("%v, want %v", err, want)
		}
		b.want(t, "BEGIN", "UPDATE seats affected_rows=3", test.want)
	}
}

// When the context of a transaction ends, database/sql rolls back. The span of this rollback does not fail.
func TestTransactionCanceled(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, sqltable.NewFake(), nil)
		defer b.db.Close()
		ctx, cancel := context.WithCancel(b.ctx)
		if _, err := b.db.BeginTx(ctx, nil); err != nil {
			t.Fatal(err)
		}
		cancel()
		synctest.Wait()
		b.want(t, "BEGIN", "ROLLBACK")
	})
}

// With Options.Transactions, the queries of a transaction are children of its span.
func TestTransactions(t *testing.T) {
	b := newBench(t, sqltable.NewFake(), &Options{Transactions: true})
	tx, err := b.db.BeginTx(b.ctx, nil)
	if err != nil {
		t.Fatal(err)
	}
	tx.ExecContext(b.ctx, "UPDATE seats SET a = 1")
	tx.ExecContext(t.Context(), "UPDATE seats SET a = 2")
	if err := tx.Commit(); err != nil {
		t.Fatal(err)
	}
	b.db.ExecContext(b.ctx, "UPDATE seats SET a = 1")
	tx, _ = b.db.BeginTx(b.ctx, nil)
	tx.Rollback()
	b.Fail("BeginTx", sqltable.ErrBroken)
	b.db.BeginTx(b.ctx, nil)
	tx, _ = b.db.BeginTx(b.ctx, nil)
	b.Fail("Commit", driver.ErrBadConn)
	tx.Commit()
	tx, _ = b.db.BeginTx(b.ctx, nil)
	b.db.Close()
	tx.Rollback()

	names := map[string]string{b.root.SpanContext().SpanID.String(): "root"}
	for _, l := range b.lines(t) {
		names[l.text("span")] = l.text("op")
	}
	var got []string
	for _, l := range b.lines(t) {
		got = append(got, names[l.text("parent")]+": "+l.String())
	}
	want := []string{
		"TRANSACTION: BEGIN", "TRANSACTION: UPDATE seats affected_rows=3", "TRANSACTION: COMMIT", "root: TRANSACTION outcome=commit",
		"root: UPDATE seats affected_rows=3",
		"TRANSACTION: BEGIN", "TRANSACTION: ROLLBACK", "root: TRANSACTION outcome=rollback",
		"TRANSACTION: BEGIN error=broken type=*errors.errorString", "root: TRANSACTION error=broken type=*errors.errorString",
		"TRANSACTION: BEGIN", "TRANSACTION: COMMIT error=driver: bad connection type=bad_conn bad_conn=true",
		"root: TRANSACTION error=driver: bad connection type=bad_conn bad_conn=true",
		"root: CONNECT",
		"TRANSACTION: BEGIN", "TRANSACTION: ROLLBACK", "root: TRANSACTION outcome=rollback",
	}
	if strings.Join(got, "\n") != strings.Join(want, "\n") {
		t.Errorf("got\n\t%s\nwant\n\t%s", strings.Join(got, "\n\t"), strings.Join(want, "\n\t"))
	}
}

// Closing a connection ends the span of its transaction.
func TestTransactionAbandoned(t *testing.T) {
	b := newBench(t, sqltable.NewFake(), &Options{Transactions: true})
	conn, err := b.db.Conn(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	conn.Raw(func(c any) error {
		if _, err := c.(driver.ConnBeginTx).BeginTx(b.ctx, driver.TxOptions{}); err != nil {
			t.Error(err)
		}
		return c.(driver.Conn).Close()
	})
	lines := b.lines(t)
	if len(lines) != 2 || lines[1].text("op") != "TRANSACTION" || lines[1].text("error") != errNotFinished.Error() {
		t.Errorf("%v", lines)
	}
}
