package interop

import (
	"context"
	"database/sql"
	sqldriver "database/sql/driver"
	"encoding/json"
	"fmt"
	"net"
	"net/url"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/stdlib"
	"github.com/lib/pq"

	"github.com/slogtrace/slogtrace"
	"github.com/slogtrace/slogtrace/tracesql"
)

// unpinged returns a connector that does not ping: pgx would, on connections that were idle for a second.
// dialed, if not nil, gets each connection to the server.
func unpinged(dialed func(net.Conn)) func(s *pgSession, dsn string) sqldriver.Connector {
	return func(s *pgSession, dsn string) sqldriver.Connector {
		if s.Driver != "pgx" {
			c, err := pq.NewConnector(dsn)
			s.Must(err)
			if dialed != nil {
				c.Dialer(pqDialer{dialed})
			}
			return c
		}
		config, err := pgx.ParseConfig(dsn)
		s.Must(err)
		if dial := config.DialFunc; dialed != nil {
			config.DialFunc = func(ctx context.Context, network, addr string) (net.Conn, error) {
				c, err := dial(ctx, network, addr)
				if err == nil {
					dialed(c)
				}
				return c, err
			}
		}
		return stdlib.GetConnector(*config, stdlib.OptionShouldPing(func(context.Context, stdlib.ShouldPingParams) bool { return false }))
	}
}

type pqDialer struct{ dialed func(net.Conn) }

func (d pqDialer) Dial(network, address string) (net.Conn, error) {
	return d.DialTimeout(network, address, 0)
}

func (d pqDialer) DialTimeout(network, address string, timeout time.Duration) (net.Conn, error) {
	c, err := net.DialTimeout(network, address, timeout)
	if err == nil {
		d.dialed(c)
	}
	return c, err
}

// connect opens n connections and leaves them idle.
func connect(s *pgSession, n int) {
	s.Helper()
	var conns []*sql.Conn
	for range n {
		c, err := s.DB.Conn(s.Ctx)
		s.Must(err)
		conns = append(conns, c)
	}
	for _, c := range conns {
		s.Must(c.Close())
	}
}

// When the server ends the backend of a query, lib/pq says that the connection is bad, so database/sql repeats the query,
// whatever the server has already done of it. Each attempt is a span. pgx returns the server's error.
func TestPostgresKilled(t *testing.T) {
	eachPostgresDriver(t, func(t *testing.T, driver string) {
		pgTest{Do: func(s *pgSession) {
			s.Exec(s.Ctx, "CREATE SEQUENCE attempts")
			for i, want := range []string{"the third attempt returns", "none returns"} {
				query := fmt.Sprintf("SELECT CASE WHEN nextval('attempts') < %d THEN pg_sleep(60) END AS nap%d", 3+100*i, i)
				returned := make(chan error, 1)
				go func() {
					_, err := s.DB.ExecContext(s.Ctx, query)
					returned <- err
				}()
				kills := 0
				for done := false; !done; {
					var asleep bool
					s.Must(s.Admin.QueryRow(pgAsleep, s.App, fmt.Sprint("nap", i)).Scan(&asleep))
					if asleep {
						s.Kill()
						kills++
					}
					select {
					case err := <-returned:
						s.Note("%s: %d kills, %v", want, kills, err)
						done = true
					case <-time.After(3 * time.Millisecond):
					}
				}
			}
			s.Exec(s.Ctx, "SELECT 1")
		}}.run(t, driver).Want(t, `
			CONNECT
			CREATE affected 0
			pgx: SELECT !57P01
			pgx: CONNECT
			pgx: SELECT !57P01
			pgx: CONNECT
			postgres: SELECT bad_conn
			postgres: CONNECT
			postgres: SELECT bad_conn attempt 2
			postgres: CONNECT
			postgres: SELECT attempt 3 affected 1
			postgres: SELECT bad_conn
			postgres: CONNECT
			postgres: SELECT bad_conn attempt 2
			postgres: CONNECT
			postgres: SELECT !bad_conn bad_conn attempt 3
			postgres: CONNECT
			SELECT affected 1
		`)
	})
}

