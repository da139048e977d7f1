package tracesql

import (
	"bytes"
	"context"
	"database/sql"
	"database/sql/driver"
	"encoding/json"
	"errors"
	"fmt"
	"runtime"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/slogtrace/slogtrace"
	"github.com/slogtrace/slogtrace/internal/sqltable"
	"github.com/slogtrace/slogtrace/tracetest"
)

// A line is a parsed record.
type line map[string]any

func (l line) text(key string) string {
	if l[key] == nil {
		return ""
	}
	return fmt.Sprint(l[key])
}

// String returns the op, the error and the other members about the outcome.
func (l line) String() string {
	s := l.text("op")
	for _, key := range []string{"error", "error.type", "db.response.status_code", "db.bad_conn", "db.attempt", "db.response.returned_rows",
		"db.response.affected_rows", "db.transaction.outcome"} {
		if l[key] != nil {
			s += fmt.Sprintf(" %s=%v", key[strings.LastIndex(key, ".")+1:], l[key])
		}
	}
	return s
}

// A codeError is a database's error with a code.
type codeError struct{ code string }

func (e *codeError) Error() string    { return "error " + e.code }
func (e *codeError) SQLState() string { return e.code }

// A bench is a traced Fake and the records of its spans.
type bench struct {
	*sqltable.Fake
	db   *sql.DB
	rec  *tracetest.Recorder
	ctx  context.Context // in root
	root *slogtrace.Span
}

func newBench(t *testing.T, f *sqltable.Fake, opts *Options) *bench {
	t.Helper()
	var o Options
	if opts != nil {
		o = *opts
	}
	b := &bench{Fake: f, rec: tracetest.NewRecorder()}
	if o.Tracer == nil {
		o.Tracer = slogtrace.NewTracer(b.rec, nil)
	}
	b.db = sql.OpenDB(Wrap(f, &o))
	b.db.SetMaxOpenConns(1)
	t.Cleanup(func() { b.db.Close() })
	if err := b.db.Ping(); err != nil {
		t.Fatal(err)
	}
	b.ctx, b.root = o.Tracer.Start(t.Context(), "root")
	return b
}

// lines returns the records so far.
func (b *bench) lines(t *testing.T) (lines []line) {
	t.Helper()
	for text := range bytes.Lines(b.rec.Lines()) {
		var l line
		if err := json.Unmarshal(text, &l); err != nil {
			t.Fatalf("%s: %v", text, err)
		}
		lines = append(lines, l)
	}
	return lines
}

// want compares the spans, in the order of their ends. It also checks that their parent is root and their kind is client.
func (b *bench) want(t *testing.T, want ...string) (lines []line) {
	t.Helper()
	lines = b.lines(t)
	var got []string
	for _, l := range lines {
		got = append(got, l.String())
		if parent := b.root.SpanContext().SpanID.String(); l.text("parent") != parent {
			t.Errorf("%s: the parent is %q, want %q", l, l.text("parent"), parent)
		}
		if l.text("kind") != "client" {
			t.Errorf("%s: kind %q", l, l.text("kind"))
		}
	}
	if strings.Join(got, "\n") != strings.Join(want, "\n") {
		t.Errorf("got\n\t%s\nwant\n\t%s", strings.Join(got, "\n\t"), strings.Join(want, "\n\t"))
	}
	return lines
}

const selectSeats = "SELECT seat FROM seats WHERE id = ?"

func (b *bench) query(t *testing.T, ctx context.Context, query string, args ...any) {
	t.Helper()
	rows, err := b.db.QueryContext(ctx, query, args...)
	if err != nil {
		t.Fatal(err)
	}
	for rows.Next() {
	}
	if err := errors.Join(rows.Err(), rows.Close()); err != nil {
		t.Fatal(err)
	}
}

func TestQuery(t *testing.T) {
	b := newBench(t, sqltable.NewFake(), &Options{System: "postgresql", Server: "db.internal:5432", Namespace: "app"})
	b.query(t, b.ctx, "SELECT seat FROM seats WHERE id = $1 AND name = 'ann' -- for ann", 1)
	l := b.want(t, "SELECT seats returned_rows=2")[0]
	for key, want := range map[string]string{
		"db.system.name": "postgresql", "db.operation.name": "SELECT", "db.collection.name": "seats", "db.namespace": "app",
		"db.query.text": "SELECT seat FROM seats WHERE id = $1 AND name = ?", "server.address": "db.internal", "server.port": "5432",
	} {
		if l.text(key) != want {
			t.Errorf("%s is %q, want %q", key, l.text(key), want)
		}
	}
	if strings.Contains(string(b.rec.Lines()), "ann") || l["db.query.parameter.0"] != nil {
		t.Errorf("a value is in %v", l)
	}
}

