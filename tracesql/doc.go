// Package tracesql traces database/sql: a query is a span, from the call until its rows are closed.
//
//	db, err := tracesql.Open("pgx", os.Getenv("DATABASE_URL"), nil)
//	rows, err := db.QueryContext(ctx, "SELECT id, seat FROM bookings WHERE customer = $1", customer)
//
// or, with a [driver.Connector] of your own,
//
//	db := sql.OpenDB(tracesql.Wrap(connector, nil))
//
// In a span, that query writes one line more, when its rows are closed (shortened):
//
//	{…,"msg":"span end","op":"SELECT bookings","kind":"client","duration_ms":1.9,"db.system.name":"postgresql","db.operation.name":"SELECT","db.collection.name":"bookings","db.query.text":"SELECT id, seat FROM bookings WHERE customer = $1","db.response.returned_rows":2,"db.response.first_row_ms":1.7}
//
// # Spans
//
// All spans have the kind client. They are children of the current span of the context that the call was given.
// Without one there is no span, unless [Options.NewTraces] is set. So pass the context: db.Query has none.
//
//   - A query or an exec is one span, also where database/sql first prepares it because the driver returned
//     [driver.ErrSkip]. So is each use of a prepared statement.
//   - BEGIN, COMMIT and ROLLBACK are spans below the context of BeginTx. [Options.Transactions] adds one around them and
//     the queries between.
//   - CONNECT is the opening of a connection, where database/sql does it with the context of the call that needs one.
//   - PREPARE is an explicit or implicit prepare, if it failed or [Options.Prepares] is set.
//
// Pings, session resets and closes have none.
//
// The op is the operation and its table, "SELECT bookings", else the operation alone. A connector uses at most 256 tables in ops,
// so the number of ops is bounded.
//
// # Attributes
//
// Those of OpenTelemetry's semantic conventions are db.system.name, db.namespace, db.operation.name, db.collection.name
// (if the statement names one table), db.query.text, db.query.parameter.<key> ([Options.Args]), db.response.returned_rows,
// db.response.status_code, error.type, server.address and server.port. These are ours:
//
//   - db.response.affected_rows: what an exec changed, if the driver knows.
//   - db.response.first_row_ms: from the call to the first row.
//   - db.response.next_ms, db.response.between_ms: the time in the driver's Next, and the application's between
//     its calls ([Options.RowTimes]).
//   - db.bad_conn: the driver returned [driver.ErrBadConn].
//   - db.attempt: 2 or more, of a call that database/sql repeats after ErrBadConn.
//   - db.transaction.outcome: "commit" or "rollback", of the span of a whole transaction.
//
// db.query.text has ? in place of strings and numbers, no comments, and one element of a list after IN or VALUES. It has at most
// 2,048 bytes. Where the text can be read in more than one way, it ends there with "…".
//
// # Which errors fail a span
//
// Every error of the driver, except:
//
//   - driver.ErrSkip, which is no outcome.
//   - driver.ErrBadConn. database/sql repeats such a call, at most twice, and a driver cannot see that these are one call.
//     So each attempt is a span that has not failed, with db.bad_conn, and the next one has db.attempt. The third one fails,
//     and so does one in a transaction, which is not repeated. One on a [sql.Conn] is not repeated either,
//     but nothing tells the driver so.
//   - [io.EOF] from Next: the end of the rows.
//   - [sql.ErrNoRows]. In most cases database/sql makes it of a query without rows, whose span has db.response.returned_rows 0.
//
// error.type is "canceled" if the caller's context was canceled, "timeout" if its deadline passed, "EOF" if the server
// hung up, else db.response.status_code, else the type of the error.
//
// Rows that are never closed leak their connection. Their span ends with the error "rows were never closed", when they are
// garbage, or when database/sql closes them because their context or transaction has ended; error.type is then
// "canceled", "timeout" or "rows_not_closed". Rows that are being read at that moment are among them,
// unless the driver's Next returns the error of the context first.
//
// # The wait for a connection
//
// A driver does not see it. [LogPool] writes how long calls waited in all.
//
// # What the driver has
//
// The optional interfaces of connector, connection, statement and rows are the driver's own: the wrapped value has those that the
// driver has, and no others, to database/sql as to a type assertion. There is one exception: the methods that take a context,
// in place of one that does not: ConnPrepareContext, ConnBeginTx, StmtExecContext and StmtQueryContext always,
// ExecerContext and QueryerContext with a driver's Execer and Queryer. Without them no context would reach this package,
// and the spans would have no parent. They do what database/sql does where they are missing.
//
// Errors are passed on as they are. [Unwrap] returns the driver's own value, such as in [sql.Conn.Raw].
// [sql.DB.Driver] is the driver's own.
package tracesql
