// Package term writes to terminals: colours, tables that fit, and JSON that cannot harm a terminal.
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

// A ColorMode is a flag that says when to use colours.
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

// Terminal reports whether v is a terminal, and its width, or 0 if that is unknown.
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

// A Style is the parameters of the escape sequence for a colour. "" is no colour.
type Style string

// The styles that have a meaning of their own.
const (
	Bold   Style = "1"
	Dim    Style = "2"
	Red    Style = "31"
	Yellow Style = "33"
	Cyan   Style = "36"
)

// traceStyles are easy to tell apart on dark and on light backgrounds. Red and yellow are not among them: they have a meaning.
var traceStyles = []Style{"32", "34", "35", "36", "92", "94", "95", "96", "38;5;208", "38;5;141", "38;5;73", "38;5;175"}

// TraceStyle returns the colour of a trace. It is the same in every run.
func TraceStyle(id string) Style {
	h := fnv.New32a()
	io.WriteString(h, id)
	return traceStyles[h.Sum32()%uint32(len(traceStyles))]
}

// A Painter adds colours to printable text, if it is true.
type Painter bool

// Paint returns text in a colour.
func (p Painter) Paint(st Style, text string) string {
	if !p || st == "" || strings.TrimSpace(text) == "" {
		return text
	}
	return "\x1b[" + string(st) + "m" + text + "\x1b[0m"
}