// The span lasts until the rows are closed. Its attributes say how much time was spent where.
func TestRowTimes(t *testing.T) {
	for _, timed := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			f := sqltable.NewFake()
			f.Block = make(chan struct{})
			b := newBench(t, f, &Options{RowTimes: timed})
			defer b.db.Close()
			rows, err := b.db.QueryContext(b.ctx, selectSeats, 1)
			if err != nil {
				t.Fatal(err)
			}
			time.Sleep(5 * time.Millisecond) // the application's time
			go func() {
				for range 2 {
					time.Sleep(10 * time.Millisecond)
					f.Block <- struct{}{}
				}
			}()
			rows.Next()
			rows.Next()
			time.Sleep(3 * time.Millisecond)
			b.want(t)
			rows.Close()
			l := b.want(t, "SELECT seats returned_rows=2")[0]
			if got, want := l.text("duration_ms")+" "+l.text("db.response.first_row_ms"), "28 15"; got != want {
				t.Errorf("duration and first row: %s, want %s", got, want)
			}
			want := " "
			if timed {
				want = "20 3"
			}
			if got := l.text("db.response.next_ms") + " " + l.text("db.response.between_ms"); got != want {
				t.Errorf("in Next and between: %q, want %q", got, want)
			}
		})
	}
}

func TestExec(t *testing.T) {
	b := newBench(t, sqltable.NewFake(), nil)
	if _, err := b.db.ExecContext(b.ctx, "UPDATE seats SET holder = ?", "ann"); err != nil {
		t.Fatal(err)
	}
	b.want(t, "UPDATE seats affected_rows=3")
}

// A call for which the driver returns ErrSkip is one span, and it does not fail.
func TestSkip(t *testing.T) {
	for _, f := range []*sqltable.Fake{sqltable.NewFake(), {ConnBits: sqltable.HasExecer | sqltable.HasQueryer}, {ConnBits: sqltable.HasOldExecer | sqltable.HasOldQueryer, StmtBits: sqltable.AllStmtBits}} {
		b := newBench(t, f, &Options{Args: true, Prepares: true})
		b.query(t, b.ctx, "SELECT skip FROM seats WHERE id = ?", 1)
		if _, err := b.db.ExecContext(b.ctx, "UPDATE seats SET skip = ?", 2); err != nil {
			t.Fatal(err)
		}
		lines := b.lines(t)
		if len(lines) != 2 || lines[0].String() != "SELECT seats returned_rows=2" || !strings.HasPrefix(lines[1].String(), "UPDATE seats affected_rows=") {
			t.Errorf("%v: %v", f, lines)
		}
		for i, l := range lines {
			if l.text("db.query.parameter.0") != fmt.Sprint(i+1) {
				t.Errorf("%v: %v", f, l)
			}
		}
		for _, call := range f.Calls() {
			if strings.HasPrefix(call, "Prepare ") && f.Preparer {
				t.Error(call)
			}
		}
	}
}

// A skipped call whose prepare fails, or whose arguments the statement does not take, is one failed span.
func TestSkipFails(t *testing.T) {
	b := newBench(t, sqltable.NewFake(), nil)
	b.Fail("PrepareContext", &codeError{"42601"})
	_, err := b.db.QueryContext(b.ctx, "SELECT skip FROM seats")
	_, err2 := b.db.ExecContext(b.ctx, "SELECT skip FROM seats WHERE a = ? AND b = ?", 1)
	_, err3 := b.db.ExecContext(b.ctx, "SELECT skip", 1) // the statement has no parameters
	if err == nil || err2 == nil || err3 == nil {
		t.Error(err, err2, err3)
	}
	b.want(t, "SELECT seats error=error 42601 type=42601 status_code=42601",
		"SELECT seats error=prepared, but not executed type=not_executed",
		"SELECT error=prepared, but not executed type=not_executed")
}

