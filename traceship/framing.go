package traceship

import (
	"bytes"
	"encoding/json"
	"maps"
	"slices"
	"strconv"
	"time"
	"unicode/utf8"

	"github.com/slogtrace/slogtrace/internal/deliver"
	"github.com/slogtrace/slogtrace/internal/jsontext"
)

// A Framing is what a store wants around lines. Each carries a line in one of two ways: as members, which can be searched by
// name, such as trace:4bf9… in VictoriaLogs; or whole, as a string. Then the store must parse it for searches by name:
// most do by default or by a setting; without, search for the id as text.
//
// A line that is no JSON object, where members are wanted, is sent as {"msg": line} with the present time.
type Framing string

const (
	// JSONLines is one object per line, as members: VictoriaLogs' /insert/jsonline, Vector, Fluent Bit, OpenObserve.
	// At most 256 KiB a line, with its newline: VictoriaLogs drops a longer one, and those after it in the request, with status 200.
	// It also drops a line whose time it cannot read, or is older than what it keeps.
	JSONLines Framing = "JSONLines"

	// Elasticsearch is the bulk API with the action create, as members: https://host/index/_bulk. Token is an API key.
	// At most 1 MiB a line. Use the preset ECS, or a pipeline that sets @timestamp. Add ?filter_path=errors,items.*.status,items.*.error
	// to the URL for short answers. VictoriaLogs takes this too, under /insert/elasticsearch, with MaxLine as for JSONLines.
	Elasticsearch Framing = "Elasticsearch"

	// Loki is the push API as JSON, whole: http://host:3100/loki/api/v1/push. The labels are Options.Labels, which Loki requires;
	// query with | json. At most 256 KiB a line. Token is a bearer token.
	Loki Framing = "Loki"

	// Datadog is the logs API, whole: https://http-intake.logs.datadoghq.com/api/v2/logs. Datadog parses the JSON of a message.
	// At most 1 MB a line. Token is the API key. The line's time is beside it too, in milliseconds.
	Datadog Framing = "Datadog"

	// Splunk is the HTTP Event Collector, whole: https://host:8088/services/collector/event. Splunk finds the members of
	// a JSON event at search time. At most 1 MB a line. Token is the collector's.
	Splunk Framing = "Splunk"

	// NewRelic is the log API, whole: https://log-api.newrelic.com/log/v1. New Relic parses the JSON of a message.
	// At most 128 KiB a line, as it takes 1 MB per request. Token is the license key.
	NewRelic Framing = "NewRelic"

	// Axiom is the ingest API, as members: https://api.axiom.co/v1/datasets/NAME/ingest. Use the preset Axiom, or add
	// ?timestamp-field=time. At most 1 MB a line. Token is an API token.
	Axiom Framing = "Axiom"
)

// A framing is how a Framing is written.
type framing struct {
	contentType              string
	tokenHeader, tokenPrefix string
	maxLine                  int
	batchBytes               int    // of lines in a request, at most; 0: 1 MiB
	members                  bool   // of the line, not a string
	before                   string // each line, as members
	head, tail               func(b []byte, labels map[string]string) []byte
	whole                    func(b []byte, line []byte, labels map[string]string) []byte // appends a line as a string
	comma                    bool                                                         // between lines
	rejected                 func(answer []byte) (n int, text string)                     // by a store that answers 200
}

