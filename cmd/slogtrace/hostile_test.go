package main

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"unicode/utf8"
)

// hidden is what Unicode calls graphic and must be escaped all the same. A joiner may stand between two emoji only.
var hidden = regexp.MustCompile(`[\x{034f}\x{115f}\x{1160}\x{17b4}\x{17b5}\x{180b}-\x{180f}\x{2800}\x{3164}\x{fe00}-\x{fe0e}\x{ffa0}\x{e0100}-\x{e01ef}]` +
	`|[A-Za-z ]\x{fe0f}|\p{M}{5}|[^\p{So}\p{Sm}\p{Sk}\p{Po}\x{fe0f}]\x{200d}|\x{200d}[^\p{So}\p{Sm}\p{Sk}\p{Po}]`)

// unprintable returns the first place where text holds what is neither graphic nor a newline, or hidden.
func unprintable(text string) (string, bool) {
	around := func(i int) string { return text[max(0, i-20):min(len(text), i+20)] }
	for i, r := range text {
		_, size := utf8.DecodeRuneInString(text[i:])
		if r != '\n' && r != '\u200d' && (r == utf8.RuneError && size == 1 || !strconv.IsGraphic(r)) {
			return around(i), true
		}
	}
	if at := hidden.FindStringIndex(text); at != nil {
		return around(at[0]), true
	}
	return "", false
}

// nasty is what could harm a terminal or whoever reads it: escape sequences in both forms, a new line that looks
// like one of ours, marks that turn the direction of text, what hides text or cannot be seen, what is no UTF-8.
const nasty = "a\u034fb\u3164\uffa0\u2800\ufe00c\U000e0100\u200dd\ufe0f e\u0301\u0301\u0301\u0301\u0301 \x1b[31mX\x1b]0;title\x07 \u009b2J \u202egpj.exe\u2066 \u200b\ufeff\u2028 \x00\x08\x7f\r\nslogtrace: 0 errors\t\xff\xc3("

// hostileLog has it in every place of a line.
func hostileLog() string {
	var b strings.Builder
	q := func(s string) string { // JSON, with what may stand raw in a string left raw
		var b strings.Builder
		b.WriteByte('"')
		for i := 0; i < len(s); i++ {
			if c := s[i]; c < 0x20 || c == '"' || c == '\\' {
				fmt.Fprintf(&b, `\u%04x`, c)
			} else {
				b.WriteByte(c)
			}
		}
		b.WriteByte('"')
		return b.String()
	}
	n := q(nasty)
	for i, id := range []string{"t1" + nasty, "t2" + nasty} {
		at := fmt.Sprintf("2026-03-01T09:15:0%d", i)
		trace := q(id)
		fmt.Fprintf(&b, `{"time":"%s.1Z","level":%s,"msg":%s,"trace":%s,"span":%s,"op":%[2]s,"service":%[2]s,%[2]s:%[2]s,"o":{%[2]s:[%[2]s]}}`+"\n",
			at, n, n, trace, n)
		fmt.Fprintf(&b, `{"time":"%s.2Z","level":%s,"msg":"span end","trace":%s,"span":%[2]s,"op":%[2]s,"service":%[2]s,"parent":%[2]s,"kind":%[2]s,"start":"%[1]sZ","duration_ms":200,"error":%[2]s,"stack":%[2]s,"links":[{"trace":%[2]s,"span":%[2]s}],%[2]s:%[2]s}`+"\n",
			at, n, trace)
		fmt.Fprintf(&b, `{"time":"%s.2Z","level":"INFO","msg":"span start","trace":%s,"span":%s,"op":%[3]s,"parent":%s}`+"\n",
			at, trace, n, q("p"+nasty))
	}
	b.WriteString("panic: " + strings.ReplaceAll(nasty, "\n", "") + "\n")
	return b.String()
}

