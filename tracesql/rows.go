package tracesql

import (
	"database/sql/driver"
	"errors"
	"io"
	"log/slog"
	"reflect"
	"runtime"
	"time"

	"github.com/slogtrace/slogtrace/internal/hook"
)

// A rows wraps the rows of a query that has a span. It has the methods that all rows have.
// rowsNextResultSet and the like add one optional method each. wrapRows combines those that the driver's rows have.
// Outside a trace, rows are not wrapped.
type rows struct {
	base    driver.Rows
	span    *rowsSpan
	cleanup runtime.Cleanup
}

// A rowsSpan is the span of a query that has rows.
// It has no pointer to the rows, so that they can be garbage while the span is not.
type rowsSpan struct {
	call
	returned int64
	first    time.Duration // from the call to the first row
	atEnd    bool          // Next returned io.EOF; another result set may follow
	inTx     bool          // the end of a transaction closes the rows
	timed    bool          // Options.RowTimes
	entered  bool          // Next was called; this and the following are set only if timed
	left     time.Duration // from the call to the last begin or end of a Next
	next     time.Duration // time in Next
	between  time.Duration // time between calls of Next
}

// endQuery returns the rows for the application. The rows end the span of the call. Without rows endQuery ends it.
func (c call) endQuery(base driver.Rows, err error) (driver.Rows, error) {
	if err != nil || base == nil {
		c.end(err)
		return base, err
	}
	r := &rows{base: base, span: &rowsSpan{call: c, inTx: c.final, timed: c.config.opts.RowTimes}}
	r.span.final = true // from here on database/sql does not repeat the call
	r.cleanup = runtime.AddCleanup(r, (*rowsSpan).leaked, r.span)
	return wrapRows(r, interfacesOfRows(base)), nil
}

// The optional interfaces of rows.
const (
	isNextResultSet = 1 << iota
	isScanType
	isDatabaseTypeName
	isLength
	isNullable
	isPrecisionScale
	isColumnScanner
)

// interfacesOfRows returns the bits of the methods that the wrapped rows have.
func interfacesOfRows(base driver.Rows) int {
	return bitIf[driver.RowsNextResultSet](base, isNextResultSet) |
		bitIf[driver.RowsColumnTypeScanType](base, isScanType) |
		bitIf[driver.RowsColumnTypeDatabaseTypeName](base, isDatabaseTypeName) |
		bitIf[driver.RowsColumnTypeLength](base, isLength) |
		bitIf[driver.RowsColumnTypeNullable](base, isNullable) |
		bitIf[driver.RowsColumnTypePrecisionScale](base, isPrecisionScale) |
		scannerBit(base)
}

func (r *rows) unwrap() any { return r.base }

// endIfPanics ends the span, failed, if the driver panics. It must be deferred itself, in each method of the rows.
func (r *rows) endIfPanics() {
	s := r.span
	if s.span == nil {
		return
	}
	if p := recover(); p != nil {
		s.span.SetAttrs(s.attrs()...)
		s.span = nil
		hook.EndPanic(s.ctx, p)
	}
}

func (r *rows) Columns() []string {
	defer r.endIfPanics()
	return r.base.Columns()
}

func (r *rows) Close() error {
	defer r.endIfPanics()
	err := r.base.Close()
	r.span.close(err)
	r.cleanup.Stop()
	return err
}

func (r *rows) Next(dest []driver.Value) error {
	defer r.endIfPanics()
	r.span.enter()
	err := r.base.Next(dest)
	r.leave(err)
	return err
}

// leave notes the outcome of the driver's Next.
func (r *rows) leave(err error) {
	s := r.span
	if s.timed {
		now := time.Since(s.start)
		s.next += now - s.left
		s.left = now
	}
	switch {
	case err == nil:
		s.returned++
		if s.returned == 1 {
			s.first = time.Since(s.start)
		}
		return
	case err != io.EOF:
		s.finish(err)
		return
	}
	s.atEnd = true
	if _, ok := r.base.(driver.RowsNextResultSet); !ok {
		s.finish(nil)
	}
}

// enter notes the beginning of a call of Next.
func (s *rowsSpan) enter() {
	if !s.timed {
		return
	}
	now := time.Since(s.start) // one clock is read; time.Now reads two
	if s.entered {
		s.between += now - s.left
	}
	s.entered, s.left = true, now
}

