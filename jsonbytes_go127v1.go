//go:build go1.27 && !goexperiment.jsonv2

package slogtrace

// GOEXPERIMENT=nojsonv2. For the meaning of these constants see jsonbytes_go126.go.
const (
	invalidUTF8 = `\ufffd`
	yearDefect  = false
)
