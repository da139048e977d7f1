package traceotel

import (
	"encoding/base64"
	"log/slog"
	"math"
	"slices"

	"go.opentelemetry.io/otel/attribute"
)

// appendAttrs appends attributes and returns how many it left out.
func appendAttrs(attrs []slog.Attr, kvs []attribute.KeyValue) (_ []slog.Attr, dropped int) {
	for i := range kvs {
		var ok bool
		if attrs, ok = appendAttr(attrs, kvs[i]); !ok {
			dropped++
		}
	}
	return attrs, dropped
}

// appendAttr appends an attribute. It reports false if it has no key: OpenTelemetry's API requires one,
// and slog would not write the attribute.
func appendAttr(attrs []slog.Attr, kv attribute.KeyValue) (_ []slog.Attr, ok bool) {
	if kv.Key == "" {
		return attrs, false
	}
	return append(attrs, slog.Attr{Key: string(kv.Key), Value: valueOf(kv.Value)}), true
}

// valueOf returns a value of the same type as v. Where JSON has none, it is the text of OpenTelemetry's
// "AnyValue representation for non-OTLP protocols".
func valueOf(v attribute.Value) slog.Value {
	switch v.Type() {
	case attribute.STRING:
		return slog.StringValue(v.AsString())
	case attribute.INT64:
		return slog.Int64Value(v.AsInt64())
	case attribute.BOOL:
		return slog.BoolValue(v.AsBool())
	case attribute.FLOAT64:
		if f := v.AsFloat64(); isNumber(f) {
			return slog.Float64Value(f)
		}
		return slog.StringValue(v.String())
	case attribute.MAP:
		if kvs := v.AsMap(); len(kvs) > 0 {
			return slog.GroupValue(members(kvs)...)
		}
	}
	return slog.AnyValue(plain(v))
}

func isNumber(f float64) bool { return !math.IsNaN(f) && !math.IsInf(f, 0) }

// members returns the members of a map, each key once: the last one counts.
func members(kvs []attribute.KeyValue) []slog.Attr {
	attrs := make([]slog.Attr, 0, len(kvs))
	for _, kv := range kvs {
		a := slog.Attr{Key: string(kv.Key), Value: valueOf(kv.Value)}
		if i := slices.IndexFunc(attrs, func(b slog.Attr) bool { return b.Key == a.Key }); i >= 0 {
			attrs[i] = a
		} else {
			attrs = append(attrs, a)
		}
	}
	return attrs
}

// plain returns v as a value of Go that encoding/json can write.
func plain(v attribute.Value) any {
	switch v.Type() {
	case attribute.BYTESLICE:
		return base64.StdEncoding.EncodeToString(v.AsByteSlice())
	case attribute.FLOAT64:
		if !isNumber(v.AsFloat64()) {
			return v.String()
		}
	case attribute.FLOAT64SLICE:
		fs := v.AsFloat64Slice()
		if !slices.ContainsFunc(fs, func(f float64) bool { return !isNumber(f) }) {
			return fs
		}
		list := make([]any, len(fs))
		for i, f := range fs {
			list[i] = plain(attribute.Float64Value(f))
		}
		return list
	case attribute.SLICE:
		vs := v.AsSlice()
		list := make([]any, len(vs))
		for i, v := range vs {
			list[i] = plain(v)
		}
		return list
	case attribute.MAP:
		kvs := v.AsMap()
		m := make(map[string]any, len(kvs))
		for _, kv := range kvs {
			m[string(kv.Key)] = plain(kv.Value)
		}
		return m
	}
	return v.AsInterface()
}
