// Package otlp writes spans and log records as OTLP JSON (OpenTelemetry protocol 1.x, "JSON Protobuf Encoding"):
// ids in hex, enums as integers, 64-bit integers as strings, lowerCamelCase, no member that has its default.
//
// Functions append to a slice of bytes, so that a record is encoded once, into the buffer it is sent from.
package otlp

import (
	"encoding/base64"
	"encoding/json"
	"log/slog"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/slogtrace/slogtrace/internal/errtype"
	"github.com/slogtrace/slogtrace/internal/jsontext"
)

// An Attr is an attribute as OTLP has it: in no group.
type Attr struct {
	Key   string
	Value slog.Value // resolved, and no group
}

// Flatten appends a as attributes in no group: the members of a group have its key and a dot before theirs. So backends,
// whose attributes are flat, find them. prefix is what is before a's key. a's value may be a LogValuer.
// An attribute without a key and a value is left out, as slog does.
func Flatten(list []Attr, prefix string, a slog.Attr) []Attr {
	v := a.Value
	kind := v.Kind()
	if kind == slog.KindLogValuer {
		v = v.Resolve()
		kind = v.Kind()
	}
	switch kind {
	case slog.KindGroup:
		if a.Key != "" {
			prefix += a.Key + "."
		}
		for _, member := range v.Group() {
			list = Flatten(list, prefix, member)
		}
		return list
	case slog.KindAny:
		if a.Key == "" && v.Any() == nil {
			return list
		}
	}
	if prefix != "" {
		a.Key = prefix + a.Key
	}
	return append(list, Attr{a.Key, v})
}

// AppendAttr appends a as a KeyValue, with a comma before it unless b is empty.
func AppendAttr(b []byte, a Attr) []byte {
	if len(b) > 0 {
		b = append(b, ',')
	}
	b = append(b, `{"key":`...)
	b = jsontext.AppendString(b, a.Key)
	b = append(b, `,"value":`...)
	b = AppendValue(b, a.Value)
	return append(b, '}')
}

// AppendValue appends v, as an AnyValue. v must be resolved and no group. A duration is its nanoseconds and a time is text,
// as slog.JSONHandler writes them. A value of any other type is what encoding/json makes of it, with its structure.
func AppendValue(b []byte, v slog.Value) []byte {
	switch v.Kind() {
	case slog.KindString:
		b = append(b, `{"stringValue":`...)
		b = jsontext.AppendString(b, v.String())
	case slog.KindBool:
		b = append(b, `{"boolValue":`...)
		b = strconv.AppendBool(b, v.Bool())
	case slog.KindInt64:
		return appendInt(b, v.Int64())
	case slog.KindDuration:
		return appendInt(b, int64(v.Duration()))
	case slog.KindUint64:
		if u := v.Uint64(); u <= math.MaxInt64 {
			return appendInt(b, int64(u))
		}
		b = append(b, `{"stringValue":"`...)
		b = strconv.AppendUint(b, v.Uint64(), 10)
		b = append(b, '"')
	case slog.KindFloat64:
		return appendFloat(b, v.Float64())
	case slog.KindTime:
		b = append(b, `{"stringValue":`...)
		b = appendTime(b, v.Time())
	default:
		return appendAny(b, v.Any())
	}
	return append(b, '}')
}

func appendTime(b []byte, t time.Time) []byte {
	b = append(b, '"')
	b = t.AppendFormat(b, time.RFC3339Nano)
	return append(b, '"')
}

func appendInt(b []byte, i int64) []byte {
	b = append(b, `{"intValue":"`...)
	b = jsontext.AppendInt(b, i)
	return append(b, `"}`...)
}

func appendFloat(b []byte, f float64) []byte {
	b = append(b, `{"doubleValue":`...)
	switch {
	case math.IsNaN(f):
		b = append(b, `"NaN"`...)
	case math.IsInf(f, 1):
		b = append(b, `"Infinity"`...)
	case math.IsInf(f, -1):
		b = append(b, `"-Infinity"`...)
	default:
		b = jsontext.AppendFloat(b, f)
	}
	return append(b, '}')
}

func appendAny(b []byte, v any) []byte {
	switch v := v.(type) {
	case nil:
		return append(b, '{', '}') // an AnyValue without a value
	case []byte:
		b = append(b, `{"bytesValue":"`...)
		b = base64.StdEncoding.AppendEncode(b, v)
		return append(b, `"}`...)
	case []string:
		b = append(b, `{"arrayValue":{"values":[`...)
		for i, s := range v {
			if i > 0 {
				b = append(b, ',')
			}
			b = append(b, `{"stringValue":`...)
			b = append(jsontext.AppendString(b, s), '}')
		}
		return append(b, `]}}`...)
	}
	if err, ok := jsontext.PlainError(v); ok {
		b = append(b, `{"stringValue":`...)
		return append(jsontext.AppendString(b, errtype.Text(err)), '}')
	}
	text, ok := jsontext.Marshal(v)
	if ok {
		dec := json.NewDecoder(strings.NewReader(string(text)))
		dec.UseNumber()
		var tree any
		if dec.Decode(&tree) == nil {
			return appendTree(b, tree)
		}
	}
	// text is a JSON string with slog's error text.
	b = append(b, `{"stringValue":`...)
	return append(append(b, text...), '}')
}

// appendTree appends what json.Decoder makes of a value.
func appendTree(b []byte, v any) []byte {
	switch v := v.(type) {
	case nil:
		return append(b, '{', '}')
	case bool:
		b = append(b, `{"boolValue":`...)
		return append(strconv.AppendBool(b, v), '}')
	case string:
		b = append(b, `{"stringValue":`...)
		return append(jsontext.AppendString(b, v), '}')
	case json.Number:
		if i, err := strconv.ParseInt(v.String(), 10, 64); err == nil {
			return appendInt(b, i)
		}
		if f, err := v.Float64(); err == nil && strings.ContainsAny(v.String(), ".eE") {
			return appendFloat(b, f)
		}
		b = append(b, `{"stringValue":`...) // an integer of more than 64 bits
		return append(jsontext.AppendString(b, v.String()), '}')
	case []any:
		b = append(b, `{"arrayValue":{"values":[`...)
		for i, e := range v {
			if i > 0 {
				b = append(b, ',')
			}
			b = appendTree(b, e)
		}
		return append(b, `]}}`...)
	case map[string]any:
		keys := make([]string, 0, len(v))
		for key := range v {
			keys = append(keys, key)
		}
		slices.Sort(keys)
		b = append(b, `{"kvlistValue":{"values":[`...)
		for i, key := range keys {
			if i > 0 {
				b = append(b, ',')
			}
			b = append(b, `{"key":`...)
			b = jsontext.AppendString(b, key)
			b = append(b, `,"value":`...)
			b = append(appendTree(b, v[key]), '}')
		}
		return append(b, `]}}`...)
	}
	panic("otlp: a value that json.Decoder does not make")
}
