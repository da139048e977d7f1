// Package term writes for terminals: colours, tables that fit, and JSON in which nothing harms a terminal.
package term

import (
	"fmt"
	"hash/fnv"
	"io"
	"os"
	"slices"
	"strings"

	"golang.org/x/term"
)

// A ColorMode says when there are colours. As a flag's value it is one of ColorModes.
type ColorMode string

// ColorModes are the values of a ColorMode.
var ColorModes = []string{"auto", "always", "never"}

// String is the flag's value.
func (c *ColorMode) String() string {
	if *c == "" {
		return "auto"
	}
	return string(*c)
}

// Set accepts one of ColorModes.
func (c *ColorMode) Set(s string) error {
	if !slices.Contains(ColorModes, s) {
		return fmt.Errorf("want auto, always or never")
	}
	*c = ColorMode(s)
	return nil
}

// Type is what help calls the value.
func (c *ColorMode) Type() string { return "when" }

// Painter returns a painter for a writer that may be a terminal. NO_COLOR is a convention: no-color.org.
func (c ColorMode) Painter(terminal bool) Painter {
	switch c {
	case "always":
		return true
	case "never":
		return false
	}
	return Painter(terminal && os.Getenv("NO_COLOR") == "" && os.Getenv("TERM") != "dumb")
}

// Terminal tells whether v is one, and how wide.
func Terminal(v any) (is bool, width int) {
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

// A Style is the numbers of an escape sequence that begins a colour; "" is none.
type Style string

// The styles that have a meaning of their own.
const (
	Bold   Style = "1"
	Dim    Style = "2"
	Red    Style = "31"
	Yellow Style = "33"
	Cyan   Style = "36"
)

// traceStyles tell neighbouring traces apart, on dark and on light ground. Red and yellow mean something else.
var traceStyles = []Style{"32", "34", "35", "36", "92", "94", "95", "96", "38;5;208", "38;5;141", "38;5;73", "38;5;175"}

// TraceStyle is the same for all lines of a trace, in every run.
func TraceStyle(id string) Style {
	h := fnv.New32a()
	io.WriteString(h, id)
	return traceStyles[h.Sum32()%uint32(len(traceStyles))]
}

// A Painter adds colours, if they are wanted, to text that is printable.
type Painter bool

// Paint returns text in a colour.
func (p Painter) Paint(st Style, text string) string {
	if !p || st == "" || strings.TrimSpace(text) == "" {
		return text
	}
	return "\x1b[" + string(st) + "m" + text + "\x1b[0m"
}
