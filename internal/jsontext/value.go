// Package jsontext writes values as slog.JSONHandler does, byte for byte, and scans valid JSON.
// FuzzJSONHandler of package slogtrace compares the two. The files bytes_*.go hold what depends on the Go version.
package jsontext

import (
	"bytes"
	"encoding/json"
	"fmt"
	"log/slog"
	"reflect"
	"strconv"
	"sync"
)

// AppendValue appends v, which must be resolved and must not be a group. kind is v.Kind().
func AppendValue(b []byte, v slog.Value, kind slog.Kind) []byte {
	switch kind {
	case slog.KindString:
		return AppendString(b, v.String())
	case slog.KindInt64:
		return AppendInt(b, v.Int64())
	case slog.KindUint64:
		return AppendUint(b, v.Uint64())
	case slog.KindFloat64:
		return AppendFloat(b, v.Float64())
	case slog.KindBool:
		return strconv.AppendBool(b, v.Bool())
	case slog.KindDuration:
		return AppendInt(b, int64(v.Duration()))
	case slog.KindTime:
		return AppendTime(b, v.Time(), false)
	default:
		return AppendAny(b, v.Any())
	}
}

// AppendAny appends v as encoding/json does. A method of v that panics is recovered.
func AppendAny(b []byte, v any) (out []byte) {
	defer func() {
		if p := recover(); p != nil {
			out = appendPanic(b, v, p)
		}
	}()
	if clean, ok := v.(*Raw); ok {
		return append(b, clean.data...)
	}
	if err, ok := PlainError(v); ok {
		return AppendString(b, err.Error())
	}
	out, err := AppendJSON(b, v)
	if err != nil {
		return AppendString(b, fmt.Sprintf("!ERROR:%v", err))
	}
	return out
}

// AppendError is AppendAny for a PlainError.
func AppendError(b []byte, err error) (out []byte) {
	defer func() {
		if p := recover(); p != nil {
			out = appendPanic(b, err, p)
		}
	}()
	return AppendString(b, err.Error())
}

// PlainError returns v if it is an error that is written as its text: an error that is no json.Marshaler.
func PlainError(v any) (_ error, ok bool) {
	err, ok := v.(error)
	if ok {
		_, marshals := v.(json.Marshaler)
		ok = !marshals
	}
	return err, ok
}

// appendPanic appends the text that replaces v after one of v's methods panicked with p. fmt and slog write the same.
func appendPanic(b []byte, v, p any) []byte {
	if v := reflect.ValueOf(v); v.Kind() == reflect.Pointer && v.IsNil() {
		return AppendString(b, "<nil>") // most probably the method does not expect a nil receiver
	}
	return AppendString(b, fmt.Sprintf("!PANIC: %v", p))
}

type Encoder struct {
	buf bytes.Buffer
	enc *json.Encoder
}

var encoders = sync.Pool{New: func() any {
	e := new(Encoder)
	e.enc = json.NewEncoder(&e.buf)
	e.enc.SetEscapeHTML(false) // json.Marshal has no such option
	return e
}}

// GetEncoder returns an Encoder. Call Free when what it has written is no longer used.
func GetEncoder() *Encoder { return encoders.Get().(*Encoder) }

// Marshal returns v as JSON, without escapes for HTML. If encoding/json cannot write v, or a method of v panics,
// ok is false and data is a JSON string with slog's error text.
func Marshal(v any) (data []byte, ok bool) {
	e := GetEncoder()
	defer e.Free()
	data, ok = e.Marshal(v)
	return bytes.Clone(data), ok
}

// Marshal is the function Marshal. data is in e's memory.
func (e *Encoder) Marshal(v any) (data []byte, ok bool) {
	defer func() {
		if p := recover(); p != nil {
			data, ok = AppendString(nil, fmt.Sprintf("!PANIC: %v", p)), false
		}
	}()
	data, err := e.encode(v)
	if err != nil {
		return AppendString(nil, fmt.Sprintf("!ERROR:%v", err)), false
	}
	return data, true
}

// MaxPooled limits the capacity of a buffer that is kept for reuse.
const MaxPooled = 16 << 10

func AppendJSON(b []byte, v any) ([]byte, error) {
	e := GetEncoder()
	defer e.Free()
	data, err := e.encode(v)
	return append(b, data...), err
}

// encode returns v as JSON. The result is in e's memory.
func (e *Encoder) encode(v any) ([]byte, error) {
	if err := e.enc.Encode(v); err != nil {
		return nil, err
	}
	return bytes.TrimSuffix(e.buf.Bytes(), []byte("\n")), nil
}

// Free returns e to the pool.
func (e *Encoder) Free() {
	if e.buf.Cap() <= MaxPooled {
		e.buf.Reset()
		encoders.Put(e)
	}
}

// Raw is the JSON text of a value whose secrets were replaced. It is immutable.
type Raw struct{ data []byte }

// NewRaw returns data, which is valid JSON without white space, as a value. It keeps data.
func NewRaw(data []byte) *Raw { return &Raw{data} }

func (v *Raw) MarshalJSON() ([]byte, error) { return v.data, nil }
func (v *Raw) MarshalText() ([]byte, error) { return v.data, nil }
func (v *Raw) String() string               { return string(v.data) }