var framings = map[Framing]framing{
	JSONLines: {contentType: "application/stream+json", tokenHeader: "Authorization", tokenPrefix: "Bearer ", maxLine: 256<<10 - 1, members: true},
	Elasticsearch: {contentType: "application/x-ndjson", tokenHeader: "Authorization", tokenPrefix: "ApiKey ", maxLine: 1 << 20, members: true,
		before: "{\"create\":{}}\n", rejected: elasticRejected},
	Loki: {contentType: "application/json", tokenHeader: "Authorization", tokenPrefix: "Bearer ", maxLine: 256 << 10, comma: true,
		head: lokiHead, tail: appendText(`]}]}`), whole: lokiLine},
	Datadog: {contentType: "application/json", tokenHeader: "Dd-Api-Key", maxLine: 1e6, comma: true,
		head: appendText(`[`), tail: appendText(`]`), whole: datadogLine},
	Splunk: {contentType: "application/json", tokenHeader: "Authorization", tokenPrefix: "Splunk ", maxLine: 1e6, whole: splunkLine},
	NewRelic: {contentType: "application/json", tokenHeader: "Api-Key", maxLine: 128 << 10, batchBytes: 400 << 10, comma: true,
		head: newRelicHead, tail: appendText(`]}]`), whole: newRelicLine},
	Axiom: {contentType: "application/x-ndjson", tokenHeader: "Authorization", tokenPrefix: "Bearer ", maxLine: 1e6, members: true, rejected: axiomRejected},
}

// A shipment makes bodies of requests. It is used by one goroutine.
type shipment struct {
	framing
	labels   map[string]string
	keepLine string
	buf      []byte
}

const maxKept = 4 << 20

// body returns a request with the lines of b. It is valid until the next call.
func (s *shipment) body(b deliver.Batch) []byte {
	if cap(s.buf) > maxKept {
		s.buf = nil
	}
	out := s.buf[:0]
	if s.head != nil {
		out = s.head(out, s.labels)
	}
	first := true
	for line := range b.All() {
		if !first && s.comma {
			out = append(out, ',')
		}
		first = false
		if s.members {
			out = append(out, s.before...)
			out = appendObject(out, line, s.keepLine)
			out = append(out, '\n')
		} else {
			out = s.whole(out, line, s.labels)
		}
	}
	if s.tail != nil {
		out = s.tail(out, s.labels)
	}
	s.buf = out
	return out
}

// appendObject appends line as an object. keepLine is the name of the member that gets the line; "": none.
func appendObject(b, line []byte, keepLine string) []byte {
	line = bytes.TrimSpace(line)
	if len(line) < 2 || line[0] != '{' || !json.Valid(line) {
		b = append(b, `{"time":"`...)
		b = time.Now().UTC().AppendFormat(b, time.RFC3339Nano)
		b = append(b, `","msg":`...)
		b = jsontext.AppendString(b, string(line))
		return append(b, '}')
	}
	if !utf8.Valid(line) { // a store may refuse the whole request
		line = bytes.ToValidUTF8(line, []byte("\ufffd"))
	}
	if keepLine == "" {
		return append(b, line...)
	}
	b = append(b, line[:len(line)-1]...)
	if rest := bytes.TrimSpace(line[1 : len(line)-1]); len(rest) > 0 {
		b = append(b, ',')
	}
	b = jsontext.AppendString(b, keepLine)
	b = append(b, ':')
	b = jsontext.AppendString(b, string(line))
	return append(b, '}')
}

// timeOf returns the time of a line, under the names that slog and the presets give it; now if it has none.
func timeOf(line []byte) time.Time {
	var l struct {
		Time      json.RawMessage `json:"time"`
		Under     json.RawMessage `json:"_time"`
		At        json.RawMessage `json:"@timestamp"`
		Timestamp json.RawMessage `json:"timestamp"`
	}
	if len(line) > 0 && line[0] == '{' && json.Unmarshal(line, &l) == nil {
		for _, raw := range []json.RawMessage{l.Time, l.Under, l.At, l.Timestamp} {
			var t time.Time
			if len(raw) > 0 && raw[0] == '"' && json.Unmarshal(raw, &t) == nil && t.Year() >= 1970 && t.Year() < 2262 {
				return t
			}
			if ms, err := strconv.ParseInt(string(raw), 10, 64); err == nil && ms > 0 && ms < 9e12 {
				return time.UnixMilli(ms) // New Relic's
			}
		}
	}
	return time.Now()
}

func appendText(text string) func([]byte, map[string]string) []byte {
	return func(b []byte, _ map[string]string) []byte { return append(b, text...) }
}

