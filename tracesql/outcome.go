package tracesql

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"reflect"
	"strconv"

	"github.com/slogtrace/slogtrace/internal/errtype"
	"github.com/slogtrace/slogtrace/internal/sqltext"
)

// An outcome is the meaning of a driver's error for the span of its call.
type outcome struct {
	fails   bool
	badConn bool
	kind    string // error.type
	status  string // db.response.status_code
}

// outcomeOf returns the outcome of a call with ctx that returned err. status is Options.StatusCode.
func outcomeOf(ctx context.Context, err error, status func(error) string) outcome {
	if errors.Is(err, driver.ErrBadConn) {
		if ctx.Err() != nil { // database/sql does not repeat the call then
			return outcome{fails: true, badConn: true, kind: endOf(ctx)}
		}
		return outcome{badConn: true, kind: "bad_conn"}
	}
	if err == sql.ErrNoRows {
		return outcome{}
	}
	o := outcome{fails: true}
	if status == nil {
		status = statusCode
	}
	o.status = sqltext.Cut(status(err), sqltext.MaxName)
	kind := errtype.Of(err)
	switch {
	case ctx.Err() != nil && (kind == "canceled" || kind == "timeout" || isCanceled[o.status]):
		// A driver may return either error, or one code for both. The context knows which one is true.
		o.kind = endOf(ctx)
	case kind == "canceled", kind == "timeout", o.status == "":
		o.kind = kind
	default:
		o.kind = o.status
	}
	return o
}

// endOf returns the error.type of a call whose context has ended.
func endOf(ctx context.Context) string {
	if ctx.Err() == context.DeadlineExceeded {
		return "timeout"
	}
	return "canceled"
}

// isCanceled contains the codes of servers for a query that its client canceled:
// PostgreSQL's query_canceled, MySQL's ER_QUERY_INTERRUPTED, SQLite's SQLITE_INTERRUPT.
// Drivers whose errors have no code return the error of the context.
var isCanceled = map[string]bool{"57014": true, "1317": true, "9": true}

// statusCode returns the code of a database's error, "" if it has none.
func statusCode(err error) string {
	if e, ok := errors.AsType[interface {
		error
		SQLState() string
	}](err); ok {
		return e.SQLState()
	}
	if e, ok := errors.AsType[interface {
		error
		SQLErrorNumber() int32
	}](err); ok {
		return strconv.Itoa(int(e.SQLErrorNumber()))
	}
	if e, ok := errors.AsType[interface {
		error
		Code() int
	}](err); ok {
		return strconv.Itoa(e.Code())
	}
	for ; err != nil; err = errors.Unwrap(err) {
		if v := reflect.ValueOf(err); v.Kind() == reflect.Pointer && v.Elem().Kind() == reflect.Struct {
			if n := v.Elem().FieldByName("Number"); n.IsValid() && n.CanUint() { // go-sql-driver/mysql
				return strconv.FormatUint(n.Uint(), 10)
			}
		}
	}
	return ""
}
