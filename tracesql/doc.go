// Package tracesql traces database/sql: a query is a span, from the call until its rows are closed.
//
//	db, err := tracesql.Open("pgx", os.Getenv("DATABASE_URL"), nil)
//	rows, err := db.QueryContext(ctx, "SELECT id, seat FROM bookings WHERE customer = $1", customer)
//
// With a [driver.Connector] of your own, use Wrap:
//
//	db := sql.OpenDB(tracesql.Wrap(connector, nil))
//
// Within a span, this query writes one more line when its rows are closed (shortened here):
//
//	{…,"msg":"span end","op":"SELECT bookings","kind":"client","duration_ms":1.9,"db.system.name":"postgresql","db.operation.name":"SELECT","db.collection.name":"bookings","db.query.text":"SELECT id, seat FROM bookings WHERE customer = $1","db.response.returned_rows":2,"db.response.first_row_ms":1.7}
//
// # Spans
//
// Each span has the kind client. Its parent is the current span, or the remote parent, in the context of the call.
// Without a parent the call is not traced, unless [Options.NewTraces] is set. So pass the context: db.Query has none.
//
//   - A query or an exec is one span, even if the driver returns [driver.ErrSkip] and database/sql prepares it first.
//     Each use of a prepared statement is one span too.
//   - BEGIN, COMMIT and ROLLBACK are spans below the context of BeginTx. [Options.Transactions] adds a span around them and
//     the queries between them.
//   - CONNECT is the opening of a connection, if database/sql opens it with the context of the call that needs it.
//   - PREPARE is an explicit or implicit prepare. It is written only if the prepare failed or [Options.Prepares] is set.
//
// Pings, session resets and closes have no spans.
//
// The op is the operation and its table, such as "SELECT bookings", or the operation alone.
// A connector uses at most 256 tables in ops, so the number of ops is bounded.
//
// # Attributes
//
// These attributes follow OpenTelemetry's semantic conventions: db.system.name, db.namespace, db.operation.name, db.collection.name
// (if the statement names exactly one table), db.query.text, db.query.parameter.<key> ([Options.Args]), db.response.returned_rows,
// db.response.status_code, error.type, server.address and server.port. The others are ours:
//
//   - db.response.affected_rows: the rows that an exec changed, if the driver knows.
//   - db.response.first_row_ms: the time from the call to the first row.
//   - db.response.next_ms, db.response.between_ms: the time in the driver's Next, and the application's time between
//     its calls ([Options.RowTimes]).
//   - db.bad_conn: true if the driver returned [driver.ErrBadConn].
//   - db.attempt: 2 or more, if database/sql repeats a call after ErrBadConn.
//   - db.transaction.outcome: "commit" or "rollback", on the span of a whole transaction that did not fail.
//
// db.query.text has ? in place of strings and numbers, and no comments. Of a list after IN or VALUES it has one element.
// It is at most 2,048 bytes long. If a text can be read in more than one way, db.query.text ends there with "…".
//
// # Which errors fail a span
//
// Every error of the driver fails the span, except:
//
//   - driver.ErrSkip: database/sql prepares the statement instead.
//   - driver.ErrBadConn: database/sql repeats the call, at most twice, and a driver cannot see that the attempts are one call.
//     So each attempt is a span of its own with db.bad_conn, and the next one has db.attempt. The first two do not fail.
//     The third one fails. In a transaction, or after its context has ended, the first one fails,
//     since database/sql does not repeat it.
//     On a [sql.Conn] it is not repeated either, but a driver cannot know that: the span does not fail.
//   - [io.EOF] from Next: the end of the rows.
//   - [sql.ErrNoRows]: a driver rarely returns it. database/sql returns it for a query without rows,
//     whose span has db.response.returned_rows 0.
//
// error.type is "canceled" if the caller's context was canceled, "timeout" if its deadline passed, "EOF" if the server
// hung up, and "bad_conn" for driver.ErrBadConn. Otherwise it is db.response.status_code or, without one, the type of the error.
//
// A panic of the driver fails the span of its call, or of the query whose rows are read, and goes on.
//
// Rows that are never closed leak their connection. Their span ends with the error "rows were never closed".
// It ends when the rows are garbage, or when database/sql closes them because their context or transaction has ended.
// error.type is then "canceled", "timeout" or "rows_not_closed". This includes rows that are being read at that moment,
// unless the driver's Next returns the error of the context first. If the application closes them first, the span does not fail.
//
// # The wait for a connection
//
// A driver does not see how long a call waited for a connection. [LogPool] logs the sum for all calls.
//
// # Optional interfaces
//
// A wrapped connector, connection, statement or rows has exactly the optional interfaces that the driver's own value has,
// for database/sql and for any type assertion. There is one exception: methods with a context that replace methods without one.
// A wrapped connection always has ConnPrepareContext and ConnBeginTx, and a wrapped statement StmtExecContext and StmtQueryContext.
// A connection with Execer or Queryer also has ExecerContext or QueryerContext.
// Without these methods no context would reach this package, and the spans would have no parent.
// They do what database/sql does for a driver without them.
//
// Errors are returned unchanged. [Unwrap] returns the driver's own value, for use in [sql.Conn.Raw].
// [sql.DB.Driver] returns the driver's own.
package tracesql
