package interop

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	_ "modernc.org/sqlite"

	"github.com/slogtrace/slogtrace"
	"github.com/slogtrace/slogtrace/tracesql"
	"github.com/slogtrace/slogtrace/tracetest"
)

// sqliteSession does all kinds of calls and returns what they answer.
func sqliteSession(t *testing.T, ctx context.Context, db *sql.DB) (got []string) {
	t.Helper()
	note := func(format string, args ...any) { got = append(got, fmt.Sprintf(format, args...)) }
	exec := func(query string, args ...any) {
		result, err := db.ExecContext(ctx, query, args...)
		note("%s: %v", query, err)
		if err == nil {
			n, err := result.RowsAffected()
			note("%d %v", n, err)
		}
	}
	exec("CREATE TABLE seats (id INTEGER PRIMARY KEY, seat TEXT NOT NULL UNIQUE, price REAL)")
	exec("INSERT INTO seats (seat, price) VALUES (?, ?), ('12B', 99.5), (:last, NULL)", "12A", 129.0, sql.Named("last", "14C"))
	exec("INSERT INTO seats (seat) VALUES ('12A')") // there is one
	exec("UPDATE seats SET price = price * 2 WHERE seat IN ('12A', '12B', '13A')")
	exec("frobnicate")
	exec("SELECT ?") // an argument is missing

	read := func(rows *sql.Rows, err error) {
		note("query: %v", err)
		if err != nil {
			return
		}
		defer rows.Close()
		types, err := rows.ColumnTypes()
		note("%v", err)
		for _, c := range types {
			length, ok := c.Length()
			nullable, ok2 := c.Nullable()
			note("%s %s %v %d %t %t %t", c.Name(), c.DatabaseTypeName(), c.ScanType(), length, ok, nullable, ok2)
		}
		for rows.Next() {
			values := make([]any, len(types))
			for i := range values {
				values[i] = new(any)
			}
			note("%v", rows.Scan(values...))
			for i := range values {
				note("%T %v", *values[i].(*any), *values[i].(*any))
			}
		}
		note("%v", rows.Err())
	}
	read(db.QueryContext(ctx, "SELECT id, seat, price FROM seats ORDER BY id"))
	read(db.QueryContext(ctx, "SELECT seat FROM seats WHERE seat = @s", sql.Named("s", "12A")))
	read(db.QueryContext(ctx, "SELECT seat FROM nowhere"))
	stmt, err := db.PrepareContext(ctx, "SELECT price FROM seats WHERE seat = ?")
	note("%v", err)
	for _, seat := range []string{"12A", "99Z"} {
		var price float64
		note("%v %v", stmt.QueryRowContext(ctx, seat).Scan(&price), price)
	}
	note("%v", stmt.Close())

	for _, commit := range []bool{true, false} {
		tx, err := db.BeginTx(ctx, nil)
		note("%v", err)
		_, err = tx.ExecContext(ctx, "DELETE FROM seats WHERE seat = '14C'")
		note("%v", err)
		if commit {
			note("%v", tx.Commit())
		} else {
			note("%v", tx.Rollback())
		}
	}
	canceled, cancel := context.WithCancel(ctx)
	rows, err := db.QueryContext(canceled, "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT i FROM n")
	note("%v", err)
	if err == nil {
		rows.Next()
		cancel()
		for rows.Next() {
		}
		note("%v", rows.Err())
		// Closed here first, the rows would not be those of a canceled query.
		for end := time.Now().Add(time.Minute); db.Stats().InUse > 0 && time.Now().Before(end); {
			time.Sleep(time.Millisecond)
		}
		rows.Close()
	}
	cancel()
	return got
}

// Over SQLite, the wrapped driver answers as the bare one does, and the spans say what it did.
func TestSQLite(t *testing.T) {
	bare, err := sql.Open("sqlite", filepath.Join(t.TempDir(), "bare.db"))
	if err != nil {
		t.Fatal(err)
	}
	defer bare.Close()
	want := sqliteSession(t, t.Context(), bare)

	rec := tracetest.NewRecorder()
	tracer := slogtrace.NewTracer(rec, nil)
	db, err := tracesql.Open("sqlite", filepath.Join(t.TempDir(), "traced.db"), &tracesql.Options{Tracer: tracer})
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	db.SetMaxOpenConns(1)
	ctx, span := tracer.Start(t.Context(), "root")
	got := sqliteSession(t, ctx, db)
	span.End()
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-bare +traced):\n%s", diff)
	}

	var spans []string
	for line := range strings.Lines(string(rec.Lines())) {
		var l struct {
			Op       string
			System   string `json:"db.system.name"`
			Text     string `json:"db.query.text"`
			Error    string
			Type     string `json:"error.type"`
			Status   string `json:"db.response.status_code"`
			Returned *int   `json:"db.response.returned_rows"`
			Affected *int   `json:"db.response.affected_rows"`
		}
		if err := json.Unmarshal([]byte(line), &l); err != nil {
			t.Fatal(err)
		}
		if l.Op == "root" {
			continue
		}
		s := l.Op
		if l.Error != "" {
			s += " " + l.Type
		}
		if l.Returned != nil && !strings.HasPrefix(l.Text, "WITH") { // how far that one came is chance
			s += fmt.Sprint(" returned ", *l.Returned)
		}
		if l.Affected != nil {
			s += fmt.Sprint(" affected ", *l.Affected)
		}
		spans = append(spans, s)
		if l.System != "sqlite" || strings.Contains(l.Text, "12B") {
			t.Error(line)
		}
	}
	wantSpans := []string{"CONNECT", "CREATE seats affected 0", "INSERT seats affected 3", "INSERT seats 2067", "UPDATE seats affected 2", "QUERY 1",
		"SELECT *errors.errorString", "SELECT seats returned 3", "SELECT seats returned 1", "SELECT nowhere 1",
		"SELECT seats returned 1", "SELECT seats returned 0",
		"BEGIN", "DELETE seats affected 1", "COMMIT", "BEGIN", "DELETE seats affected 0", "ROLLBACK", "SELECT canceled"}
	if diff := cmp.Diff(wantSpans, spans); diff != "" {
		t.Errorf("spans (-want +got):\n%s", diff)
	}
}

// Conn.Raw gives the driver's own connection, unwrapped.
func TestSQLiteRaw(t *testing.T) {
	bare, err := sql.Open("sqlite", ":memory:")
	if err != nil {
		t.Fatal(err)
	}
	defer bare.Close()
	db, err := tracesql.Open("sqlite", ":memory:", nil)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	typeOf := func(db *sql.DB, unwrap func(any) any) (name string) {
		conn, err := db.Conn(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		err = conn.Raw(func(c any) error { name = fmt.Sprintf("%T", unwrap(c)); return nil })
		return name + fmt.Sprint(errors.Join(err))
	}
	same := func(c any) any { return c }
	if got, want := typeOf(db, tracesql.Unwrap), typeOf(bare, same); got != want || typeOf(db, same) == want {
		t.Errorf("unwrapped: %s, want %s", got, want)
	}
}
