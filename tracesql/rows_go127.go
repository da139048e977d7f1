//go:build go1.27

package tracesql

import "database/sql/driver"

func scannerBit(base driver.Rows) int { return bitIf[driver.RowsColumnScanner](base, isColumnScanner) }

type rowsColumnScanner struct{ r *rows }

func (r rowsColumnScanner) NextRow() error {
	defer r.r.endIfPanics()
	r.r.span.enter()
	err := r.r.base.(driver.RowsColumnScanner).NextRow()
	r.r.leave(err)
	return err
}

func (r rowsColumnScanner) ScanColumn(ctx driver.ScanContext, i int, dest any) error {
	defer r.r.endIfPanics()
	return r.r.base.(driver.RowsColumnScanner).ScanColumn(ctx, i, dest)
}
