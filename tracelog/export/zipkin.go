package export

import (
	"encoding/json"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/slogtrace/slogtrace/internal/w3c"
	"github.com/slogtrace/slogtrace/tracelog"
)

// NewZipkin returns a Writer of one array of spans in Zipkin's JSON format (v2), which can be posted to /api/v2/spans. Starts and ends
// are truncated to microseconds, and a span takes at least one. Links become the tag links.
func NewZipkin(w io.Writer, opts *Options) *Writer {
	return newWriter(&zipkinSpans{newList(w, "[", "]")}, opts)
}

type zipkinSpans struct{ *list }

type zipkinSpan struct {
	TraceID        string             `json:"traceId"`
	ID             string             `json:"id"`
	ParentID       string             `json:"parentId,omitempty"`
	Name           string             `json:"name"`
	Kind           string             `json:"kind,omitempty"`
	Timestamp      int64              `json:"timestamp"` // microseconds
	Duration       int64              `json:"duration"`
	LocalEndpoint  *zipkinEndpoint    `json:"localEndpoint,omitempty"`
	RemoteEndpoint *zipkinEndpoint    `json:"remoteEndpoint,omitempty"`
	Annotations    []zipkinAnnotation `json:"annotations,omitempty"`
	Tags           map[string]string  `json:"tags,omitempty"`
}

type zipkinEndpoint struct {
	ServiceName string `json:"serviceName"`
}

type zipkinAnnotation struct {
	Timestamp int64  `json:"timestamp"`
	Value     string `json:"value"`
}

func (f *zipkinSpans) trace(w *Writer, t *tracelog.Trace) error {
	for s := range w.spans(t) {
		trace, _ := traceID(t.ID)
		b, err := json.Marshal(w.zipkin(t, s, hexID(trace[:])))
		if err == nil {
			err = f.add(b)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func (w *Writer) zipkin(t *tracelog.Trace, s *tracelog.Span, trace string) *zipkinSpan {
	id, _ := spanID(s.ID)
	z := &zipkinSpan{
		TraceID: trace, ID: hexID(id[:]), Name: s.Op, Timestamp: s.Start.UnixMicro(),
		LocalEndpoint: endpoint(s.Service), RemoteEndpoint: endpoint(s.Peer()), Tags: map[string]string{},
	}
	if s.ParentID != "" {
		parent, _ := spanID(s.ParentID)
		z.ParentID = hexID(parent[:])
	}
	if s.Kind != "" && s.Kind != "internal" {
		z.Kind = strings.ToUpper(s.Kind)
	}
	z.Duration = max(1, ends(s).UnixMicro()-z.Timestamp)
	for _, a := range flatten(slices.Concat(s.Attrs, extra(t, s))) {
		z.Tags[a.Key] = a.Text()
	}
	if s.Failed {
		z.Tags["error"] = s.Error
	}
	if s.Stack != "" {
		z.Tags["stack"] = s.Stack
	}
	var links []string
	for _, l := range s.Links {
		links = append(links, l.Trace+"/"+l.Span)
	}
	if len(links) > 0 {
		z.Tags["links"] = strings.Join(links, " ")
	}
	logs := w.logs(s)
	for i := range logs {
		z.Annotations = append(z.Annotations, zipkinAnnotation{timeOr(logs[i].Time, s.Start).UnixMicro(), logs[i].Message})
	}
	return z
}

func endpoint(service string) *zipkinEndpoint {
	if service == "" {
		return nil
	}
	return &zipkinEndpoint{service}
}

func hexID(id []byte) string { return string(w3c.AppendHex(nil, id)) }

// timeOr returns the time of a line, or another time if the line has none.
func timeOr(at, or time.Time) time.Time {
	if at.IsZero() {
		return or
	}
	return at
}
