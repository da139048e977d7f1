//go:build !go1.27

package sqltable

import "database/sql/driver"

const allScannerBits = 0

func wrapScanner(*rows, int) driver.Rows { return nil }
