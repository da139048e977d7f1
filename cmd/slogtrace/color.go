package main

import (
	"fmt"
	"hash/fnv"
	"io"
	"os"
	"slices"
	"strings"

	"golang.org/x/term"
)

// A colorMode says when there are colours. As a flag's value it is one of colorModes.
type colorMode string

var colorModes = []string{"auto", "always", "never"}

func (c *colorMode) String() string {
	if *c == "" {
		return "auto"
	}
	return string(*c)
}

func (c *colorMode) Set(s string) error {
	if !slices.Contains(colorModes, s) {
		return fmt.Errorf("want auto, always or never")
	}
	*c = colorMode(s)
	return nil
}

func (c *colorMode) Type() string { return "when" }

// colored reports whether standard output takes colours. NO_COLOR is a convention: no-color.org.
func (s *session) colored() bool {
	switch s.color {
	case "always":
		return true
	case "never":
		return false
	}
	return s.stdoutTerm && os.Getenv("NO_COLOR") == "" && os.Getenv("TERM") != "dumb"
}

// terminal tells whether v is one, and how wide.
func terminal(v any) (is bool, width int) {
	f, ok := v.(*os.File)
	if !ok || !term.IsTerminal(int(f.Fd())) {
		return false, 0
	}
	width, _, err := term.GetSize(int(f.Fd()))
	if err != nil {
		width = 0
	}
	return true, width
}

// A style is the numbers of an escape sequence that begins a colour; "" is none.
type style string

const (
	bold   style = "1"
	dim    style = "2"
	red    style = "31"
	green  style = "32"
	yellow style = "33"
	cyan   style = "36"
)

// traceStyles tell neighbouring traces apart, on dark and on light ground. Red and yellow mean something else.
var traceStyles = []style{"32", "34", "35", "36", "92", "94", "95", "96", "38;5;208", "38;5;141", "38;5;73", "38;5;175"}

// traceStyle is the same for all lines of a trace, in every run.
func traceStyle(id string) style {
	h := fnv.New32a()
	io.WriteString(h, id)
	return traceStyles[h.Sum32()%uint32(len(traceStyles))]
}

// A painter adds colours, if they are wanted, to text that is printable.
type painter bool

func (p painter) paint(st style, text string) string {
	if !p || st == "" || strings.TrimSpace(text) == "" {
		return text
	}
	return "\x1b[" + string(st) + "m" + text + "\x1b[0m"
}
