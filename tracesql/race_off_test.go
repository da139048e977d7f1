//go:build !race

package tracesql

const raceEnabled = false