// What the drivers say of backends that ended while they were idle is chance: the server's error, one of the network, or
// that the connection is bad. The last attempt's span has failed if the call has.
func TestPostgresKilledIdle(t *testing.T) {
	eachPostgresDriver(t, func(t *testing.T, driver string) {
		var failed []bool // of the calls, in the order of their queries
		traced := pgTest{Pool: 2, Connector: unpinged(nil), Do: func(s *pgSession) {
			connect(s, 2)
			s.Kill()
			failed = nil
			for i := range 3 {
				_, err := s.DB.ExecContext(s.Ctx, fmt.Sprint("SELECT 1 AS call", i))
				failed = append(failed, err != nil)
			}
		}}.run(t, driver)
		call, attempt := 0, 1
		for _, s := range traced.Spans(t) {
			if s.Op == "CONNECT" {
				continue
			}
			if max(s.Attempt, 1) != attempt {
				t.Errorf("want attempt %d: %s", attempt, s.line)
			}
			if attempt++; s.BadConn && s.Error == "" {
				continue
			}
			if failed[call] != (s.Error != "") {
				t.Errorf("failed: %t, but %s", failed[call], s.line)
			}
			call, attempt = call+1, 1
		}
		if call != 3 || failed[2] {
			t.Errorf("%d calls, failed: %t", call, failed)
		}
	})
}

// A connection over which nothing could be sent is bad for both. database/sql repeats the query on another one, which is
// as bad, and then on a new one.
func TestPostgresBroken(t *testing.T) {
	eachPostgresDriver(t, func(t *testing.T, driver string) {
		var (
			mu    sync.Mutex
			conns []net.Conn
		)
		pgTest{Pool: 2, Connector: unpinged(func(c net.Conn) {
			mu.Lock()
			defer mu.Unlock()
			conns = append(conns, c)
		}), Do: func(s *pgSession) {
			hangUp := func() {
				mu.Lock()
				defer mu.Unlock()
				for _, c := range conns {
					c.Close()
				}
				conns = nil
			}
			connect(s, 2)
			hangUp()
			s.Read(s.DB.QueryContext(s.Ctx, "SELECT 1"))
			hangUp()
			s.Exec(s.Ctx, "SELECT 2")
			s.Exec(s.Ctx, "SELECT 3")
		}}.run(t, driver).Want(t, `
			CONNECT
			CONNECT
			SELECT bad_conn
			SELECT bad_conn attempt 2
			CONNECT
			SELECT attempt 3 returned 1
			SELECT bad_conn
			CONNECT
			SELECT attempt 2 affected 1
			SELECT affected 1
		`)
	})
}

// In a transaction nothing is repeated, so the span of each statement fails.
func TestPostgresKilledTransaction(t *testing.T) {
	eachPostgresDriver(t, func(t *testing.T, driver string) {
		pgTest{Do: func(s *pgSession) {
			for _, commit := range []bool{false, true} {
				tx, err := s.DB.BeginTx(s.Ctx, nil)
				s.Must(err)
				name := fmt.Sprint("nap", commit)
				returned := make(chan error, 1)
				go func() {
					_, err := tx.ExecContext(s.Ctx, "SELECT pg_sleep(60) AS "+name)
					returned <- err
				}()
				s.Sleeping(name)
				s.Kill()
				s.Note("%v", <-returned)
				_, err = tx.ExecContext(s.Ctx, "SELECT 2")
				s.Note("%v", err)
				if commit {
					s.Note("%v", tx.Commit())
				} else {
					s.Note("%v", tx.Rollback())
				}
			}
			s.Exec(s.Ctx, "SELECT 3")
		}}.run(t, driver).Want(t, `
			CONNECT
			BEGIN
			pgx: SELECT !57P01
			postgres: SELECT !bad_conn bad_conn
			SELECT !bad_conn bad_conn
			pgx: ROLLBACK !*pgconn.connLockError
			postgres: ROLLBACK !bad_conn bad_conn
			CONNECT
			BEGIN
			pgx: SELECT !57P01
			postgres: SELECT !bad_conn bad_conn
			SELECT !bad_conn bad_conn
			pgx: COMMIT !*pgconn.connLockError
			postgres: COMMIT !bad_conn bad_conn
			CONNECT
			SELECT affected 1
		`)
	})
}

