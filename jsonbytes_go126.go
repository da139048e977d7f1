//go:build !go1.27

package slogtrace

// These constants follow slog.JSONHandler, whose bytes depend on the Go version and on GOEXPERIMENT=jsonv2.
// Each build of this package writes the bytes of the slog that it is built with.
const (
	invalidUTF8 = `\ufffd` // written for each byte of a string that is not UTF-8
	yearDefect  = true     // the error of a year outside of [0,9999] is followed by the time: not valid JSON
)