// appendLabels appends labels as members, without braces.
func appendLabels(b []byte, labels map[string]string) []byte {
	for i, key := range slices.Sorted(maps.Keys(labels)) {
		if i > 0 {
			b = append(b, ',')
		}
		b = jsontext.AppendString(b, key)
		b = append(b, ':')
		b = jsontext.AppendString(b, labels[key])
	}
	return b
}

func lokiHead(b []byte, labels map[string]string) []byte {
	if len(labels) == 0 {
		labels = map[string]string{"source": "slogtrace"} // Loki takes no stream without labels
	}
	b = append(b, `{"streams":[{"stream":{`...)
	b = appendLabels(b, labels)
	return append(b, `},"values":[`...)
}

func lokiLine(b, line []byte, _ map[string]string) []byte {
	b = append(b, `["`...)
	b = strconv.AppendInt(b, timeOf(line).UnixNano(), 10)
	b = append(b, `",`...)
	b = jsontext.AppendString(b, string(line))
	return append(b, ']')
}

func datadogLine(b, line []byte, labels map[string]string) []byte {
	b = append(b, `{"timestamp":`...) // that of slog's lines, time, is none of the names that Datadog knows
	b = strconv.AppendInt(b, timeOf(line).UnixMilli(), 10)
	b = append(b, `,"message":`...)
	b = jsontext.AppendString(b, string(line))
	if len(labels) > 0 {
		b = append(b, ',')
		b = appendLabels(b, labels)
	}
	return append(b, '}')
}

func splunkLine(b, line []byte, labels map[string]string) []byte {
	b = append(b, `{"time":`...)
	t := timeOf(line)
	b = strconv.AppendInt(b, t.Unix(), 10)
	b = append(b, '.')
	ms := strconv.Itoa(1000 + t.Nanosecond()/1e6)
	b = append(b, ms[1:]...)
	b = append(b, `,"event":`...)
	b = jsontext.AppendString(b, string(line))
	if len(labels) > 0 {
		b = append(b, `,"fields":{`...)
		b = appendLabels(b, labels)
		b = append(b, '}')
	}
	return append(b, '}', '\n')
}

func newRelicHead(b []byte, labels map[string]string) []byte {
	b = append(b, `[{"common":{"attributes":{`...)
	b = appendLabels(b, labels)
	return append(b, `}},"logs":[`...)
}

func newRelicLine(b, line []byte, _ map[string]string) []byte {
	b = append(b, `{"timestamp":`...)
	b = strconv.AppendInt(b, timeOf(line).UnixMilli(), 10)
	b = append(b, `,"message":`...)
	b = jsontext.AppendString(b, string(line))
	return append(b, '}')
}

// elasticRejected reads the answer of the bulk API, whose status is 200 even if items failed.
func elasticRejected(answer []byte) (n int, text string) {
	var a struct {
		Errors bool
		Items  []map[string]struct {
			Status int
			Error  struct{ Type, Reason string }
		}
	}
	// The answer lists all items, so it may be cut. Then at least one failed.
	if json.Unmarshal(answer, &a) != nil {
		if bytes.Contains(answer[:min(len(answer), 200)], []byte(`"errors":true`)) {
			return 1, "some items failed; the answer is too long to tell which"
		}
		return 0, ""
	}
	if !a.Errors {
		return 0, ""
	}
	for _, item := range a.Items {
		for _, result := range item {
			if result.Status >= 300 {
				n++
				text = result.Error.Type + ": " + result.Error.Reason
			}
		}
	}
	return n, text
}

// axiomRejected reads the answer of Axiom's ingest API.
func axiomRejected(answer []byte) (n int, text string) {
	var a struct {
		Failed   int
		Failures []struct{ Error string }
	}
	if json.Unmarshal(answer, &a) != nil || a.Failed <= 0 {
		return 0, ""
	}
	text = "some lines failed"
	if len(a.Failures) > 0 {
		text = a.Failures[0].Error
	}
	return a.Failed, text
}
