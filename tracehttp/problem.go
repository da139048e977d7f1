package tracehttp

import (
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"slices"

	"github.com/slogtrace/slogtrace"
)

// Error answers a request with an error, like [http.Error], but as application/problem+json (RFC 9457):
//
//	{"title":"Conflict","status":409,"detail":"seat 12A is taken","trace_id":"4bf92f3577b34da6a3ce929d0e0e4736"}
//
// detail is a string, an error, or nil. The trace id is that of r's context. If the error has a trace of its own, by
// [slogtrace.WithTrace], it is that one, which is of more use to the reader. It also goes into the response's X-Trace-Id.
//
// If status is 500 or above, a detail that is an error fails the current span and is not sent:
// an internal error is for the log only. A string is sent whatever the status.
//
// members are extension members (RFC 9457, 3.2), such as slog.String("code", "seat_taken"). Values are written as
// [slogtrace.NewJSONHandler] writes them, groups as objects. They may replace title, detail and type, which otherwise means
// about:blank, but not status and trace_id. If a key appears more than once, the last one counts.
//
// Like http.Error it does not end the request: return after it, and write nothing more.
func Error(w http.ResponseWriter, r *http.Request, status int, detail any, members ...slog.Attr) {
	sc := slogtrace.SpanContextFromContext(r.Context())
	text := "" // the detail
	switch d := detail.(type) {
	case nil:
	case error:
		if status >= 500 {
			slogtrace.SpanFromContext(r.Context()).Fail(d)
		} else {
			text = d.Error()
		}
		if own, ok := slogtrace.TraceOf(d); ok {
			sc = own
			if x := exchangeOf(r.Context()); x != nil && x.handler.traceHeader != "" {
				w.Header()[x.handler.traceHeader] = []string{sc.TraceID.String()}
			}
		}
	case string:
		text = d
	default:
		text = fmt.Sprint(d)
	}
	body := problem(status, text, sc.TraceID.String(), members)

	h := w.Header()
	h.Del("Content-Length") // it was meant for another response; Content-Encoding may be a middleware's: as in http.Error
	h.Set("Content-Type", "application/problem+json")
	h.Set("X-Content-Type-Options", "nosniff")
	w.WriteHeader(status)
	_, _ = w.Write(body) // if the client is gone, nobody misses it
}

// problem returns the body of an error response (RFC 9457, 3.1), as one line.
func problem(status int, detail, trace string, extra []slog.Attr) []byte {
	var m members
	if title := http.StatusText(status); title != "" {
		m.set("title", title)
	}
	m.set("status", status)
	if detail != "" {
		m.set("detail", detail)
	}
	m.add(extra, func(key string) bool { return key == "status" || key == "trace_id" })
	if trace != "" {
		m.set("trace_id", trace)
	}
	text, err := json.Marshal(m)
	if err != nil { // a value's method returned invalid JSON after all
		return problem(status, detail, trace, nil)
	}
	return append(text, '\n')
}

// members are the members of a JSON object, in order, each key once.
type members []member

type member struct {
	key   string
	value any
}

// set sets a member.
func (m *members) set(key string, value any) {
	if i := slices.IndexFunc(*m, func(x member) bool { return x.key == key }); i >= 0 {
		(*m)[i].value = value
		return
	}
	*m = append(*m, member{key, value})
}

// add sets the members in attrs that are not reserved. It adds the members of groups without a key one by one.
func (m *members) add(attrs []slog.Attr, reserved func(key string) bool) {
	for _, a := range attrs {
		v := a.Value.Resolve()
		switch {
		case a.Key == "" && v.Kind() == slog.KindGroup:
			m.add(v.Group(), reserved)
		case a.Key != "" && !reserved(a.Key):
			m.set(a.Key, jsonValue(v))
		}
	}
}

// jsonValue returns a value that encoding/json writes as slog.JSONHandler writes v. v must be resolved.
func jsonValue(v slog.Value) any {
	switch v.Kind() {
	case slog.KindGroup:
		m := members{}
		m.add(v.Group(), func(string) bool { return false })
		return m
	case slog.KindDuration:
		return int64(v.Duration())
	}
	x := v.Any()
	if _, ok := x.(json.Marshaler); ok {
		return x
	}
	if err, ok := x.(error); ok {
		return err.Error()
	}
	if _, err := json.Marshal(x); err != nil {
		return "!ERROR:" + err.Error() // as slog does
	}
	return x
}

func (m members) MarshalJSON() ([]byte, error) {
	b := []byte{'{'}
	for i, x := range m {
		if i > 0 {
			b = append(b, ',')
		}
		key, _ := json.Marshal(x.key) // a string never fails
		value, err := json.Marshal(x.value)
		if err != nil {
			return nil, err
		}
		b = append(append(append(b, key...), ':'), value...)
	}
	return append(b, '}'), nil
}
