package interop

import (
	"context"
	"errors"
	"testing"

	"github.com/exaring/otelpgx"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/slogtrace/slogtrace/interop/internal/postgres"
)

// Queries, batches, copies and the wait for a connection are below the caller's span. A span below a query of the same name prepares it.
// No rows is no failure.
func TestOTelPgx(t *testing.T) {
	u := newOTelUser(nil)
	config, err := pgxpool.ParseConfig(postgres.Shared(t).Database(t))
	if err != nil {
		t.Fatal(err)
	}
	config.MaxConns = 1
	config.ConnConfig.Tracer = otelpgx.NewTracer(otelpgx.WithTracerProvider(u.provider))
	pool, err := pgxpool.NewWithConfig(t.Context(), config)
	if err != nil {
		t.Fatal(err)
	}
	defer pool.Close()
	u.in(t.Context(), "book", func(ctx context.Context) {
		exec := func(sql string, args ...any) {
			t.Helper()
			if _, err := pool.Exec(ctx, sql, args...); err != nil {
				t.Error(err)
			}
		}
		exec("CREATE TABLE seats (id text PRIMARY KEY)")
		exec("INSERT INTO seats VALUES ($1)", "12A")
		var id string
		if err := pool.QueryRow(ctx, "SELECT id FROM seats WHERE id = '1Z'").Scan(&id); !errors.Is(err, pgx.ErrNoRows) {
			t.Errorf("error %v", err)
		}
		if _, err := pool.Exec(ctx, "INSERT INTO seats VALUES ($1)", "12A"); err == nil {
			t.Error("no error")
		}
		err := pgx.BeginFunc(ctx, pool, func(tx pgx.Tx) error {
			var batch pgx.Batch
			batch.Queue("DELETE FROM seats")
			batch.Queue("SELECT 1")
			if err := tx.SendBatch(ctx, &batch).Close(); err != nil {
				return err
			}
			_, err := tx.CopyFrom(ctx, pgx.Identifier{"seats"}, []string{"id"}, pgx.CopyFromRows([][]any{{"1A"}, {"1B"}}))
			return err
		})
		if err != nil {
			t.Error(err)
		}
	})
	u.check(t, `book
  pool.acquire [client]
    connect [client]
  CREATE [client] pgx.rows_affected=0
  pool.acquire [client]
  INSERT [client] pgx.rows_affected=1
    INSERT [client]
  pool.acquire [client]
  SELECT [client] pgx.rows_affected=0
    SELECT [client]
  pool.acquire [client]
  INSERT [client] pgx.sql_state="23505" ✗ ERROR: duplicate key value violates unique constraint "seats_pkey" (SQLSTATE 23505)
    · exception "ERROR: duplicate key value violates unique constraint \"seats_pkey\" (SQLSTATE 23505)"
  pool.acquire [client]
  BEGIN [client] pgx.rows_affected=0
  batch start [client]
    DELETE [client]
    SELECT [client]
  copy_from "seats" [client] pgx.rows_affected=2
    SELECT [client]
  COMMIT [client] pgx.rows_affected=0
`, "pgx.rows_affected", "pgx.sql_state")
}