var errNotClosed = errors.New("rows were never closed")

// close notes the outcome of the driver's Close.
func (s *rowsSpan) close(err error) {
	switch {
	case err == nil && s.span != nil && !s.atEnd && (s.inTx || s.caller.Err() != nil) && closedByContext():
		s.notClosed()
	default:
		s.finish(err)
	}
}

// leaked is called when rows that were not closed have become garbage.
func (s *rowsSpan) leaked() {
	if s.atEnd {
		s.finish(nil)
		return
	}
	s.notClosed()
}

func (s *rowsSpan) notClosed() {
	if s.span == nil {
		return
	}
	kind := "rows_not_closed"
	if s.caller.Err() != nil {
		kind = endOf(s.caller)
	}
	s.span.SetAttrs(append(s.attrs(), slog.String("error.type", kind))...)
	s.span.Fail(errNotClosed)
	s.span.End()
	s.span = nil
}

// finish ends the span if it has not ended.
func (s *rowsSpan) finish(err error) {
	if s.span == nil {
		return
	}
	s.end(err, s.attrs()...)
	s.span = nil
}

func (s *rowsSpan) attrs() []slog.Attr {
	attrs := make([]slog.Attr, 0, 7)
	attrs = append(attrs, slog.Int64("db.response.returned_rows", s.returned))
	if s.returned > 0 {
		attrs = append(attrs, slog.Float64("db.response.first_row_ms", milliseconds(s.first)))
	}
	if s.timed {
		s.enter()
		attrs = append(attrs,
			slog.Float64("db.response.next_ms", milliseconds(s.next)),
			slog.Float64("db.response.between_ms", milliseconds(s.between)))
	}
	return attrs
}

// closedByContext reports whether database/sql closes the rows because their context, or their transaction's, has ended.
// Only the stack shows it: database/sql does this in a goroutine of its own.
// A context that has ended is no proof, since the application may close rows after that too.
func closedByContext() bool {
	var pcs [16]uintptr
	frames := runtime.CallersFrames(pcs[:runtime.Callers(3, pcs[:])])
	for {
		f, more := frames.Next()
		if f.Function == "database/sql.(*Rows).awaitDone" {
			return true
		}
		if !more {
			return false
		}
	}
}

type (
	rowsNextResultSet    struct{ r *rows }
	rowsScanType         struct{ r *rows }
	rowsDatabaseTypeName struct{ r *rows }
	rowsLength           struct{ r *rows }
	rowsNullable         struct{ r *rows }
	rowsPrecisionScale   struct{ r *rows }
)

func (r rowsNextResultSet) HasNextResultSet() bool {
	defer r.r.endIfPanics()
	return r.r.base.(driver.RowsNextResultSet).HasNextResultSet()
}

func (r rowsNextResultSet) NextResultSet() error {
	defer r.r.endIfPanics()
	err := r.r.base.(driver.RowsNextResultSet).NextResultSet()
	switch err {
	case nil:
		r.r.span.atEnd = false
	case io.EOF:
		r.r.span.atEnd = true
	default:
		r.r.span.finish(err)
	}
	return err
}

func (r rowsScanType) ColumnTypeScanType(i int) reflect.Type {
	defer r.r.endIfPanics()
	return r.r.base.(driver.RowsColumnTypeScanType).ColumnTypeScanType(i)
}

func (r rowsDatabaseTypeName) ColumnTypeDatabaseTypeName(i int) string {
	defer r.r.endIfPanics()
	return r.r.base.(driver.RowsColumnTypeDatabaseTypeName).ColumnTypeDatabaseTypeName(i)
}

func (r rowsLength) ColumnTypeLength(i int) (int64, bool) {
	defer r.r.endIfPanics()
	return r.r.base.(driver.RowsColumnTypeLength).ColumnTypeLength(i)
}

func (r rowsNullable) ColumnTypeNullable(i int) (nullable, ok bool) {
	defer r.r.endIfPanics()
	return r.r.base.(driver.RowsColumnTypeNullable).ColumnTypeNullable(i)
}

func (r rowsPrecisionScale) ColumnTypePrecisionScale(i int) (precision, scale int64, ok bool) {
	defer r.r.endIfPanics()
	return r.r.base.(driver.RowsColumnTypePrecisionScale).ColumnTypePrecisionScale(i)
}