// The end of a backend while rows are read fails their query.
func TestPostgresKilledRows(t *testing.T) {
	eachPostgresDriver(t, func(t *testing.T, driver string) {
		pgTest{Do: func(s *pgSession) {
			// The server sends what fills its buffer: the first row, not all of the second.
			rows, err := s.DB.QueryContext(s.Ctx, "SELECT repeat('x', 20000), CASE WHEN i = 3 THEN pg_sleep(60) END FROM generate_series(1, 3) i")
			s.Must(err)
			s.Note("%t", rows.Next())
			s.Kill()
			n := 0
			for rows.Next() {
				n++
			}
			s.Note("%d %v %v", n, rows.Err(), rows.Close())
		}}.run(t, driver).Want(t, `
			CONNECT
			pgx: SELECT !57P01 returned 2
			postgres: SELECT !bad_conn bad_conn returned 2
		`)
	})
}

// A connection is opened below the span that needs it, also if that fails.
func TestPostgresConnect(t *testing.T) {
	eachPostgresDriver(t, func(t *testing.T, driver string) {
		session := func(s *pgSession) {
			for range 2 {
				func() {
					ctx := s.Ctx
					if s.Traced() {
						inner, span := slogtrace.Start(ctx, "load")
						defer span.End()
						ctx = inner
					}
					s.Exec(ctx, "SELECT 1")
				}()
			}
		}
		pgTest{Do: session}.run(t, driver).WantTree(t, `
			root
			.load
			..CONNECT
			..SELECT
			.load
			..SELECT
		`)
		pgTest{Do: session, Params: url.Values{"search_path": {"public"}, "work_mem": {"none"}}}.run(t, driver).WantTree(t, `
			root
			.load
			..CONNECT
			.load
			..CONNECT
		`)
		pgTest{Do: func(s *pgSession) { s.Exec(s.Ctx, "SELECT 1") }, Params: url.Values{"work_mem": {"none"}}}.run(t, driver).Want(t, `
			CONNECT !22023
		`)
		refused := func(s *pgSession, dsn string) sqldriver.Connector {
			l, err := net.Listen("tcp", "127.0.0.1:0")
			s.Must(err)
			s.Must(l.Close())
			u, err := url.Parse(dsn)
			s.Must(err)
			u.Host = l.Addr().String()
			return unpinged(nil)(s, u.String())
		}
		pgTest{Connector: refused, Do: func(s *pgSession) {
			_, err := s.DB.ExecContext(s.Ctx, "SELECT 1")
			s.Note("%t", err != nil)
		}}.run(t, driver).Want(t, `
			pgx: CONNECT !*pgconn.ConnectError
			postgres: CONNECT !*net.OpError
		`)
	})
}

