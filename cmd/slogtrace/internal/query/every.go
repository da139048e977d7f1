package query

import (
	"errors"
	"time"
)

// Every is a flag for the length of intervals.
type Every time.Duration

// String implements [pflag.Value].
func (e *Every) String() string {
	if *e == 0 {
		return ""
	}
	return time.Duration(*e).String()
}

// Type implements [pflag.Value].
func (e *Every) Type() string { return "duration" }

// Set implements [pflag.Value].
func (e *Every) Set(s string) error {
	d, err := parseAge(s)
	if err != nil || d < time.Millisecond || s[0] == '-' {
		return errors.New("want a duration of 1ms or more, like 5m, 1h, 1d, 1w")
	}
	*e = Every(d)
	return nil
}
