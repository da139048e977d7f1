package tracesql

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"io"
	"testing"

	"github.com/slogtrace/slogtrace/internal/sqltable"
)

// TestOutcome has the errors that fail a span, and their error.type.
func TestOutcome(t *testing.T) {
	for _, test := range []struct {
		err  error
		ends string // why the context has ended
		want string
	}{
		{sqltable.ErrBroken, "", "error=broken type=*errors.errorString"},
		{&codeError{"23505"}, "", "error=error 23505 type=23505 status_code=23505"},
		{context.Canceled, "canceled", "error=context canceled type=canceled"},
		{context.DeadlineExceeded, "timeout", "error=context deadline exceeded type=timeout"},
		{fmt.Errorf("driver: %w", context.Canceled), "timeout", "error=driver: context canceled type=timeout"},
		{&codeError{"57014"}, "canceled", "error=error 57014 type=canceled status_code=57014"},
		{&codeError{"57014"}, "timeout", "error=error 57014 type=timeout status_code=57014"},
		{&codeError{"57014"}, "", "error=error 57014 type=57014 status_code=57014"},
		{&codeError{"23505"}, "canceled", "error=error 23505 type=23505 status_code=23505"},
		{context.Canceled, "", "error=context canceled type=canceled"},
		{io.EOF, "", "error=EOF type=EOF"},
		{io.ErrUnexpectedEOF, "", "error=unexpected EOF type=EOF"},
		{sql.ErrNoRows, "", ""},
		{driver.ErrBadConn, "", "bad_conn=true"},
		{driver.ErrBadConn, "canceled", "error=driver: bad connection type=canceled bad_conn=true"},
		{fmt.Errorf("driver: %w", driver.ErrBadConn), "timeout", "error=driver: driver: bad connection type=timeout bad_conn=true"},
	} {
		b := newBench(t, sqltable.NewFake(), nil)
		conn, err := b.db.Conn(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(b.ctx)
		switch test.ends {
		case "canceled":
			cancel()
		case "timeout":
			ctx, cancel = context.WithTimeout(b.ctx, -1)
		}
		b.Fail("ExecContext", test.err)
		if _, err := conn.ExecContext(ctx, "CALL x"); !errors.Is(err, test.err) || fmt.Sprintf("%T", err) != fmt.Sprintf("%T", test.err) {
			t.Errorf("%v was returned as %v", test.err, err)
		}
		want := "CALL"
		if test.want != "" {
			want += " " + test.want
		}
		b.want(t, want)
		cancel()
		conn.Close()
	}
}

// A query without rows does not fail, although QueryRow returns an error.
func TestNoRows(t *testing.T) {
	f := sqltable.NewFake()
	f.RowCount = -1
	b := newBench(t, f, nil)
	var x, y any
	if err := b.db.QueryRowContext(b.ctx, selectSeats, 1).Scan(&x, &y); err != sql.ErrNoRows {
		t.Error(err)
	}
	l := b.want(t, "SELECT seats returned_rows=0")[0]
	if l["db.response.first_row_ms"] != nil || l.text("level") != "INFO" {
		t.Errorf("%v", map[string]any(l))
	}
}

// An error while rows are read or closed fails the span.
func TestRowsFail(t *testing.T) {
	for _, test := range []struct{ call, want string }{
		{"Next", "SELECT seats error=error 40001 type=40001 status_code=40001 returned_rows=0"},
		{"Rows.Close", "SELECT seats error=error 40001 type=40001 status_code=40001 returned_rows=1"},
	} {
		b := newBench(t, sqltable.NewFake(), nil)
		b.Fail(test.call, &codeError{"40001"})
		rows, err := b.db.QueryContext(b.ctx, selectSeats, 1)
		if err != nil {
			t.Fatal(err)
		}
		rows.Next()
		rows.Close()
		b.want(t, test.want)
	}
}
