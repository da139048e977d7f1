package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"strings"
	"sync"
)

// seen is what tools wrote and exported while they were looked at.
type seen struct {
	lines, spans buffer
	mu           sync.Mutex
	exported     []span // spans that an exporter was given
	records      []line // records that an exporter was given
}

type buffer struct {
	mu sync.Mutex
	bytes.Buffer
}

func (b *buffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.Buffer.Write(p)
}

func (s *seen) reset() {
	s.lines.Reset()
	s.spans.Reset()
	s.mu.Lock()
	s.exported, s.records = nil, nil
	s.mu.Unlock()
}

// A span and a line are what a tool reported, without its names and forms.
type span struct {
	ids
	parent string
	attrs  map[string]string
}

type line struct {
	ids
	message string
	attrs   map[string]string // those of groups with the groups' names in front
}

// verified is how many ops of a subject are looked at.
const verified = 4

// verify does each subject of j a few times and returns an error if what comes out is not what j is about.
func verify(j job) error {
	s := new(seen)
	o, err := j.open(s)
	if err != nil {
		return err
	}
	defer o.close()
	for _, e := range o.entries {
		s.reset()
		e.prepare(verified)
		e.do(verified)
		if err := o.verify(e, s, verified); err != nil {
			return fmt.Errorf("%s: %s: %w\n%s%s", j.name, e.name, err, s.lines.Bytes(), s.spans.Bytes())
		}
		e.after()
	}
	return nil
}

func (o *opened) verify(e *entry, s *seen, n int) error {
	if e.work.check != nil {
		return e.work.check()
	}
	lines, err := e.tool.ids.read(s.lines.Bytes())
	if err != nil {
		return err
	}
	lines = append(lines, s.records...)
	spans := s.exported
	if e.tool.decodeSpans != nil {
		more, err := e.tool.decodeSpans(s.spans.Bytes())
		if err != nil {
			return err
		}
		spans = append(spans, more...)
	}
	if e.tool.ends != endsExported {
		var logs []line
		for _, l := range lines {
			if l.message == endText {
				spans = append(spans, span{l.ids, l.attrs["parent"], l.attrs})
			} else {
				logs = append(logs, l)
			}
		}
		lines = logs
	}
	w := o.want
	if ends := n * o.endsOf(e.tool); len(lines) != n*w.lines || len(spans) != ends {
		return fmt.Errorf("want %d lines and %d ends, got %d and %d", n*w.lines, ends, len(lines), len(spans))
	}
	for _, l := range lines {
		if !contains(l.attrs, w.attrs) {
			return fmt.Errorf("want a line with %v, got %v", w.attrs, l.attrs)
		}
	}
	for _, s := range spans {
		if !contains(s.attrs, w.end) {
			return fmt.Errorf("want an end with %v, got %v", w.end, s.attrs)
		}
	}
	if e.tool.ids.trace == "" {
		return nil
	}
	return o.verifyIDs(e, lines, spans)
}

// verifyIDs looks at who belongs to whom.
func (o *opened) verifyIDs(e *entry, lines []line, spans []span) error {
	w, at := o.want, e.session.at
	if w.ends == 0 {
		// The span goes on while its records are made.
		per := map[string]int{}
		for _, l := range lines {
			if !l.valid() || l.trace != at.trace || (w.perSpan == 0 && l.span != at.span) {
				return fmt.Errorf("want the ids %v on a line, got %v", at, l.ids)
			}
			per[l.span]++
		}
		if want := len(lines) / max(w.perSpan, 1); w.perSpan > 0 && e.tool.ends != endsAsLines && len(per) != want {
			return fmt.Errorf("want lines of %d spans, got %d", want, len(per))
		}
		return nil
	}
	if e.tool.ends == endsAsLines {
		// The ids are right if there are as many lines of each span as it should have.
		for _, l := range lines {
			if !l.valid() {
				return fmt.Errorf("want ids on a line, got %v", l.ids)
			}
		}
		return nil
	}
	children, byID := map[string]int{}, map[string]span{}
	roots := 0
	for _, s := range spans {
		byID[s.span] = s
		if !s.valid() {
			return fmt.Errorf("want ids on an end, got %v", s.ids)
		}
		if w.roots == 0 && (s.parent != at.span || s.trace != at.trace) {
			return fmt.Errorf("want a child of %v, got %v of %s", at, s.ids, s.parent)
		}
		if w.roots > 0 && s.trace != traceText {
			return fmt.Errorf("want an end in the trace %s, got %s", traceText, s.trace)
		}
		if s.parent == parentText {
			roots++
		} else {
			children[s.parent]++
		}
	}
	if len(byID) != len(spans) {
		return fmt.Errorf("want %d spans, got %d", len(spans), len(byID))
	}
	if w.roots == 0 {
		return nil
	}
	ops := len(spans) / w.ends
	if roots != ops*w.roots {
		return fmt.Errorf("want %d children of the remote span, got %d", ops*w.roots, roots)
	}
	for parent, n := range children {
		if byID[parent].parent != parentText || n != w.ends-w.roots {
			return fmt.Errorf("want %d children of each root, got %d of %s", w.ends-w.roots, n, parent)
		}
	}
	per := map[ids]int{}
	for _, l := range lines {
		per[l.ids]++
	}
	for id, n := range per {
		if byID[id.span].ids != id || n != w.lines/w.ends {
			return fmt.Errorf("want %d lines of each span, got %d of %v", w.lines/w.ends, n, id)
		}
	}
	return nil
}

func (i ids) valid() bool {
	return len(i.trace) == 32 && len(i.span) == 16 && strings.Trim(i.trace, "0") != "" && strings.Trim(i.span, "0") != ""
}

func contains(all, some map[string]string) bool {
	for k, v := range some {
		if got, ok := all[k]; !ok || got != v {
			return false
		}
	}
	return true
}

// read reads the lines of a tool.
func (k keys) read(text []byte) ([]line, error) {
	var lines []line
	for b := range bytes.Lines(text) {
		decode := k.decode
		if decode == nil {
			decode = k.decodeLine
		}
		l, err := decode(b)
		if err != nil {
			return nil, fmt.Errorf("%w in %s", err, b)
		}
		lines = append(lines, l)
	}
	return lines, nil
}

// decodeLine reads a line of flat JSON with groups as objects.
func (k keys) decodeLine(b []byte) (line, error) {
	var object map[string]any
	if err := json.Unmarshal(b, &object); err != nil {
		return line{}, err
	}
	attrs := map[string]string{}
	flatten(attrs, "", object)
	l := line{attrs: attrs}
	for _, key := range []string{"msg", "message"} {
		if m, ok := attrs[key]; ok {
			l.message = m
		}
	}
	prefix := ""
	if k.inGroup && attrs[group+"."+k.trace] != "" {
		prefix = group + "."
	}
	l.ids = ids{attrs[prefix+k.trace], attrs[prefix+k.span]}
	if k.spanID != nil {
		l.span = k.spanID(l.span)
	}
	return l, nil
}

func flatten(to map[string]string, prefix string, object map[string]any) {
	for key, v := range maps.All(object) {
		if inner, ok := v.(map[string]any); ok {
			flatten(to, prefix+key+".", inner)
		} else {
			to[prefix+key] = fmt.Sprint(v)
		}
	}
}
