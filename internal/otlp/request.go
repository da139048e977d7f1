package otlp

import (
	"iter"

	"github.com/slogtrace/slogtrace/internal/jsontext"
)

// An Envelope is the part of a request around its records. Requests of one Envelope differ only in their records.
type Envelope struct {
	head, tail []byte
	begin      int // the index in head at which its resource begins
}

const requestEnd = "]}"

// Scope is the instrumentation scope of all records. It is empty if Name is "".
type Scope struct{ Name, Version string }

// Traces returns the envelope of spans (ExportTraceServiceRequest).
func Traces(resource []Attr, scope Scope) Envelope {
	return envelope("resourceSpans", "scopeSpans", "spans", resource, scope)
}

// Logs returns the envelope of log records (ExportLogsServiceRequest).
func Logs(resource []Attr, scope Scope) Envelope {
	return envelope("resourceLogs", "scopeLogs", "logRecords", resource, scope)
}

func envelope(resources, scopes, records string, resource []Attr, scope Scope) Envelope {
	var attrs []byte
	for _, a := range resource {
		attrs = AppendAttr(attrs, a)
	}
	b := append([]byte(`{"`), resources...)
	b = append(b, `":[`...)
	begin := len(b)
	b = append(b, `{"resource":{`...)
	b = appendList(b, `"attributes":[`, attrs)
	b = append(b, `},"`...)
	b = append(b, scopes...)
	b = append(b, `":[{"scope":{`...)
	if scope.Name != "" {
		b = append(b, `"name":`...)
		b = jsontext.AppendString(b, scope.Name)
		if scope.Version != "" {
			b = append(b, `,"version":`...)
			b = jsontext.AppendString(b, scope.Version)
		}
	}
	b = append(b, `},"`...)
	b = append(b, records...)
	b = append(b, `":[`...)
	return Envelope{b, []byte(`]}]}` + requestEnd), begin}
}

// Len returns how many bytes e adds to the records, without the commas between them.
func (e Envelope) Len() int { return len(e.head) + len(e.tail) }

// Append appends a request with the records, which must not be empty.
func (e Envelope) Append(b []byte, records iter.Seq[[]byte]) []byte {
	return append(e.appendGroup(append(b, e.head[:e.begin]...), records), requestEnd...)
}

// AppendAll appends one request with the records of several envelopes. All must be of one signal. There must be at least one
// envelope, and each must have records.
func AppendAll(b []byte, groups iter.Seq2[Envelope, iter.Seq[[]byte]]) []byte {
	first := true
	for e, records := range groups {
		if first {
			b = append(b, e.head[:e.begin]...)
		} else {
			b = append(b, ',')
		}
		first = false
		b = e.appendGroup(b, records)
	}
	return append(b, requestEnd...)
}

// appendGroup appends the resource of an envelope with records.
func (e Envelope) appendGroup(b []byte, records iter.Seq[[]byte]) []byte {
	b = append(b, e.head[e.begin:]...)
	first := true
	for r := range records {
		if !first {
			b = append(b, ',')
		}
		first = false
		b = append(b, r...)
	}
	return append(b, e.tail[:len(e.tail)-len(requestEnd)]...)
}
