//go:build go1.27

package tracesql

import (
	"database/sql/driver"
	"reflect"
)

func init() { rowsInterfaces["RowsColumnScanner"] = reflect.TypeFor[driver.RowsColumnScanner]() }
