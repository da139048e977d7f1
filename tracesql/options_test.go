package tracesql

import (
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/slogtrace/slogtrace"
	"github.com/slogtrace/slogtrace/internal/sqltable"
)

func TestOpen(t *testing.T) {
	f := sqltable.NewFake()
	sql.Register("tracesql-fake", f.Driver())
	sql.Register("tracesql-context", &contextDriver{f: f})
	for _, name := range []string{"tracesql-fake", "tracesql-context"} {
		b := newBench(t, f, nil)
		opts := &Options{Tracer: Wrap(f, &Options{Tracer: slogtrace.NewTracer(b.rec, nil)}).(*connector).config.opts.Tracer}
		db, err := Open(name, "postgres://ann:secret@db.internal:5432/app", opts)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := db.ExecContext(b.ctx, "DELETE FROM t"); err != nil {
			t.Fatal(err)
		}
		db.Close()
		lines := b.lines(t)
		if len(lines) != 2 || lines[1].text("server.address") != "db.internal" || strings.Contains(string(b.rec.Lines()), "secret") || opts.Server != "" {
			t.Errorf("%s", b.rec.Lines())
		}
	}
	if _, err := Open("tracesql-context", "bad", nil); err != sqltable.ErrBroken {
		t.Error(err)
	}
	_, err := Open("tracesql-none", "", nil)
	if _, want := sql.Open("tracesql-none", ""); err == nil || err.Error() != want.Error() {
		t.Errorf("%v, want %v", err, want)
	}
}

type contextDriver struct{ f *sqltable.Fake }

func (d *contextDriver) Open(string) (driver.Conn, error) {
	return nil, errors.New("called Open instead of OpenConnector")
}
func (d *contextDriver) OpenConnector(dsn string) (driver.Connector, error) {
	if dsn == "bad" {
		return nil, sqltable.ErrBroken
	}
	return d.f, nil
}

func TestServerOf(t *testing.T) {
	for _, test := range []struct{ dsn, want string }{
		{"postgres://u:p@db:5432/app?sslmode=disable", "db:5432"},
		{"postgres://u:p@[::1]:5432/app", "[::1]:5432"},
		{"postgres://u:p@a,b/app", ""},
		{"postgres://u:p%zz@db/app", ""},
		{"u:p@tcp(db:3306)/app?parseTime=true", "db:3306"},
		{"u:x@tcp(secret)/y@tcp(db:3306)/app", "db:3306"},
		{"u:p@unix(/run/mysqld.sock)/app", ""},
		{"host=db port=5432 user=u password=p", "db:5432"},
		{"user=u host=db password=p", "db"},
		{"host=/run/postgresql user=u", ""},
		{"password='host=secret' user=u", ""},
		{"file:app.db", ""},
		{":memory:", ""},
		{"", ""},
	} {
		if got := serverOf(test.dsn); got != test.want {
			t.Errorf("%s: %q, want %q", test.dsn, got, test.want)
		}
	}
	for _, test := range []struct{ in, host, port string }{
		{"db", "db", "0"}, {"db:5432", "db", "5432"}, {"[::1]:1", "::1", "1"}, {"::1", "::1", "0"}, {"[::1]", "::1", "0"}, {"db:http", "db", "0"}, {"db:99999", "db", "0"},
	} {
		if host, port := splitServer(test.in); host != test.host || fmt.Sprint(port) != test.port {
			t.Errorf("%s: %s %d", test.in, host, port)
		}
	}
}

func TestSystem(t *testing.T) {
	if got := systemOf(sqltable.NewFake().Driver()); got != otherSystem {
		t.Error(got)
	}
	if got := systemOf(nil); got != otherSystem {
		t.Error(got)
	}
	b := newBench(t, sqltable.NewFake(), &Options{System: "mysql", NoText: true})
	b.query(t, b.ctx, "SELECT \"x\" FROM `seats`")
	if l := b.lines(t)[0]; l.text("db.system.name") != "mysql" || l.text("op") != "SELECT seats" || l["db.query.text"] != nil {
		t.Errorf("%v", map[string]any(l))
	}
}

