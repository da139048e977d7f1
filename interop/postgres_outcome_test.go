package interop

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/slogtrace/slogtrace/tracesql"
)

// An expiringContext has a deadline that passes when the test wants it, be the machine busy or not.
type expiringContext struct {
	context.Context
	done chan struct{}
	once sync.Once
}

func newExpiringContext(ctx context.Context) *expiringContext {
	return &expiringContext{Context: ctx, done: make(chan struct{})}
}

func (c *expiringContext) Expire()                     { c.once.Do(func() { close(c.done) }) }
func (c *expiringContext) Deadline() (time.Time, bool) { return time.Now().Add(time.Hour), true }
func (c *expiringContext) Done() <-chan struct{}       { return c.done }
func (c *expiringContext) Err() error {
	select {
	case <-c.done:
		return context.DeadlineExceeded
	default:
		return nil
	}
}

// error.type tells a cancelation by the caller from a deadline and from a timeout of the server, whatever the driver
// returns: pgx its own error, lib/pq the server's or that of the context.
func TestPostgresCanceled(t *testing.T) {
	eachPostgresDriver(t, func(t *testing.T, driver string) {
		traced := pgTest{Do: func(s *pgSession) {
			// while makes a call, and ends its context while the server is at it.
			calls := 0
			while := func(call func(ctx context.Context, sleep string) error) {
				for _, deadline := range []bool{false, true} {
					ctx, end := context.WithCancel(s.Ctx)
					if deadline {
						end()
						expiring := newExpiringContext(s.Ctx)
						ctx, end = expiring, expiring.Expire
					}
					calls++
					name := fmt.Sprintf("nap%d", calls) // the server may still be at the one before
					returned := make(chan error, 1)
					go func() { returned <- call(ctx, "SELECT pg_sleep($1) AS "+name) }()
					s.Sleeping(name)
					end()
					s.Note("%v", <-returned)
				}
			}
			while(func(ctx context.Context, sleep string) error {
				_, err := s.DB.ExecContext(ctx, strings.Replace(sleep, "$1", "60", 1))
				return err
			})
			while(func(ctx context.Context, sleep string) error {
				_, err := s.DB.ExecContext(ctx, sleep, 60)
				return err
			})
			while(func(ctx context.Context, sleep string) error {
				rows, err := s.DB.QueryContext(ctx, sleep, 60)
				if err != nil {
					return err
				}
				rows.Next()
				return errors.Join(rows.Err(), rows.Close())
			})
			while(func(ctx context.Context, sleep string) error {
				stmt, err := s.DB.PrepareContext(context.WithoutCancel(ctx), sleep)
				if err != nil {
					return err
				}
				defer stmt.Close()
				_, err = stmt.ExecContext(ctx, 60)
				return err
			})
			s.Exec(s.Ctx, "SET statement_timeout = 20")
			s.Exec(s.Ctx, "SELECT pg_sleep(60)")
		}}.run(t, driver)
		traced.Want(t, `
			CONNECT
			pgx: SELECT !canceled
			postgres: SELECT !canceled status 57014
			CONNECT
			pgx: SELECT !timeout
			postgres: SELECT !timeout status 57014
			CONNECT
			pgx: SELECT !canceled
			postgres: SELECT !canceled status 57014
			CONNECT
			pgx: SELECT !timeout
			postgres: SELECT !timeout status 57014
			CONNECT
			pgx: SELECT !canceled
			postgres: SELECT !canceled status 57014
			CONNECT
			pgx: SELECT !timeout
			postgres: SELECT !timeout status 57014
			CONNECT
			pgx: SELECT !canceled
			pgx: CONNECT
			postgres: SELECT !canceled status 57014
			pgx: SELECT !timeout
			pgx: CONNECT
			postgres: SELECT !timeout status 57014
			SET affected 0
			SELECT !57014
		`)
	})
}

// A query whose context ends while its rows are read has failed.
func TestPostgresRowsCanceled(t *testing.T) {
	eachPostgresDriver(t, func(t *testing.T, driver string) {
		traced := pgTest{Do: func(s *pgSession) {
			for _, deadline := range []bool{false, true} {
				ctx, end := context.WithCancel(s.Ctx)
				if deadline {
					end()
					expiring := newExpiringContext(s.Ctx)
					ctx, end = expiring, expiring.Expire
				}
				rows, err := s.DB.QueryContext(ctx, "SELECT generate_series(1, 1000000000)")
				s.Note("%v", err)
				rows.Next()
				end()
				for rows.Next() {
				}
				s.Note("%t", rows.Err() != nil)
				rows.Close()
			}
		}}.run(t, driver)
		var got []string
		for _, s := range traced.Spans(t) {
			if s.Op == "SELECT" {
				got = append(got, s.Type)
				if s.Returned == nil || *s.Returned == 0 || *s.Returned == 1000000000 {
					t.Errorf("returned rows: %s", s.line)
				}
			}
		}
		if len(got) != 2 || got[0] != "canceled" || got[1] != "timeout" {
			t.Errorf("error types %q", got)
		}
	})
}