// A call that follows a skipped one does not continue its span.
func TestSkipDropped(t *testing.T) {
	b := newBench(t, sqltable.NewFake(), nil)
	conn, err := Wrap(b.Fake, &Options{Tracer: slogtrace.NewTracer(b.rec, nil)}).Connect(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := conn.(driver.ExecerContext).ExecContext(b.ctx, "UPDATE skip", nil); err != driver.ErrSkip {
		t.Fatal(err)
	}
	if _, err := conn.(driver.ExecerContext).ExecContext(b.ctx, "UPDATE seats", nil); err != nil {
		t.Fatal(err)
	}
	if _, err := conn.(driver.ExecerContext).ExecContext(b.ctx, "UPDATE skip", nil); err != driver.ErrSkip {
		t.Fatal(err)
	}
	conn.Close()
	b.want(t, "UPDATE skip error=prepared, but not executed type=not_executed", "UPDATE seats affected_rows=3",
		"UPDATE skip error=prepared, but not executed type=not_executed")
}

func TestStatement(t *testing.T) {
	for _, f := range []*sqltable.Fake{sqltable.NewFake(), {}} { // the second fake has no methods with a context
		b := newBench(t, f, nil)
		ctx, prepareSpan := slogtrace.Start(b.ctx, "prepare")
		canceled, cancel := context.WithCancel(ctx)
		stmt, err := b.db.PrepareContext(canceled, selectSeats)
		if err != nil {
			t.Fatal(err)
		}
		cancel() // the context of a prepare is never used later
		for range 2 {
			var seat int
			var name string
			if err := stmt.QueryRowContext(b.ctx, 1).Scan(&seat, &name); err != nil {
				t.Fatal(err)
			}
		}
		if _, err := stmt.ExecContext(b.ctx, 1); err != nil {
			t.Fatal(err)
		}
		affected := 6
		if f.ConnBits == 0 {
			affected = 5
		}
		b.want(t, "SELECT seats returned_rows=1", "SELECT seats returned_rows=1", fmt.Sprint("SELECT seats affected_rows=", affected))
		n := 0
		for _, ctx := range f.Contexts() {
			if ctx.Err() != nil || slogtrace.SpanFromContext(ctx) == prepareSpan {
				n++
			}
		}
		want := 0
		if f.Preparer {
			want = 2 // ResetSession and PrepareContext
		}
		if n != want {
			t.Errorf("%d calls had the context of the prepare, want %d", n, want)
		}
	}
}

// With a driver without contexts, each query is still one span, and its parent is right.
func TestOldDriver(t *testing.T) {
	for _, f := range []*sqltable.Fake{{}, {ConnBits: sqltable.HasOldExecer | sqltable.HasOldQueryer}} {
		b := newBench(t, f, nil)
		b.query(t, b.ctx, selectSeats, 1)
		if _, err := b.db.ExecContext(b.ctx, "DELETE FROM seats"); err != nil {
			t.Fatal(err)
		}
		tx, err := b.db.BeginTx(b.ctx, nil)
		if err != nil {
			t.Fatal(err)
		}
		if err := tx.Rollback(); err != nil {
			t.Fatal(err)
		}
		n := 5
		if f.ConnBits != 0 {
			n = 4
		}
		b.want(t, "SELECT seats returned_rows=2", fmt.Sprint("DELETE seats affected_rows=", n), "BEGIN", "ROLLBACK")
	}
}

func TestPrepare(t *testing.T) {
	for _, opts := range []*Options{nil, {Prepares: true}} {
		b := newBench(t, sqltable.NewFake(), opts)
		stmt, err := b.db.PrepareContext(b.ctx, selectSeats)
		if err != nil {
			t.Fatal(err)
		}
		stmt.Close()
		b.Fail("PrepareContext", &codeError{"42P01"})
		if _, err := b.db.PrepareContext(b.ctx, selectSeats); err == nil {
			t.Fatal("no error")
		}
		want := []string{"PREPARE error=error 42P01 type=42P01 status_code=42P01"}
		if opts != nil {
			want = []string{"PREPARE", want[0]}
		}
		if l := b.want(t, want...)[0]; l.text("db.query.text") != selectSeats || l.text("db.operation.name") != "PREPARE" {
			t.Error(l)
		}
	}
}

// The span of a failed prepare has the right start and duration, although it is started after the prepare.
func TestPrepareDuration(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, &sqltable.Fake{}, nil)
		defer b.db.Close()
		p := (&conn{config: Wrap(b.Fake, &Options{Tracer: slogtrace.NewTracer(b.rec, nil)}).(*connector).config}).startPrepare(b.ctx, selectSeats)
		time.Sleep(7 * time.Millisecond)
		p.end(sqltable.ErrBroken)
		l := b.lines(t)[0]
		start, err := time.Parse(time.RFC3339Nano, l.text("start"))
		if err != nil || !start.Equal(time.Now().Add(-7*time.Millisecond)) || l.text("duration_ms") != "7" {
			t.Errorf("%v %v", l, err)
		}
	})
}