// The number of ops and the size of the cache are bounded.
func TestBounds(t *testing.T) {
	c := newConfig(nil, nil)
	ops := make(map[string]bool)
	for i := range 5000 {
		st := c.texts.statementOf(fmt.Sprintf("SELECT a FROM t%d %s", i, strings.Repeat("x", i%500)))
		ops[st.op] = true
		if n := len(c.texts.young) + len(c.texts.old); n > maxCached || c.texts.bytes > maxBytes/2 {
			t.Fatalf("%d texts, %d bytes", n, c.texts.bytes)
		}
	}
	if len(ops) != maxTables+1 || !ops["SELECT"] {
		t.Errorf("%d ops", len(ops))
	}
	before := len(c.texts.young)
	c.texts.statementOf("SELECT " + strings.Repeat("x", maxCachedLen))
	if len(c.texts.young) != before {
		t.Error("a long text is kept")
	}
}

// A text stays in the cache while it is in use, also in the old half. Op is called once for it.
func TestCache(t *testing.T) {
	calls := 0
	c := newConfig(nil, &Options{Op: func(query string) string {
		if query == "SELECT mine" {
			calls++
			return "mine"
		}
		return ""
	}})
	for i := range 5 * maxCached {
		if st := c.texts.statementOf("SELECT mine"); st.op != "mine" {
			t.Fatal(st.op)
		}
		if st := c.texts.statementOf(fmt.Sprint("SELECT ", i)); st.op != "SELECT" {
			t.Fatal(st.op)
		}
	}
	if calls != 1 {
		t.Errorf("Op was called %d times", calls)
	}
	if op := c.texts.statementOf("frobnicate").op; op != "QUERY" {
		t.Error(op)
	}
}

func TestConcurrentUse(t *testing.T) {
	b := newBench(t, sqltable.NewFake(), &Options{Transactions: true, RowTimes: true})
	b.db.SetMaxOpenConns(4)
	var wg sync.WaitGroup
	for i := range 8 {
		wg.Go(func() {
			for j := range 50 {
				rows, err := b.db.QueryContext(b.ctx, fmt.Sprintf("SELECT a FROM t%d", i*j))
				if err != nil {
					t.Error(err)
					return
				}
				for rows.Next() {
				}
				rows.Close()
				tx, err := b.db.BeginTx(b.ctx, nil)
				if err != nil {
					t.Error(err)
					return
				}
				tx.ExecContext(b.ctx, "UPDATE t SET a = 1")
				tx.Commit()
			}
		})
	}
	wg.Wait()
}

type mysqlError struct {
	Number  uint16
	Message string
}

func (e *mysqlError) Error() string { return e.Message }

type sqliteError struct{ code int }

func (e *sqliteError) Error() string { return "sqlite" }
func (e *sqliteError) Code() int     { return e.code }

type mssqlError struct{}

func (mssqlError) Error() string         { return "mssql" }
func (mssqlError) SQLErrorNumber() int32 { return 208 }

type numberError struct{ Number string }

func (*numberError) Error() string { return "not a code" }

func TestStatusCode(t *testing.T) {
	for _, test := range []struct {
		err  error
		want string
	}{
		{&codeError{"23505"}, "23505"}, {fmt.Errorf("x: %w", &codeError{"23505"}), "23505"}, {&mysqlError{1062, "dup"}, "1062"},
		{fmt.Errorf("x: %w", &mysqlError{1062, "dup"}), "1062"}, {&sqliteError{19}, "19"}, {mssqlError{}, "208"}, {sqltable.ErrBroken, ""}, {&numberError{"x"}, ""},
		{(*mysqlError)(nil), ""},
	} {
		if got := statusCode(test.err); got != test.want {
			t.Errorf("%T: %q, want %q", test.err, got, test.want)
		}
	}
	b := newBench(t, sqltable.NewFake(), &Options{StatusCode: func(err error) string { return "E1" }})
	b.Fail("ExecContext", sqltable.ErrBroken)
	b.db.ExecContext(b.ctx, "DELETE FROM t")
	b.want(t, "DELETE t error=broken type=E1 status_code=E1")
}