// Rows that are never closed end their span when they are garbage, or when their context or transaction ends.
func TestPostgresRowsOpen(t *testing.T) {
	const query = "SELECT generate_series(1, 100000)"
	eachPostgresDriver(t, func(t *testing.T, driver string) {
		open := func(s *pgSession, ctx context.Context) {
			rows, err := s.DB.QueryContext(ctx, query)
			s.Must(err)
			s.Note("%t", rows.Next())
		}
		traced := pgTest{Pool: 2, Do: func(s *pgSession) {
			open(s, context.WithoutCancel(s.Ctx))
			if s.Traced() {
				until(s, "the rows are garbage", func() bool {
					runtime.GC()
					return slices.ContainsFunc(s.Spans(), func(sp pgSpan) bool { return sp.Op == "SELECT" })
				})
			}
			ctx, cancel := context.WithCancel(s.Ctx)
			open(s, ctx)
			cancel()
			until(s, "the rows are closed", func() bool { return s.DB.Stats().InUse == 1 })

			tx, err := s.DB.BeginTx(s.Ctx, nil)
			s.Must(err)
			rows, err := tx.QueryContext(s.Ctx, "SELECT generate_series(1, 3)")
			s.Must(err)
			s.Note("%t", rows.Next())
			s.Note("%v", tx.Rollback())
		}}.run(t, driver)
		var got []string
		for _, s := range traced.Spans(t) {
			if s.Op == "SELECT" {
				got = append(got, s.String())
			}
			if s.Type == "rows_not_closed" && s.Error != "rows were never closed" {
				t.Error(s.line)
			}
		}
		want := []string{"SELECT !rows_not_closed returned 1", "SELECT !canceled returned 1", "SELECT !rows_not_closed returned 1"}
		if !slices.Equal(got, want) {
			t.Errorf("%q", got)
		}
	})
}

// Rows that are read in another goroutine, when the span around the query has ended, are still in its trace.
func TestPostgresRowsElsewhere(t *testing.T) {
	eachPostgresDriver(t, func(t *testing.T, driver string) {
		pgTest{Do: func(s *pgSession) {
			ctx := s.Ctx
			end := func() {}
			if s.Traced() {
				inner, span := slogtrace.Start(ctx, "load")
				ctx, end = inner, func() { span.End() }
			}
			rows, err := s.DB.QueryContext(ctx, "SELECT generate_series(1, 3)")
			s.Must(err)
			end()
			var wg sync.WaitGroup
			wg.Go(func() { s.Read(rows, err) })
			wg.Wait()
		}}.run(t, driver).WantTree(t, `
			root
			.load
			..CONNECT
			..SELECT
		`)
	})
}

// LogPool says how long calls waited for the only connection, which no span has.
func TestPostgresPool(t *testing.T) {
	eachPostgresDriver(t, func(t *testing.T, driver string) {
		traced := pgTest{Do: func(s *pgSession) {
			if s.Traced() {
				ctx, cancel := context.WithCancel(s.Ctx)
				defer cancel()
				tracesql.LogPool(ctx, s.DB, time.Millisecond)
			}
			c, err := s.DB.Conn(s.Ctx)
			s.Must(err)
			waited := make(chan error)
			go func() {
				_, err := s.DB.ExecContext(s.Ctx, "SELECT 1")
				waited <- err
			}()
			until(s, "a call waits", func() bool { return s.DB.Stats().WaitCount == 1 })
			s.Must(c.Close())
			s.Must(<-waited)
			if s.Traced() {
				until(s, "the wait is logged", func() bool { return pgWait(s) > 0 })
				if logged, waited := pgWait(s), s.DB.Stats().WaitDuration; logged > waited.Seconds()*1000 || logged < waited.Seconds()*1000-0.01 {
					s.Errorf("logged %v ms, want %v", logged, waited)
				}
			}
		}}.run(t, driver)
		traced.Want(t, `
			CONNECT
			SELECT affected 1
		`)
	})
}

// pgWait returns how many milliseconds LogPool has logged.
func pgWait(s *pgSession) (ms float64) {
	for line := range strings.Lines(string(s.rec.Lines())) {
		var l struct {
			Msg    string
			WaitMs float64 `json:"wait_ms"`
			Max    int     `json:"max_open"`
		}
		s.Must(json.Unmarshal([]byte(line), &l))
		if l.Msg == "waited for database connections" {
			ms += l.WaitMs
			if l.Max != 1 {
				s.Error(line)
			}
		}
	}
	return ms
}
