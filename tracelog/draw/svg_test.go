package draw

import (
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/slogtrace/slogtrace/tracelog"
)

// drawing is what a reader finds in an SVG.
type drawing struct {
	text   string         // of all text elements, a line each
	titles []string       // of the document and the bars
	count  map[string]int // of elements, with their class
}

// readSVG parses an SVG and reports what no SVG of ours may have.
func readSVG(t testing.TB, svg string) drawing {
	t.Helper()
	d := drawing{count: map[string]int{}}
	dec := xml.NewDecoder(strings.NewReader(svg))
	dec.Strict = true
	allowed := map[string]string{
		"svg": "xmlns width height viewBox role space", "title": "", "style": "", "rect": "class x y width height",
		"text": "y", "tspan": "x class", "g": "", "path": "class d",
	}
	var open []string
	var text strings.Builder
	for {
		token, err := dec.Token()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatalf("%v in %s", err, svg)
		}
		switch token := token.(type) {
		case xml.StartElement:
			name := token.Name.Local
			attrs, ok := allowed[name]
			if !ok {
				t.Fatalf("an element %s in %s", name, svg)
			}
			for _, a := range token.Attr {
				if !slices.Contains(strings.Fields(attrs), a.Name.Local) {
					t.Fatalf("an attribute %s of %s in %s", a.Name.Local, name, svg)
				}
				if a.Name.Local == "class" {
					d.count[name+"."+a.Value]++
				}
			}
			d.count[name]++
			open = append(open, name)
			text.Reset()
		case xml.EndElement:
			open = open[:len(open)-1]
			switch token.Name.Local {
			case "title":
				d.titles = append(d.titles, text.String())
			case "text":
				d.text += "\n"
			}
		case xml.CharData:
			switch {
			case len(open) == 0:
			case open[len(open)-1] == "tspan":
				d.text += string(token)
			case open[len(open)-1] == "title":
				text.Write(token)
			case open[len(open)-1] != "style" && strings.TrimSpace(string(token)) != "":
				t.Fatalf("text %q in %s", token, open[len(open)-1])
			}
		}
	}
	return d
}

// TestSVG: a picture has the text of the waterfall, and a bar for each span.
func TestSVG(t *testing.T) {
	for file, f := range fixtures(t) {
		entries, _ := scanAll(t, f.Log())
		for _, tr := range tracelog.Assemble(entries) {
			opts := &Options{Width: 120, Logs: true, Attrs: true, Stacks: true}
			var svg, waterfall strings.Builder
			if err := errors.Join(SVG(&svg, tr, opts), Waterfall(&waterfall, tr, opts)); err != nil {
				t.Fatal(err)
			}
			d := readSVG(t, svg.String())
			bars := 0
			for _, s := range tr.All() {
				if !s.Start.IsZero() {
					bars++
				}
			}
			if d.count["g"] != bars || len(d.titles) != 1+bars {
				t.Errorf("%s: %d bars and %d titles for %d spans", file, d.count["g"], len(d.titles), bars)
			}
			if got, want := plainWords(d.text), plainWords(waterfall.String()); got != want {
				t.Errorf("%s: text\n%s\nof a waterfall with\n%s", file, got, want)
			}
		}
	}
}

// plainWords returns the words of a text in order of the alphabet, without those of bars: a note may be on another line.
func plainWords(text string) string {
	marks := "▏▎▍▌▋▊▉█▐▕━╸╺┄░╷×·│├└─"
	words := strings.FieldsFunc(text, func(r rune) bool { return r == ' ' || r == '\n' || strings.ContainsRune(marks, r) })
	slices.Sort(words)
	return strings.Join(words, "\n")
}

func TestSVGMarks(t *testing.T) {
	for _, test := range []struct{ log, want string }{
		{oneSpan, "rect.dim rect.cyan"},
		{strings.Replace(oneSpan, `"op"`, `"error":"no","op"`, 1), "rect.red tspan.red"},
		{strings.Replace(oneSpan, `"op"`, `"queued_ms":5,"op"`, 1), "rect.queued"},
		{`{"time":"2026-03-01T09:15:00Z","msg":"span start","trace":"t","span":"s","op":"charge"}`, "path.tail"},
		{`{"msg":"span end","trace":"t","span":"s","op":"charge"}`, ""}, // nothing has a time
	} {
		entries, _ := scanAll(t, []byte(test.log+"\n"))
		var b strings.Builder
		if err := SVG(&b, tracelog.Assemble(entries)[0], nil); err != nil {
			t.Fatal(err)
		}
		d := readSVG(t, b.String())
		for _, want := range strings.Fields(test.want) {
			if d.count[want] == 0 {
				t.Errorf("%s: no %s", test.log, want)
			}
		}
		for _, mark := range []string{"rect.queued", "path.tail", "rect.red"} {
			if d.count[mark] > 0 && !strings.Contains(test.want, mark) {
				t.Errorf("%s: a %s", test.log, mark)
			}
		}
	}
	want := errors.New("full")
	if err := SVG(failingWriter{want}, &tracelog.Trace{}, nil); !errors.Is(err, want) {
		t.Errorf("got %v", err)
	}
}

type failingWriter struct{ err error }

func (w failingWriter) Write([]byte) (int, error) { return 0, w.err }

// FuzzSVG: whatever a log says, the document is XML, its elements are ours, and the text is what Text shows.
func FuzzSVG(f *testing.F) {
	for _, s := range []string{"charge", `<script>alert(1)</script>`, `" onload="x`, "]]>", "&lt;&#0;", "\x00\x1b[31m\ufffe\uffff\xff", "名前", "<!--", "a  b   c", "\u202e"} {
		f.Add(s, s, s)
	}
	start := time.Date(2026, 3, 1, 9, 15, 0, 0, time.UTC)
	f.Fuzz(func(t *testing.T, op, service, text string) {
		s := &tracelog.Span{
			ID: "1", Op: op, Service: service, Failed: true, Error: text, Stack: text, Start: start, End: start.Add(time.Second), Duration: time.Second,
			Attrs: []tracelog.Attr{{Key: op, Value: []byte(fmt.Sprintf("%q", text))}},
			Logs:  []tracelog.Entry{{Time: start, Level: service, Message: text}},
		}
		tr := &tracelog.Trace{ID: text, Roots: []*tracelog.Span{s}, Start: start, End: s.End, Spans: 1, Services: []string{service}}
		var b strings.Builder
		if err := SVG(&b, tr, &Options{Width: 1000, Logs: true, Attrs: true, Stacks: true}); err != nil {
			t.Fatal(err)
		}
		d := readSVG(t, b.String())
		name := visible(op, maxName)
		if op == "" {
			name = "(no op)"
		}
		if !strings.Contains(squeeze(d.text), squeeze(name)) {
			t.Errorf("no operation %q in %q", name, d.text)
		}
		if want := visible(op, maxName); !strings.HasPrefix(d.titles[1], want) {
			t.Errorf("title %q, want %q", d.titles[1], want)
		}
	})
}

// squeeze leaves out spaces, which are columns in a picture.
func squeeze(s string) string { return strings.ReplaceAll(s, " ", "") }