func TestHostile(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "dir\x1b[31m\u202e\n\u009b")
	file := filepath.Join(dir, "a\x1b[2J\u202e\nb.log")
	if err := os.Mkdir(dir, 0o777); err != nil {
		t.Skipf("no such file names here: %v", err)
	}
	if err := os.WriteFile(file, []byte(hostileLog()), 0o666); err != nil {
		t.Fatal(err)
	}
	gone := filepath.Join(dir, "gone\x1b[31m")
	for _, args := range [][]string{
		{"ls"}, {"ls", "--error", "--grep", "X"}, {"show"}, {"show", "--logs", "--attrs", "--stacks"},
		{"show", "--tree", "--logs", "--attrs", "--stacks"}, {"show", "t"}, {"show", "t1"}, {"show", "t9" + nasty},
		{"stats"}, {"stats", "--by", "service,kind,error"}, {"stats", "--by", "x" + strings.ReplaceAll(nasty, "\n", "")}, {"stats", "--self"},
		{"errors"}, {"tail", "--follow=false"}, {"tail", "--follow=false", "--attrs"}, {"check"},
		{"ls", "--op", nasty}, {"ls", "--" + nasty}, {"ls", "--sort", nasty}, {"ls", "--where", nasty},
		{"ls", "--since", nasty}, {"ls", "--grep", "(" + nasty}, {nasty}, {"version", nasty},
		{"stats", "--every", "1s"}, {"stats", "--traces"}, {"stats", "--lines"}, {"stats", "--lines", "--by", "service,msg"}, {"errors", "--new-since", "2020-01-01"},
		{"diff", file}, {"diff", "--before", "2026-03-01T09:15:00.5Z"}, {"diff", "t1", "t2"}, {"diff", "--a", "op=" + nasty, "--b", "service=" + nasty},
		{"why"}, {"why", "--error"}, {"map"}, {"map", "mermaid"}, {"map", "dot"}, {"flame"}, {"show", "--svg", "t1"}, {"show", "--failed", "--depth", "2"},
		{"export", "otlp"}, {"export", "csv"}, {"export", "chrome"}, {"export", "zipkin"}, {"export", nasty}, {"ls", "--from", nasty}, {"ls", "--where", "parent.op=" + nasty},
		{"__complete", "show", file, ""}, {"__complete", "show", file, "t"},
	} {
		for _, more := range [][]string{{file}, {dir}, {"--json", file}, {file, gone}, {filepath.Join(dir, "*.log")}, {filepath.Join(dir, "*.x\x1b")}} {
			if args[0] == "__complete" {
				more = nil
			}
			all := append(append([]string{}, args...), more...)
			var stdout, stderr strings.Builder
			code := run(t.Context(), all, strings.NewReader(""), &stdout, &stderr)
			if at, bad := unprintable(strings.ReplaceAll(stdout.String(), "\t", " ")); bad && args[0] != "__complete" {
				t.Errorf("%q: exit code %d, stdout is not printable: %q", all, code, at)
			} else if at, bad := unprintable(strings.ReplaceAll(stdout.String(), "\t", " ")); bad {
				t.Errorf("%q: %q", all, at)
			}
			if at, bad := unprintable(stderr.String()); bad && args[0] != "__complete" {
				t.Errorf("%q: exit code %d, stderr is not printable: %q", all, code, at)
			}
			for line := range strings.Lines(stdout.String() + stderr.String()) {
				if strings.HasPrefix(line, "slogtrace: 0 errors") {
					t.Errorf("%q: a line of the log's looks like ours", all)
				}
			}
		}
	}
}

// Standard input is as hostile as files.
func TestHostileStdin(t *testing.T) {
	for _, args := range [][]string{{"ls"}, {"show", "--logs", "--attrs"}, {"tail"}, {"check"}, {"tail", "--json"}, {"errors"}} {
		var stdout, stderr strings.Builder
		run(t.Context(), args, strings.NewReader(hostileLog()), &stdout, &stderr)
		if at, bad := unprintable(stdout.String() + stderr.String()); bad {
			t.Errorf("%q: not printable: %q", args, at)
		}
		if stdout.Len() == 0 && args[0] != "errors" {
			t.Errorf("%q: no output, stderr %q", args, stderr.String())
		}
	}
}

// FuzzPrintable feeds whatever to every command.
func FuzzPrintable(f *testing.F) {
	f.Add([]byte(hostileLog()))
	f.Add([]byte("\x1f\x8b\x08\x00"))
	f.Add([]byte("\x28\xb5\x2f\xfd\x04\x00"))
	f.Add([]byte(`{"time":"2026-03-01T09:15:00Z","msg":"span end","trace":"t","span":"s","duration_ms":1e300,"start":"0001-01-01T00:00:00Z","sample_rate":1e-300}`))
	f.Fuzz(func(t *testing.T, log []byte) {
		for _, args := range [][]string{
			{"ls"}, {"ls", "--json"}, {"show", "--logs", "--attrs", "--stacks"}, {"show", "--json"}, {"stats", "--self"}, {"stats", "--json"},
			{"errors"}, {"errors", "--json"}, {"tail"}, {"tail", "--json"}, {"check"}, {"check", "--json"}, {"stats", "--every", "1h"}, {"stats", "--lines"},
			{"diff", "--before", "2026-03-01T09:15:00Z"}, {"why"}, {"map"}, {"flame"}, {"export", "csv"}, {"export", "otlp"},
		} {
			var stdout, stderr strings.Builder
			code := run(t.Context(), args, strings.NewReader(string(log)), &stdout, &stderr)
			if code > 1 {
				t.Errorf("%q: exit code %d", args, code)
			}
			if at, bad := unprintable(stdout.String() + stderr.String()); bad {
				t.Errorf("%q: not printable: %q", args, at)
			}
			if code == 1 && stderr.Len() == 0 && args[0] != "check" {
				t.Errorf("%q: fails without a word", args)
			}
		}
	})
}
