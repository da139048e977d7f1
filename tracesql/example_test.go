package tracesql_test

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"fmt"
	"io"
	"log/slog"
	"time"

	"github.com/slogtrace/slogtrace"
	"github.com/slogtrace/slogtrace/tracesql"
	"github.com/slogtrace/slogtrace/tracetest"
)

func ExampleOpen() {
	rec := tracetest.NewRecorder()
	slogtrace.SetDefault(slogtrace.NewTracer(rec, nil)) // the example prints its trace; your spans go to your log

	db, err := tracesql.Open("example", "postgres://app@db.internal/bookings", &tracesql.Options{System: "postgresql"})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer db.Close()

	ctx, span := slogtrace.Start(context.Background(), "show bookings")
	rows, err := db.QueryContext(ctx, "SELECT id FROM bookings WHERE customer = $1 AND state IN ('held', 'paid')", 4711)
	if err != nil {
		fmt.Println(err)
		return
	}
	for rows.Next() {
	}
	rows.Close()
	span.End()

	for _, t := range rec.Traces() {
		for depth, s := range t.All() {
			fmt.Println(depth, s.Op)
			for _, a := range s.Attrs {
				switch a.Key {
				case "db.collection.name", "db.query.text", "db.response.returned_rows":
					fmt.Printf("  %s %s\n", a.Key, a.Value)
				}
			}
		}
	}
	// Output:
	// 0 show bookings
	// 1 CONNECT
	// 1 SELECT bookings
	//   db.collection.name "bookings"
	//   db.query.text "SELECT id FROM bookings WHERE customer = $1 AND state IN (?)"
	//   db.response.returned_rows 2
}

func ExampleWrap() {
	var connector driver.Connector = exampleDriver{} // for example from pgx's stdlib.GetConnector or from mysql.NewConnector
	db := sql.OpenDB(tracesql.Wrap(connector, &tracesql.Options{
		Server:       "db.internal:5432",
		Transactions: true,
	}))
	defer db.Close()
	fmt.Println(db.Ping())
	// Output: <nil>
}

func ExampleUnwrap() {
	db := sql.OpenDB(tracesql.Wrap(exampleDriver{}, nil))
	defer db.Close()
	conn, err := db.Conn(context.Background())
	if err != nil {
		fmt.Println(err)
		return
	}
	defer conn.Close()
	err = conn.Raw(func(c any) error {
		_, wrapped := c.(*exampleConn)
		_, unwrapped := tracesql.Unwrap(c).(*exampleConn)
		fmt.Println(wrapped, unwrapped)
		return nil
	})
	fmt.Println(err)
	// Output:
	// false true
	// <nil>
}

func ExampleLogPool() {
	slog.SetDefault(slog.New(slogtrace.NewJSONHandler(io.Discard, nil)))
	db := sql.OpenDB(tracesql.Wrap(exampleDriver{}, nil))
	defer db.Close()
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	tracesql.LogPool(ctx, db, 10*time.Second)
	// Output:
}

func init() { sql.Register("example", exampleDriver{}) }

// exampleDriver answers each query with two rows.
type exampleDriver struct{}

func (exampleDriver) Open(string) (driver.Conn, error)               { return &exampleConn{}, nil }
func (d exampleDriver) Connect(context.Context) (driver.Conn, error) { return &exampleConn{}, nil }
func (d exampleDriver) Driver() driver.Driver                        { return d }

type exampleConn struct{}

func (*exampleConn) Prepare(string) (driver.Stmt, error) { return nil, driver.ErrSkip }
func (*exampleConn) Close() error                        { return nil }
func (*exampleConn) Begin() (driver.Tx, error)           { return nil, driver.ErrSkip }
func (*exampleConn) QueryContext(context.Context, string, []driver.NamedValue) (driver.Rows, error) {
	return &exampleRows{}, nil
}

type exampleRows struct{ row int }

func (*exampleRows) Columns() []string { return []string{"id"} }
func (*exampleRows) Close() error      { return nil }
func (r *exampleRows) Next(dest []driver.Value) error {
	if r.row++; r.row > 2 {
		return io.EOF
	}
	dest[0] = int64(r.row)
	return nil
}
