//go:build go1.27

package sqltable

import (
	"database/sql"
	"database/sql/driver"
)

const allScannerBits = HasColumnScanner

type rowsColumnScanner struct{ r *rows }

func (r rowsColumnScanner) NextRow() error { return r.r.advance("NextRow") }

func (r rowsColumnScanner) ScanColumn(ctx driver.ScanContext, i int, dest any) error {
	if err := r.r.f.note("ScanColumn", i); err != nil {
		return err
	}
	if i == 0 {
		return sql.ConvertAssign(ctx, dest, int64(100+r.r.row))
	}
	return sql.ConvertAssign(ctx, dest, "scanned")
}
