//go:build go1.27

package sqltable

import (
	"database/sql/driver"
	"reflect"
)

func init() { rowsInterfaces["RowsColumnScanner"] = reflect.TypeFor[driver.RowsColumnScanner]() }