// Calls outside a trace have no spans. Pings, resets and closes never have any.
func TestNoSpan(t *testing.T) {
	b := newBench(t, sqltable.NewFake(), nil)
	b.query(t, t.Context(), selectSeats, 1)
	b.query(t, t.Context(), "SELECT skip FROM t")
	if _, err := b.db.Exec("DELETE FROM seats"); err != nil {
		t.Fatal(err)
	}
	tx, err := b.db.Begin()
	if err != nil {
		t.Fatal(err)
	}
	tx.Commit()
	stmt, err := b.db.Prepare(selectSeats)
	if err != nil {
		t.Fatal(err)
	}
	stmt.Exec(1)
	stmt.Close()
	if err := b.db.PingContext(b.ctx); err != nil {
		t.Fatal(err)
	}
	b.db.SetMaxIdleConns(0)
	b.want(t)

	remote := slogtrace.ContextWithRemoteSpanContext(t.Context(), b.root.SpanContext())
	if _, err := b.db.ExecContext(remote, "DELETE FROM seats"); err != nil {
		t.Fatal(err)
	}
	if lines := b.lines(t); len(lines) != 2 { // and CONNECT
		t.Errorf("below a remote parent: %v", lines)
	}
}

func TestNewTraces(t *testing.T) {
	b := newBench(t, sqltable.NewFake(), &Options{NewTraces: true})
	b.db.Exec("DELETE FROM seats")
	lines := b.lines(t) // the ping of newBench opened the connection
	if len(lines) != 2 || lines[0].text("op") != "CONNECT" || lines[1].text("op") != "DELETE seats" || lines[1]["parent"] != nil ||
		lines[0].text("trace") == lines[1].text("trace") {
		t.Errorf("%v", lines)
	}
}

func TestArgs(t *testing.T) {
	b := newBench(t, sqltable.NewFake(), &Options{Args: true})
	when := time.Date(2026, 11, 29, 12, 0, 0, 0, time.UTC)
	args := []any{1, 2.5, true, "it's", []byte("raw"), when, nil, sql.Named("seat", "12A"), strings.Repeat("é", 300), sqltable.Custom{N: 9}}
	if _, err := b.db.ExecContext(b.ctx, "UPDATE t", args...); err != nil {
		t.Fatal(err)
	}
	l := b.lines(t)[0]
	for key, want := range map[string]string{"0": "1", "1": "2.5", "2": "true", "3": "it's", "4": "raw", "5": "2026-11-29T12:00:00Z", "6": "NULL",
		"seat": "12A", "8": strings.Repeat("é", 126) + "…", "9": "9"} {
		if got := l.text("db.query.parameter." + key); got != want {
			t.Errorf("%s: %q, want %q", key, got, want)
		}
	}
	many := make([]any, 100)
	for i := range many {
		many[i] = i
	}
	b.db.ExecContext(b.ctx, "UPDATE t", many...)
	if n := strings.Count(fmt.Sprint(map[string]any(b.lines(t)[1])), "db.query.parameter."); n != maxArgs {
		t.Errorf("%d arguments are recorded", n)
	}
}

// Rows may be read in another goroutine and after their parent has ended.
func TestRowsElsewhere(t *testing.T) {
	b := newBench(t, sqltable.NewFake(), nil)
	rows, err := b.db.QueryContext(b.ctx, selectSeats, 1)
	if err != nil {
		t.Fatal(err)
	}
	b.root.End()
	var wg sync.WaitGroup
	wg.Go(func() {
		for rows.Next() {
		}
	})
	wg.Wait()
	for _, l := range b.lines(t) {
		if l.text("op") == "SELECT seats" && l.text("parent") != b.root.SpanContext().SpanID.String() {
			t.Error(l)
		}
	}
	if n := len(b.lines(t)); n != 2 {
		t.Errorf("%d lines", n)
	}
}

func TestSeveralResultSets(t *testing.T) {
	f := sqltable.NewFake()
	f.RowsBits, f.MoreSets = sqltable.HasNextResultSet, 2
	b := newBench(t, f, nil)
	rows, err := b.db.QueryContext(b.ctx, "CALL report()")
	if err != nil {
		t.Fatal(err)
	}
	for more := true; more; more = rows.NextResultSet() {
		b.want(t)
		for rows.Next() {
		}
	}
	b.want(t, "CALL returned_rows=6")
}

