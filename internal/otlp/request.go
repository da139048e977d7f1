package otlp

import (
	"iter"

	"github.com/slogtrace/slogtrace/internal/jsontext"
)

// An Envelope is what is around the records of a request. All requests of one Envelope are alike but for the records.
type Envelope struct {
	head, tail []byte
	begin      int // how much of head is before its resource; requestEnd is after it
}

const requestEnd = "]}"

// Scope is the instrumentation scope of all records. Without a name it is not known.
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
	}
	if scope.Version != "" {
		b = append(b, `,"version":`...)
		b = jsontext.AppendString(b, scope.Version)
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

// AppendAll appends one request with the records of several envelopes of one signal. There must be one, and none may be without
// records.
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

// appendGroup appends a resource with its records.
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
