//go:build go1.27

package tracesql

import "database/sql/driver"

func init() {
	scanMethods = map[string]func(r *rows){
		"NextRow":    func(r *rows) { rowsColumnScanner{r}.NextRow() },
		"ScanColumn": func(r *rows) { rowsColumnScanner{r}.ScanColumn(driver.ScanContext{}, 0, nil) },
	}
}