// Rows that are never closed are reported when they are garbage.
func TestLeakedRows(t *testing.T) {
	f := sqltable.NewFake()
	b := newBench(t, f, nil)
	b.db.SetMaxOpenConns(0)
	ctx := context.WithoutCancel(b.ctx)
	func() {
		rows, err := b.db.QueryContext(ctx, selectSeats, 1)
		if err != nil {
			t.Fatal(err)
		}
		rows.Next()
	}()
	for deadline := time.Now().Add(time.Minute); len(b.lines(t)) == 0 && time.Now().Before(deadline); {
		runtime.GC()
		time.Sleep(time.Millisecond)
	}
	b.want(t, "SELECT seats error=rows were never closed type=rows_not_closed returned_rows=1")
}

// Rows that are never closed are also reported when their context or transaction ends, since database/sql closes them then.
func TestLeakedRowsContext(t *testing.T) {
	for _, test := range []struct{ kind, want string }{
		{"cancel", "SELECT seats error=rows were never closed type=canceled returned_rows=1"},
		{"timeout", "SELECT seats error=rows were never closed type=timeout returned_rows=1"},
		{"transaction", "BEGIN\nSELECT seats error=rows were never closed type=rows_not_closed returned_rows=1\nROLLBACK"},
		{"closed", "SELECT seats returned_rows=1"},
		{"closed after", "SELECT seats returned_rows=1"},
		{"one row", "SELECT seats returned_rows=1"},
		{"read", "SELECT seats error=context canceled type=canceled returned_rows=1"},
	} {
		synctest.Test(t, func(t *testing.T) {
			b := newBench(t, sqltable.NewFake(), nil)
			defer b.db.Close()
			ctx, cancel := context.WithTimeout(b.ctx, time.Second)
			defer cancel()
			type queryer interface {
				QueryContext(context.Context, string, ...any) (*sql.Rows, error)
			}
			var q queryer = b.db
			if test.kind == "transaction" {
				tx, err := b.db.BeginTx(ctx, nil)
				if err != nil {
					t.Fatal(err)
				}
				defer tx.Rollback()
				q = tx
			}
			rows, err := q.QueryContext(ctx, selectSeats, 1)
			if err != nil {
				t.Fatal(err)
			}
			rows.Next()
			switch test.kind {
			case "cancel":
				cancel()
			case "timeout":
				time.Sleep(2 * time.Second)
			case "transaction":
				q.(*sql.Tx).Rollback()
			case "closed":
				rows.Close()
				cancel()
			case "closed after":
				cancel()
				rows.Close()
			case "one row":
				rows.Close()
			case "read":
				b.Fail("Next", context.Canceled)
				cancel()
				rows.Next()
			}
			synctest.Wait()
			got := ""
			for _, l := range b.lines(t) {
				got += "\n" + l.String()
			}
			if got = strings.TrimPrefix(got, "\n"); got != test.want && test.kind != "closed after" && test.kind != "read" {
				t.Errorf("%s: got\n%s\nwant\n%s", test.kind, got, test.want)
			}
		})
	}
}

func TestConnect(t *testing.T) {
	b := newBench(t, sqltable.NewFake(), nil)
	b.db.SetMaxIdleConns(0)
	b.db.SetMaxIdleConns(2) // the idle one is closed
	b.query(t, b.ctx, selectSeats, 1)
	b.want(t, "CONNECT", "SELECT seats returned_rows=2")
	b.db.SetMaxIdleConns(0)
	b.Fail("Connect", sqltable.ErrBroken)
	if _, err := b.db.QueryContext(b.ctx, selectSeats, 1); err != sqltable.ErrBroken {
		t.Error(err)
	}
	b.want(t, "CONNECT", "SELECT seats returned_rows=2", "CONNECT error=broken type=*errors.errorString")
}

// The driver gets the query's context, with the span.
func TestContext(t *testing.T) {
	b := newBench(t, sqltable.NewFake(), nil)
	type key struct{}
	b.query(t, context.WithValue(b.ctx, key{}, "v"), selectSeats, 1)
	all := b.Contexts()
	last := all[len(all)-1]
	if span := slogtrace.SpanFromContext(last); span.Op() != "SELECT seats" || last.Value(key{}) != "v" {
		t.Errorf("the driver had a context of the span %v", span)
	}
}
