package interop

import (
	"database/sql"
	"encoding/json"
	"testing"

	gocmp "github.com/google/go-cmp/cmp"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/stdlib"

	"github.com/slogtrace/slogtrace"
	"github.com/slogtrace/slogtrace/tracesql"
)

// CopyFrom is pgx's own: Unwrap gives its connection. A span around it is the caller's.
func TestPostgresCopyFrom(t *testing.T) {
	traced := pgTest{Do: func(s *pgSession) {
		s.Exec(s.Ctx, "CREATE TABLE seats (seat text UNIQUE, price int)")
		conn, err := s.DB.Conn(s.Ctx)
		s.Must(err)
		rows := [][]any{{"12A", 129}, {"12B", nil}, {"14C", 99}}
		for range 2 { // the second one fails
			err = conn.Raw(func(c any) (err error) {
				if _, ok := c.(*stdlib.Conn); ok == s.Traced() {
					s.Errorf("%T", c)
				}
				ctx := s.Ctx
				if s.Traced() {
					copying, span := slogtrace.Start(ctx, "COPY seats", slogtrace.KindClient)
					defer span.End(&err)
					ctx = copying
				}
				n, err := tracesql.Unwrap(c).(*stdlib.Conn).Conn().CopyFrom(ctx, pgx.Identifier{"seats"}, []string{"seat", "price"}, pgx.CopyFromRows(rows))
				s.Note("%d", n)
				return err
			})
			s.Note("%v", err)
		}
		s.Must(conn.Close())
		s.Read(s.DB.QueryContext(s.Ctx, "SELECT * FROM seats"))
	}}.run(t, "pgx")
	traced.WantTree(t, `
		root
		.CONNECT
		.CREATE seats
		.COPY seats
		.COPY seats
		.SELECT seats
	`)
}

// lib/pq copies with a prepared statement. Each use of it with the context is a span; without one only the last is.
func TestPostgresCopyIn(t *testing.T) {
	pgTest{Do: func(s *pgSession) {
		s.Exec(s.Ctx, "CREATE TABLE seats (seat text UNIQUE, price int)")
		copyIn := func(each bool, rows ...[]any) {
			tx, err := s.DB.BeginTx(s.Ctx, nil)
			s.Must(err)
			stmt, err := tx.PrepareContext(s.Ctx, "COPY seats (seat, price) FROM STDIN")
			s.Must(err)
			for _, row := range rows {
				if each {
					_, err = stmt.ExecContext(s.Ctx, row...)
				} else {
					_, err = stmt.Exec(row...)
				}
				s.Must(err)
			}
			var n int64
			result, err := stmt.ExecContext(s.Ctx)
			if err == nil {
				n, err = result.RowsAffected()
			}
			s.Note("%d %v", n, err)
			s.Note("%v", stmt.Close())
			s.Note("%v", tx.Commit())
		}
		copyIn(true, []any{"12A", 129}, []any{"12B", nil})
		copyIn(false, []any{"14C", 129}, []any{"14D", nil}, []any{"15A", nil})
		copyIn(false, []any{"12A", 129}) // there is one
		s.Read(s.DB.QueryContext(s.Ctx, "SELECT * FROM seats"))
	}}.run(t, "postgres").Want(t, `
		CONNECT
		CREATE seats affected 0
		BEGIN
		COPY seats affected 0
		COPY seats affected 0
		COPY seats affected 2
		COMMIT
		BEGIN
		COPY seats affected 3
		COMMIT
		BEGIN
		COPY seats !23505
		COMMIT !*errors.errorString
		SELECT seats returned 5
	`)
}

