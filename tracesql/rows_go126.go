//go:build !go1.27

package tracesql

import "database/sql/driver"

// driver.RowsColumnScanner is new in Go 1.27.

func scannerBit(driver.Rows) int { return 0 }

func wrapScanner(r *rows, _ int) driver.Rows { return r }
