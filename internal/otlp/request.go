package otlp

import (
	"iter"

	"github.com/slogtrace/slogtrace/internal/jsontext"
)

// An Envelope is what is around the records of a request. All requests of one Envelope are alike but for the records.
type Envelope struct{ head, tail []byte }

// Scope is the instrumentation scope of all records.
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
	b = append(b, `":[{"resource":{`...)
	b = appendList(b, `"attributes":[`, attrs)
	b = append(b, `},"`...)
	b = append(b, scopes...)
	b = append(b, `":[{"scope":{"name":`...)
	b = jsontext.AppendString(b, scope.Name)
	if scope.Version != "" {
		b = append(b, `,"version":`...)
		b = jsontext.AppendString(b, scope.Version)
	}
	b = append(b, `},"`...)
	b = append(b, records...)
	b = append(b, `":[`...)
	return Envelope{b, []byte(`]}]}]}`)}
}

// Len returns how many bytes e adds to the records, without the commas between them.
func (e Envelope) Len() int { return len(e.head) + len(e.tail) }

// Append appends a request with the records, which must not be empty.
func (e Envelope) Append(b []byte, records iter.Seq[[]byte]) []byte {
	b = append(b, e.head...)
	first := true
	for r := range records {
		if !first {
			b = append(b, ',')
		}
		first = false
		b = append(b, r...)
	}
	return append(b, e.tail...)
}
