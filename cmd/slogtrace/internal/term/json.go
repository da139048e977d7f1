package term

import (
	"bufio"
	"bytes"
	"encoding/json"
	"iter"
	"runtime"
	"slices"
	"strings"
	"time"

	"github.com/slogtrace/slogtrace/internal/graphic"
	"github.com/slogtrace/slogtrace/tracelog"
)

// WriteJSON writes v as one line of JSON.
func WriteJSON(w *bufio.Writer, v any) error {
	b, err := marshal(v)
	if err != nil {
		return err
	}
	w.Write(b)
	return w.WriteByte('\n')
}

// WriteArray writes a JSON array with one element per line.
func WriteArray[T any](w *bufio.Writer, elements []T) error {
	return WriteSeq(w, slices.Values(elements))
}

// WriteSeq is WriteArray for elements that are not all in memory. It uses all cores.
func WriteSeq[T any](w *bufio.Writer, elements iter.Seq[T]) error {
	n := 0
	var free [][]byte // memory of parts that have been written
	write := func(p chan jsonPart) error {
		part := <-p
		if part.err != nil {
			return part.err
		}
		_, err := w.Write(part.text)
		free = append(free, part.text[:0])
		return err
	}
	var parts []chan jsonPart
	for batch := range batches(elements, 256) {
		p := make(chan jsonPart, 1)
		first := n == 0
		var buf []byte
		if last := len(free) - 1; last >= 0 {
			buf, free = free[last], free[:last]
		}
		go func() { p <- marshalBatch(buf, batch, first) }()
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
		w.WriteByte('[')
	} else {
		w.WriteByte('\n')
	}
	_, err := w.WriteString("]\n")
	return err
}

// batches yields slices of size elements. The last one can be shorter.
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

// A jsonPart is the JSON of some elements of an array.
type jsonPart struct {
	text []byte
	err  error
}

// marshalBatch appends the JSON of a batch to buf.
func marshalBatch[T any](buf []byte, batch []T, first bool) (p jsonPart) {
	p.text = buf
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

// marshal is json.Marshal for output that may go to a terminal. In strings it escapes everything that draw.Text escapes
// in text, even where JSON does not require it.
func marshal(v any) ([]byte, error) { return newMarshaler().marshal(v) }

// A marshaler marshals many values with one buffer.
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
		graphic.RepairSurrogates(in)
		return in, nil
	}
	return graphic.AppendJSON(make([]byte, 0, len(in)), in), nil
}

// Pieces writes JSON in pieces. Only one of them is in memory. After an error it writes nothing more. It is not safe for concurrent use.
type Pieces struct {
	w   *bufio.Writer
	m   *marshaler
	err error
}

// NewPieces returns Pieces that write to w.
func NewPieces(w *bufio.Writer) *Pieces { return &Pieces{w: w, m: newMarshaler()} }

// Text writes a text as it is.
func (p *Pieces) Text(s string) {
	if p.err == nil {
		_, p.err = p.w.WriteString(s)
	}
}

// Value writes the JSON of v without its end: the closing brackets behind which other pieces come.
func (p *Pieces) Value(v any, end string) {
	if p.err != nil {
		return
	}
	var b []byte
	if b, p.err = p.m.marshal(v); p.err == nil {
		_, p.err = p.w.Write(bytes.TrimSuffix(b, []byte(end)))
	}
}

// Err returns the first error.
func (p *Pieces) Err() error { return p.err }

// printableASCII reports whether b is graphic ASCII only. Most text is.
func printableASCII[T string | []byte](b T) bool {
	for i := range len(b) {
		if b[i] < 0x20 || b[i] > 0x7e {
			return false
		}
	}
	return true
}

// A TimeJSON is written as RFC 3339 with nanoseconds, or as null if it is zero.
type TimeJSON time.Time

// MarshalJSON implements [json.Marshaler].
func (t TimeJSON) MarshalJSON() ([]byte, error) {
	if time.Time(t).IsZero() {
		return []byte("null"), nil
	}
	b := make([]byte, 0, len(`"2006-01-02T15:04:05.999999999Z"`))
	return append(time.Time(t).UTC().AppendFormat(append(b, '"'), time.RFC3339Nano), '"'), nil
}

// An AttrsJSON is written as an object. If several attributes have the same key, only the first one is written.
type AttrsJSON []tracelog.Attr

// MarshalJSON implements [json.Marshaler].
func (attrs AttrsJSON) MarshalJSON() ([]byte, error) {
	size := len("{}")
	for _, a := range attrs {
		size += len(`"":,`) + len(a.Key) + len(a.Value)
	}
	b := append(make([]byte, 0, size), '{')
	isFirst := firsts(attrs)
	for i, a := range attrs {
		if !isFirst(i) {
			continue
		}
		if len(b) > 1 {
			b = append(b, ',')
		}
		if plainKey(a.Key) {
			b = append(append(append(b, '"'), a.Key...), '"')
		} else {
			key, err := json.Marshal(a.Key)
			if err != nil {
				return nil, err
			}
			b = append(b, key...)
		}
		b = append(append(b, ':'), a.Value...)
	}
	return append(b, '}'), nil
}

// firsts returns a function that reports whether the i-th attribute is the first with its key. It is called for one after the
// other.
func firsts(attrs []tracelog.Attr) func(i int) bool {
	const few = 16
	if len(attrs) <= few {
		return func(i int) bool {
			return !slices.ContainsFunc(attrs[:i], func(a tracelog.Attr) bool { return a.Key == attrs[i].Key })
		}
	}
	seen := make(map[string]bool)
	return func(i int) bool {
		again := seen[attrs[i].Key]
		seen[attrs[i].Key] = true
		return !again
	}
}

// plainKey reports whether json.Marshal only puts quotes around a key.
func plainKey(key string) bool {
	return printableASCII(key) && !strings.ContainsAny(key, `"\<>&`)
}