// All result sets of a text are one query, and one span. Only lib/pq has more than one.
func TestPostgresResultSets(t *testing.T) {
	eachPostgresDriver(t, func(t *testing.T, driver string) {
		pgTest{Do: func(s *pgSession) {
			s.Read(s.DB.QueryContext(s.Ctx, "SELECT 1; SELECT i FROM generate_series(1, 3) i; SELECT 'a', 'b'"))
			s.Read(s.DB.QueryContext(s.Ctx, "SELECT 1; SELECT 1 / (2 - i) FROM generate_series(1, 3) i"))
			rows, err := s.DB.QueryContext(s.Ctx, "SELECT generate_series(1, 3); SELECT 4")
			s.Note("%v", err)
			if err == nil { // closed early
				s.Note("%t %t", rows.Next(), rows.NextResultSet())
				s.Note("%v", rows.Close())
			}
		}}.run(t, driver).Want(t, `
			CONNECT
			pgx: SELECT !42601
			pgx: SELECT !42601
			pgx: SELECT !42601
			postgres: SELECT returned 5
			postgres: SELECT !22012 returned 2
			postgres: SELECT returned 1
		`)
	})
}

// The attributes of spans, with the options that add some.
func TestPostgresAttributes(t *testing.T) {
	eachPostgresDriver(t, func(t *testing.T, driver string) {
		traced := pgTest{Options: tracesql.Options{Args: true, RowTimes: true, Namespace: "bookings"}, Do: func(s *pgSession) {
			s.Exec(s.Ctx, "CREATE TABLE seats (seat text, price numeric)")
			s.Exec(s.Ctx, "INSERT INTO seats VALUES ($1, $2)", "12A", 99.5)
			s.Read(s.DB.QueryContext(s.Ctx, "SELECT seat FROM seats WHERE price > 1 AND seat IN ('12A', '12B') AND seat <> $1", sql.NullString{String: "x", Valid: true}))
			s.Exec(s.Ctx, "INSERT INTO nowhere VALUES (1)")
		}}.run(t, driver)
		var got []map[string]any
		for _, s := range traced.Spans(t)[2:] {
			var l map[string]any
			if err := json.Unmarshal([]byte(s.line), &l); err != nil {
				t.Fatal(err)
			}
			for _, key := range []string{"time", "level", "msg", "trace", "span", "parent", "duration_ms", "start", "server.port", "error", "kind"} {
				delete(l, key)
			}
			for _, key := range []string{"db.response.first_row_ms", "db.response.next_ms", "db.response.between_ms"} {
				if ms, ok := l[key].(float64); ok && ms >= 0 {
					l[key] = "some"
				}
			}
			got = append(got, l)
		}
		null := "x" // lib/pq gets the value that the Valuer gives
		if driver == "pgx" {
			null = "(sql.NullString)"
		}
		want := []map[string]any{{
			"op": "INSERT seats", "db.system.name": "postgresql", "db.namespace": "bookings", "server.address": "127.0.0.1",
			"db.operation.name": "INSERT", "db.collection.name": "seats", "db.query.text": "INSERT INTO seats VALUES ($1)",
			"db.query.parameter.0": "12A", "db.query.parameter.1": "99.5", "db.response.affected_rows": 1.0,
		}, {
			"op": "SELECT seats", "db.system.name": "postgresql", "db.namespace": "bookings", "server.address": "127.0.0.1",
			"db.operation.name": "SELECT", "db.collection.name": "seats",
			"db.query.text":        "SELECT seat FROM seats WHERE price > ? AND seat IN (?) AND seat <> $1",
			"db.query.parameter.0": null, "db.response.returned_rows": 1.0, "db.response.first_row_ms": "some",
			"db.response.next_ms": "some", "db.response.between_ms": "some",
		}, {
			"op": "INSERT nowhere", "db.system.name": "postgresql", "db.namespace": "bookings", "server.address": "127.0.0.1",
			"db.operation.name": "INSERT", "db.collection.name": "nowhere", "db.query.text": "INSERT INTO nowhere VALUES (?)",
			"db.response.status_code": "42P01", "error.type": "42P01",
		}}
		if diff := gocmp.Diff(want, got); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
	})
}
