//go:build go1.27

package tracesql

import (
	"database/sql"
	"database/sql/driver"
)

const allScannerBits = isColumnScanner

type fakeRowsColumnScanner struct{ r *fakeRows }

func (r fakeRowsColumnScanner) NextRow() error { return r.r.advance("NextRow") }

func (r fakeRowsColumnScanner) ScanColumn(ctx driver.ScanContext, i int, dest any) error {
	if err := r.r.f.note("ScanColumn", i); err != nil {
		return err
	}
	if i == 0 {
		return sql.ConvertAssign(ctx, dest, int64(100+r.r.row))
	}
	return sql.ConvertAssign(ctx, dest, "scanned")
}

func init() {
	scanMethods = map[string]func(r *rows){
		"NextRow":    func(r *rows) { rowsColumnScanner{r}.NextRow() },
		"ScanColumn": func(r *rows) { rowsColumnScanner{r}.ScanColumn(driver.ScanContext{}, 0, nil) },
	}
}
