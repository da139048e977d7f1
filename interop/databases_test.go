package interop

import (
	"context"
	"database/sql"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	gocmp "github.com/google/go-cmp/cmp"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/jackc/pgx/v5/stdlib"
	"github.com/lib/pq"

	"github.com/slogtrace/slogtrace"
	"github.com/slogtrace/slogtrace/interop/internal/postgres"
	"github.com/slogtrace/slogtrace/tracesql"
	"github.com/slogtrace/slogtrace/tracetest"
)

// The functions of this file are the code of docs/guide/databases.md: see guide_test.go in the root.

func openPgx() (*sql.DB, error) {
	db, err := tracesql.Open("pgx", os.Getenv("DATABASE_URL"), nil)
	return db, err
}

func openPgxConfig() (*sql.DB, error) {
	config, err := pgx.ParseConfig(os.Getenv("DATABASE_URL"))
	if err != nil {
		return nil, err
	}
	config.RuntimeParams["application_name"] = "bookings"
	return sql.OpenDB(tracesql.Wrap(stdlib.GetConnector(*config), &tracesql.Options{
		Server:    config.Host,
		Namespace: config.Database,
	})), nil
}

func openPgxPool(ctx context.Context) (*sql.DB, *pgxpool.Pool, error) {
	pool, err := pgxpool.New(ctx, os.Getenv("DATABASE_URL"))
	if err != nil {
		return nil, nil, err
	}
	db := sql.OpenDB(tracesql.Wrap(stdlib.GetPoolConnector(pool), nil))
	db.SetMaxIdleConns(0) // the pool keeps them
	return db, pool, nil
}

func openPq() (*sql.DB, error) {
	db, err := tracesql.Open("postgres", os.Getenv("DATABASE_URL"), nil)
	return db, err
}

func openPqConnector() (*sql.DB, error) {
	connector, err := pq.NewConnector(os.Getenv("DATABASE_URL"))
	if err != nil {
		return nil, err
	}
	return sql.OpenDB(tracesql.Wrap(connector, &tracesql.Options{Server: "db.internal:5432"})), nil
}

func openSQLite(file string) (*sql.DB, error) {
	db, err := tracesql.Open("sqlite", file, nil) // modernc.org/sqlite; for mattn/go-sqlite3: "sqlite3"
	return db, err
}

func openMySQL(dsn string) (*sql.DB, error) {
	db, err := tracesql.Open("mysql", dsn, nil) // app:secret@tcp(db.internal:3306)/bookings
	return db, err
}

// seats returns the seats of a customer.
func seats(ctx context.Context, db *sql.DB, customer int) (seats []string, err error) {
	ctx, span := slogtrace.Start(ctx, "seats.list")
	defer span.End(&err)

	rows, err := db.QueryContext(ctx, "SELECT seat FROM bookings WHERE customer = $1", customer)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	for rows.Next() {
		var seat string
		if err := rows.Scan(&seat); err != nil {
			return nil, err
		}
		seats = append(seats, seat)
	}
	return seats, rows.Err()
}

func openTransactions() (*sql.DB, error) {
	db, err := tracesql.Open("pgx", os.Getenv("DATABASE_URL"), &tracesql.Options{Transactions: true})
	return db, err
}

// move gives a seat to another customer.
func move(ctx context.Context, db *sql.DB, seat string, customer int) (err error) {
	ctx, span := slogtrace.Start(ctx, "seat.move")
	defer span.End(&err)

	tx, err := db.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer tx.Rollback() // does nothing after Commit
	if _, err := tx.ExecContext(ctx, "UPDATE bookings SET customer = $1 WHERE seat = $2", customer, seat); err != nil {
		return err
	}
	return tx.Commit()
}

func openCommented() (*sql.DB, error) {
	db, err := tracesql.Open("pgx", os.Getenv("DATABASE_URL")+"&default_query_exec_mode=exec", &tracesql.Options{Comment: true})
	return db, err
}

// load copies rows with pgx.
func load(ctx context.Context, db *sql.DB, rows [][]any) (err error) {
	ctx, span := slogtrace.Start(ctx, "COPY bookings", slogtrace.KindClient)
	defer span.End(&err)

	conn, err := db.Conn(ctx)
	if err != nil {
		return err
	}
	defer conn.Close()
	return conn.Raw(func(c any) error {
		pgxConn := tracesql.Unwrap(c).(*stdlib.Conn).Conn()
		_, err := pgxConn.CopyFrom(ctx, pgx.Identifier{"bookings"}, []string{"seat", "customer"}, pgx.CopyFromRows(rows))
		return err
	})
}

