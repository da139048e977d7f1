//go:build !go1.27

package jsontext

// These constants follow slog.JSONHandler, whose bytes depend on the Go version and on GOEXPERIMENT=jsonv2.
// Each build of this package writes the bytes of the slog that it is built with.
const (
	InvalidUTF8 = `\ufffd` // written for each byte of a string that is not UTF-8
	YearDefect  = true     // the error of a year outside of [0,9999] is followed by the time: not valid JSON
)
