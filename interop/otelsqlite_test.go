package interop

import (
	"context"
	"testing"

	"github.com/XSAM/otelsql"
	_ "modernc.org/sqlite"
)

// otelsql gives the status of a failure no text, so the text is that of the recorded error. The rows are beside their query.
func TestOTelSQL(t *testing.T) {
	u := newOTelUser(nil)
	db, err := otelsql.Open("sqlite", ":memory:", otelsql.WithTracerProvider(u.provider))
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	db.SetMaxOpenConns(1)
	u.in(t.Context(), "book", func(ctx context.Context) {
		if _, err := db.ExecContext(ctx, "CREATE TABLE seats (id TEXT PRIMARY KEY)"); err != nil {
			t.Error(err)
		}
		tx, err := db.BeginTx(ctx, nil)
		if err != nil {
			t.Fatal(err)
		}
		for _, id := range []string{"12A", "12A"} {
			_, err = tx.ExecContext(ctx, "INSERT INTO seats VALUES (?)", id)
		}
		if err == nil {
			t.Error("no error")
		}
		if err := tx.Commit(); err != nil {
			t.Error(err)
		}
		var n int
		if err := db.QueryRowContext(ctx, "SELECT count(*) FROM seats").Scan(&n); err != nil || n != 1 {
			t.Errorf("%d seats, error %v", n, err)
		}
	})
	u.check(t, `book
  sql.conn.exec [client] db.query.text="CREATE TABLE seats (id TEXT PRIMARY KEY)"
  sql.conn.reset_session [client]
  sql.conn.begin_tx [client]
  sql.conn.exec [client] db.query.text="INSERT INTO seats VALUES (?)"
  sql.conn.exec [client] db.query.text="INSERT INTO seats VALUES (?)" error.type="*sqlite.Error" ✗ constraint failed: UNIQUE constraint failed: seats.id (1555)
    · exception "constraint failed: UNIQUE constraint failed: seats.id (1555)"
  sql.tx.commit [client]
  sql.conn.reset_session [client]
  sql.conn.query [client] db.query.text="SELECT count(*) FROM seats"
  sql.rows [client]
`, "db.query.text", "error.type")
}
