package tracesql

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"io"
	"math"
	"testing"

	"github.com/slogtrace/slogtrace"
	"github.com/slogtrace/slogtrace/internal/racetest"
)

// An idle driver does nothing and allocates as little as possible.
type idle struct{ old bool }

func (d *idle) Driver() driver.Driver { return nil }
func (d *idle) Connect(context.Context) (driver.Conn, error) {
	if d.old {
		return &oldIdleConn{}, nil
	}
	return &idleConn{}, nil
}

type oldIdleConn struct{}

func (*oldIdleConn) Prepare(string) (driver.Stmt, error) { return idleStmt, nil }
func (*oldIdleConn) Close() error                        { return nil }
func (*oldIdleConn) Begin() (driver.Tx, error)           { return nil, io.EOF }

// Exec and Query have no context.
func (*oldIdleConn) Exec(query string, _ []driver.Value) (driver.Result, error) {
	if query == "skip" {
		return nil, driver.ErrSkip
	}
	return driver.ResultNoRows, nil
}
func (*oldIdleConn) Query(query string, _ []driver.Value) (driver.Rows, error) {
	if query == "skip" {
		return nil, driver.ErrSkip
	}
	return &idleRows{}, nil
}

type idleConn struct{ oldIdleConn }

func (*idleConn) PrepareContext(context.Context, string) (driver.Stmt, error) { return idleStmt, nil }
func (c *idleConn) ExecContext(_ context.Context, query string, _ []driver.NamedValue) (driver.Result, error) {
	return c.Exec(query, nil)
}
func (c *idleConn) QueryContext(_ context.Context, query string, _ []driver.NamedValue) (driver.Rows, error) {
	return c.Query(query, nil)
}

type idleStatement struct{}

var idleStmt driver.Stmt = &idleStatement{}

func (*idleStatement) Close() error                               { return nil }
func (*idleStatement) NumInput() int                              { return -1 }
func (*idleStatement) Exec([]driver.Value) (driver.Result, error) { return driver.ResultNoRows, nil }
func (*idleStatement) Query([]driver.Value) (driver.Rows, error)  { return &idleRows{}, nil }

type idleRows struct{ n int }

func (*idleRows) Columns() []string { return nil }
func (*idleRows) Close() error      { return nil }
func (r *idleRows) Next([]driver.Value) error {
	if r.n++; r.n > 2 {
		return io.EOF
	}
	return nil
}

// idleWork returns the calls whose allocations are counted.
func idleWork(tb testing.TB, db *sql.DB) map[string]func(context.Context) {
	stmt, err := db.Prepare("SELECT a FROM t")
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { stmt.Close(); db.Close() })
	read := func(rows *sql.Rows, err error) {
		if err != nil {
			tb.Fatal(err)
		}
		for rows.Next() {
		}
		rows.Close()
	}
	return map[string]func(context.Context){
		"query":      func(ctx context.Context) { read(db.QueryContext(ctx, "SELECT a FROM t WHERE b = ?", "x")) },
		"exec":       func(ctx context.Context) { db.ExecContext(ctx, "UPDATE t SET a = ?", "x") },
		"stmt query": func(ctx context.Context) { read(stmt.QueryContext(ctx, "x")) },
		"stmt exec":  func(ctx context.Context) { stmt.ExecContext(ctx, "x") },
		"skip query": func(ctx context.Context) { read(db.QueryContext(ctx, "skip", "x")) },
		"skip exec":  func(ctx context.Context) { db.ExecContext(ctx, "skip", "x") },
	}
}

// Outside a trace nothing is allocated for a query, an exec or the use of a statement.
func TestAllocs(t *testing.T) {
	racetest.SkipAllocs(t)
	for _, old := range []bool{false, true} {
		want := idleWork(t, sql.OpenDB(&idle{old}))
		for name, work := range idleWork(t, sql.OpenDB(Wrap(&idle{old}, nil))) {
			// A busy machine sometimes adds allocations to either count. It never takes any away.
			bare, wrapped := math.Inf(1), math.Inf(1)
			for round := 0; round < 20 && (round < 3 || wrapped > bare); round++ {
				bare = min(bare, testing.AllocsPerRun(200, func() { want[name](t.Context()) }))
				wrapped = min(wrapped, testing.AllocsPerRun(200, func() { work(t.Context()) }))
			}
			if wrapped > bare {
				t.Errorf("old driver %t, %s: %v allocations, want at most %v", old, name, wrapped, bare)
			}
		}
	}
}

func BenchmarkQuery(b *testing.B) { benchmark(b, "query") }
func BenchmarkExec(b *testing.B)  { benchmark(b, "exec") }

func benchmark(b *testing.B, name string) {
	tracer := slogtrace.NewTracer(slogtrace.NewJSONHandler(io.Discard, nil), nil)
	ctx, span := tracer.Start(b.Context(), "root")
	defer span.End()
	for _, test := range []struct {
		name string
		c    driver.Connector
		ctx  context.Context
	}{{"bare", &idle{}, b.Context()}, {"untraced", Wrap(&idle{}, nil), b.Context()}, {"traced", Wrap(&idle{}, nil), ctx}} {
		work := idleWork(b, sql.OpenDB(test.c))[name]
		b.Run(test.name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				work(test.ctx)
			}
		})
	}
}