// loadPq copies rows with lib/pq.
func loadPq(ctx context.Context, tx *sql.Tx, rows [][]any) error {
	stmt, err := tx.PrepareContext(ctx, "COPY bookings (seat, customer) FROM STDIN")
	if err != nil {
		return err
	}
	defer stmt.Close()
	for _, row := range rows {
		if _, err := stmt.Exec(row...); err != nil { // without the context: no span for each row
			return err
		}
	}
	_, err = stmt.ExecContext(ctx) // sends the rest, and is the span
	return err
}

func logPool(ctx context.Context, db *sql.DB) {
	tracesql.LogPool(ctx, db, 10*time.Second)
}

// What the guide shows does what it says there.
func TestDatabasesGuide(t *testing.T) {
	dsn := postgres.Shared(t).Database(t)
	t.Setenv("DATABASE_URL", dsn)
	rec := tracetest.Record(t)
	ctx := t.Context()
	use := func(open func() (*sql.DB, error), do func(db *sql.DB) error) {
		t.Helper()
		db, err := open()
		if err != nil {
			t.Fatal(err)
		}
		defer db.Close()
		db.SetMaxOpenConns(1)
		if err := do(db); err != nil {
			t.Error(err)
		}
	}
	use(openPgx, func(db *sql.DB) error { // outside of any span
		_, err := db.ExecContext(ctx, "CREATE TABLE bookings (seat text UNIQUE, customer int)")
		return err
	})
	use(openTransactions, func(db *sql.DB) error {
		if err := load(ctx, db, [][]any{{"12A", 1}, {"12B", 1}}); err != nil {
			return err
		}
		return move(ctx, db, "12B", 2)
	})
	use(openPq, func(db *sql.DB) error {
		return slogtrace.Do(ctx, "load", func(ctx context.Context) error {
			tx, err := db.BeginTx(ctx, nil)
			if err != nil {
				return err
			}
			if err := loadPq(ctx, tx, [][]any{{"14A", 3}, {"14B", 3}, {"14C", 3}}); err != nil {
				return err
			}
			return tx.Commit()
		})
	})
	list := func(db *sql.DB) error {
		got, err := seats(ctx, db, 3)
		if diff := gocmp.Diff([]string{"14A", "14B", "14C"}, got); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
		return err
	}
	use(openPgxConfig, list)
	use(openPqConnector, list)
	use(openCommented, list)
	var pool *pgxpool.Pool
	use(func() (db *sql.DB, err error) { db, pool, err = openPgxPool(ctx); return }, list)
	pool.Close()
	use(func() (*sql.DB, error) { return openSQLite(filepath.Join(t.TempDir(), "bookings.db")) }, func(db *sql.DB) error {
		logCtx, cancel := context.WithCancel(ctx)
		logPool(logCtx, db)
		cancel()
		_, err := db.ExecContext(ctx, "CREATE TABLE bookings (seat text, customer int)")
		return err
	})
	if _, err := openMySQL("app:secret@tcp(db.internal:3306)/bookings"); err == nil || !strings.Contains(err.Error(), `unknown driver "mysql"`) {
		t.Errorf("there is a driver for MySQL: test it (%v)", err)
	}

	var got strings.Builder
	for _, trace := range rec.Traces() {
		for depth, s := range trace.All() {
			got.WriteString(strings.Repeat("  ", depth) + s.Op + "\n")
		}
	}
	const connectAndList = "seats.list\n  CONNECT\n  SELECT bookings\n"
	want := "COPY bookings\n  CONNECT\n" +
		"seat.move\n  TRANSACTION\n    BEGIN\n    UPDATE bookings\n    COMMIT\n" +
		"load\n  CONNECT\n  BEGIN\n  COPY bookings\n  COMMIT\n" + strings.Repeat(connectAndList, 4)
	if diff := gocmp.Diff(want, got.String()); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}

	// The record in the guide is one of these, without the ids.
	guide, err := os.ReadFile("../docs/guide/databases.md")
	if err != nil {
		t.Fatal(err)
	}
	shown := regexp.MustCompile("(?m)^```json\n(.*)$").FindStringSubmatch(string(guide))
	if shown == nil {
		t.Fatal("the guide shows no record")
	}
	key := regexp.MustCompile(`"([a-z_.]+)":`)
	written := false
	for line := range strings.Lines(string(rec.Lines())) {
		keys := fmt.Sprint(key.FindAllString(line, -1))
		keys = strings.NewReplacer(`"trace": "span": `, "", `"parent": `, "").Replace(keys)
		written = written || keys == fmt.Sprint(key.FindAllString(shown[1], -1))
	}
	if !written {
		t.Errorf("no record has the members of the guide's: %s\n%s", shown[1], rec.Lines())
	}
}