// COMMIT fails where the transaction is not committed: because of a constraint that is checked then, of another
// transaction, or of a statement that failed.
func TestPostgresTransactions(t *testing.T) {
	session := func(s *pgSession) {
		s.Exec(s.Ctx, "CREATE TABLE seats (seat text UNIQUE DEFERRABLE INITIALLY DEFERRED, price int)")
		s.Exec(s.Ctx, "INSERT INTO seats VALUES ('12A', 1), ('12B', 1)")
		begin := func(opts *sql.TxOptions) *sql.Tx {
			tx, err := s.DB.BeginTx(s.Ctx, opts)
			s.Must(err)
			return tx
		}
		do := func(tx *sql.Tx, query string, args ...any) {
			_, err := tx.ExecContext(s.Ctx, query, args...)
			s.Note("%s: %v", query, err)
		}

		tx := begin(nil)
		do(tx, "INSERT INTO seats VALUES ($1, 1)", "14C")
		s.Note("%v", tx.Commit())
		tx = begin(&sql.TxOptions{ReadOnly: true})
		do(tx, "INSERT INTO seats VALUES ('15A', 1)") // not in this one
		s.Note("%v", tx.Rollback())

		tx = begin(nil)
		do(tx, "INSERT INTO seats VALUES ('12A', 1)") // there is one
		s.Note("%v", tx.Commit())

		tx = begin(nil)
		do(tx, "INSERT INTO nowhere VALUES ('12A', 1)")
		do(tx, "INSERT INTO seats VALUES ('15B', 1)") // the transaction is aborted
		s.Note("%v", tx.Commit())

		// Each one reads what the other one writes.
		one, two := begin(&sql.TxOptions{Isolation: sql.LevelSerializable}), begin(&sql.TxOptions{Isolation: sql.LevelSerializable})
		var sum int
		for _, tx := range []*sql.Tx{one, two} {
			s.Must(tx.QueryRowContext(s.Ctx, "SELECT sum(price) FROM seats").Scan(&sum))
		}
		do(one, "UPDATE seats SET price = 2 WHERE seat = '12A'")
		do(two, "UPDATE seats SET price = 2 WHERE seat = '12B'")
		s.Note("%v", one.Commit())
		s.Note("%v", two.Commit())

		_, err := s.DB.BeginTx(s.Ctx, &sql.TxOptions{Isolation: sql.LevelLinearizable})
		s.Note("%v", err)
	}
	eachPostgresDriver(t, func(t *testing.T, driver string) {
		pgTest{Pool: 2, Do: session}.run(t, driver).Want(t, `
			CONNECT
			CREATE seats affected 0
			INSERT seats affected 2
			BEGIN
			INSERT seats affected 1
			COMMIT
			BEGIN
			INSERT seats !25006
			ROLLBACK
			BEGIN
			INSERT seats affected 1
			COMMIT !23505
			BEGIN
			INSERT nowhere !42P01
			INSERT seats !25P02
			COMMIT !*errors.errorString
			BEGIN
			CONNECT
			BEGIN
			SELECT seats returned 1
			SELECT seats returned 1
			UPDATE seats affected 1
			UPDATE seats affected 1
			COMMIT
			COMMIT !40001
			BEGIN !*errors.errorString
		`)
		traced := pgTest{Pool: 2, Do: session, Options: tracesql.Options{Transactions: true}}.run(t, driver)
		traced.WantTree(t, `
			root
			.CONNECT
			.CREATE seats
			.INSERT seats
			.TRANSACTION commit
			..BEGIN
			..INSERT seats
			..COMMIT
			.TRANSACTION rollback
			..BEGIN
			..INSERT seats
			..ROLLBACK
			.TRANSACTION !23505
			..BEGIN
			..INSERT seats
			..COMMIT
			.TRANSACTION !*errors.errorString
			..BEGIN
			..INSERT nowhere
			..INSERT seats
			..COMMIT
			.TRANSACTION commit
			..BEGIN
			..SELECT seats
			..UPDATE seats
			..COMMIT
			.CONNECT
			.TRANSACTION !40001
			..BEGIN
			..SELECT seats
			..UPDATE seats
			..COMMIT
			.TRANSACTION !*errors.errorString
			..BEGIN
		`)
	})
}

// The end of the context of BeginTx rolls the transaction back. What the drivers say of that is chance,
// but it says why the transaction has failed.
func TestPostgresTransactionCanceled(t *testing.T) {
	eachPostgresDriver(t, func(t *testing.T, driver string) {
		traced := pgTest{Do: func(s *pgSession) {
			s.Exec(s.Ctx, "CREATE TABLE seats (seat text)")
			ctx, cancel := context.WithCancel(s.Ctx)
			tx, err := s.DB.BeginTx(ctx, nil)
			s.Must(err)
			_, err = tx.ExecContext(s.Ctx, "INSERT INTO seats VALUES ('12A')")
			s.Note("%v", err)
			cancel()
			until(s, "the connection is free", func() bool { return s.DB.Stats().InUse == 0 })
			s.Note("%t", tx.Commit() != nil)
			s.Read(s.DB.QueryContext(s.Ctx, "SELECT * FROM seats"))
		}, Options: tracesql.Options{Transactions: true}}.run(t, driver)
		var ended []string
		for _, s := range traced.Spans(t) {
			switch s.Op {
			case "ROLLBACK":
				ended = append(ended, s.Op)
			case "TRANSACTION":
				ended = append(ended, s.Op)
				if s.Error != "" && s.Type != "canceled" || s.Error == "" && s.Outcome != "rollback" {
					t.Errorf("%s: %s", s, s.line)
				}
			}
		}
		if !slices.Equal(ended, []string{"ROLLBACK", "TRANSACTION"}) {
			t.Errorf("ended: %q", ended)
		}
	})
}
