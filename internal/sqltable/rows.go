package sqltable

import (
	"database/sql/driver"
	"io"
	"reflect"
)

type rows struct {
	f         *Fake
	row, sets int
}

func (f *Fake) rows() driver.Rows {
	r := &rows{f: f, sets: f.MoreSets}
	return wrapRows(r, f.RowsBits)
}

func (r *rows) Columns() []string { return []string{"id", "name"} }
func (r *rows) Close() error      { return r.f.note("Rows.Close") }

// advance moves to the next row. The name is that of the driver's method.
func (r *rows) advance(name string) error {
	if err := r.f.note(name); err != nil {
		return err
	}
	if r.f.Block != nil {
		<-r.f.Block
	}
	n := r.f.RowCount
	if n == 0 {
		n = 2
	}
	if r.row >= n {
		return io.EOF
	}
	r.row++
	return nil
}

func (r *rows) Next(dest []driver.Value) error {
	if err := r.advance("Next"); err != nil {
		return err
	}
	dest[0], dest[1] = int64(r.row), "ann"
	return nil
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
	_ = r.r.f.note("HasNextResultSet")
	return r.r.sets > 0
}

func (r rowsNextResultSet) NextResultSet() error {
	if err := r.r.f.note("NextResultSet"); err != nil {
		return err
	}
	if r.r.sets == 0 {
		return io.EOF
	}
	r.r.sets--
	r.r.row = 0
	return nil
}

func (r rowsScanType) ColumnTypeScanType(i int) reflect.Type           { return reflect.TypeFor[int64]() }
func (r rowsDatabaseTypeName) ColumnTypeDatabaseTypeName(i int) string { return "INT" }
func (r rowsLength) ColumnTypeLength(i int) (int64, bool)              { return 7, true }
func (r rowsNullable) ColumnTypeNullable(i int) (bool, bool)           { return true, true }
func (r rowsPrecisionScale) ColumnTypePrecisionScale(i int) (int64, int64, bool) {
	return 5, 2, true
}
