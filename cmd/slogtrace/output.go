package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"iter"
	"math"
	"runtime"
	"slices"
	"time"
	"unicode/utf16"
	"unicode/utf8"

	"github.com/slogtrace/slogtrace/internal/graphic"
	"github.com/slogtrace/slogtrace/tracelog"
)

// writeJSON writes v as one line of JSON.
func (s *session) writeJSON(v any) error {
	b, err := marshal(v)
	if err != nil {
		return err
	}
	s.out.Write(b)
	return s.out.WriteByte('\n')
}

// writeArray writes a JSON array with each of its elements on a line of its own.
func writeArray[T any](s *session, elements []T) error { return writeSeq(s, slices.Values(elements)) }

// writeSeq is writeArray for elements that are not all held. Many at once are made into JSON by all cores.
func writeSeq[T any](s *session, elements iter.Seq[T]) error {
	n := 0
	write := func(p chan jsonPart) error {
		part := <-p
		if part.err != nil {
			return part.err
		}
		_, err := s.out.Write(part.text)
		return err
	}
	var parts []chan jsonPart
	for batch := range batches(elements, 256) {
		p := make(chan jsonPart, 1)
		first := n == 0
		go func() { p <- marshalBatch(batch, first) }()
		n += len(batch)
		if parts = append(parts, p); len(parts) > runtime.GOMAXPROCS(0) {
			if err := write(parts[0]); err != nil {
				return err
			}
			parts = parts[1:]
		}
	}
	for _, p := range parts {
		if err := write(p); err != nil {
			return err
		}
	}
	if n == 0 {
		s.out.WriteByte('[')
	} else {
		s.out.WriteByte('\n')
	}
	_, err := s.out.WriteString("]\n")
	return err
}

// batches yields so many elements at once.
func batches[T any](elements iter.Seq[T], size int) iter.Seq[[]T] {
	return func(yield func([]T) bool) {
		var batch []T
		for e := range elements {
			if batch = append(batch, e); len(batch) == size {
				if !yield(batch) {
					return
				}
				batch = nil
			}
		}
		if len(batch) > 0 {
			yield(batch)
		}
	}
}

// A jsonPart is some elements of an array.
type jsonPart struct {
	text []byte
	err  error
}

func marshalBatch[T any](batch []T, first bool) (p jsonPart) {
	m := newMarshaler()
	for _, e := range batch {
		b, err := m.marshal(e)
		if err != nil {
			p.err = err
			return p
		}
		if first {
			p.text, first = append(p.text, "[\n"...), false
		} else {
			p.text = append(p.text, ",\n"...)
		}
		p.text = append(p.text, b...)
	}
	return p
}

// marshal is json.Marshal for people who let it onto a terminal: what draw.Text escapes in text is
// escaped in strings, also where JSON allows it as it is.
func marshal(v any) ([]byte, error) { return newMarshaler().marshal(v) }

// A marshaler is marshal for many values.
type marshaler struct {
	buf bytes.Buffer
	enc *json.Encoder
}

func newMarshaler() *marshaler {
	m := new(marshaler)
	m.enc = json.NewEncoder(&m.buf)
	m.enc.SetEscapeHTML(false)
	return m
}

// marshal returns JSON that is valid until the next call.
func (m *marshaler) marshal(v any) ([]byte, error) {
	m.buf.Reset()
	if err := m.enc.Encode(v); err != nil {
		return nil, err
	}
	in := bytes.TrimSuffix(m.buf.Bytes(), []byte("\n"))
	if printableASCII(in) {
		return in, nil
	}
	out := make([]byte, 0, len(in))
	var seen graphic.Text
	for rest := string(in); rest != ""; {
		r, size, ok := seen.Next(rest)
		switch {
		case r < 0x10000 && (r == utf8.RuneError || !ok):
			out = fmt.Appendf(out, `\u%04x`, r)
		case !ok:
			a, b := utf16.EncodeRune(r)
			out = fmt.Appendf(out, `\u%04x\u%04x`, a, b)
		default:
			out = append(out, rest[:size]...)
		}
		rest = rest[size:]
	}
	return out, nil
}

// printableASCII reports whether all of b is graphic ASCII, as most text is.
func printableASCII[T string | []byte](b T) bool {
	for i := range len(b) {
		if b[i] < 0x20 || b[i] > 0x7e {
			return false
		}
	}
	return true
}

// millis is d as the record schema has durations: in milliseconds, with no more than three decimals.
func millis(d time.Duration) float64 { return round3(float64(d) / 1e6) }

func round3(x float64) float64 { return math.Round(x*1000) / 1000 }

// A timeJSON is written as RFC 3339 with nanoseconds, or as null if it is zero.
type timeJSON time.Time

func (t timeJSON) MarshalJSON() ([]byte, error) {
	if time.Time(t).IsZero() {
		return []byte("null"), nil
	}
	return json.Marshal(time.Time(t).UTC().Format(time.RFC3339Nano))
}

// An attrsJSON is written as an object. Of several attributes with the same key the first counts.
type attrsJSON []tracelog.Attr

func (attrs attrsJSON) MarshalJSON() ([]byte, error) {
	b := []byte{'{'}
	seen := make(map[string]bool)
	for _, a := range attrs {
		if seen[a.Key] {
			continue
		}
		seen[a.Key] = true
		if len(b) > 1 {
			b = append(b, ',')
		}
		key, err := json.Marshal(a.Key)
		if err != nil {
			return nil, err
		}
		b = append(append(append(b, key...), ':'), a.Value...)
	}
	return append(b, '}'), nil
}
