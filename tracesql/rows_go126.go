//go:build !go1.27

package tracesql

import "database/sql/driver"

// Before Go 1.27 there is no driver.RowsColumnScanner.

func scannerBit(driver.Rows) int { return 0 }

func wrapScanner(r *rows, _ int) driver.Rows { return r }
