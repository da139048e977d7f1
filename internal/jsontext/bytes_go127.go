//go:build go1.27 && goexperiment.jsonv2

package jsontext

// jsonv2 is on by default since Go 1.27. For the meaning of these constants see bytes_go126.go.
const (
	InvalidUTF8 = "\ufffd"
	YearDefect  = false
)
