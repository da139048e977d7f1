package tracehttp

import (
	"encoding/json"
	"fmt"
	"net/http"

	"github.com/slogtrace/slogtrace"
)

// A problem is the body of an answer that says what went wrong (RFC 9457, 3.1).
type problem struct {
	Title  string `json:"title,omitempty"`
	Status int    `json:"status"`
	Detail string `json:"detail,omitempty"`
	Trace  string `json:"trace_id,omitempty"` // an extension member (RFC 9457, 3.2)
}

// Error answers a request with an error, as [http.Error] does, but in application/problem+json (RFC 9457):
//
//	{"title":"Conflict","status":409,"detail":"seat 12A is taken","trace_id":"4bf92f3577b34da6a3ce929d0e0e4736"}
//
// detail is a string, an error, or nil. The trace is that of r's context, unless the error has one of its own by
// [slogtrace.WithTrace]: that one is worth more to whoever asks, and goes into the X-Trace-Id of the answer too.
//
// With a status of 500 and above, detail as an error fails the current span and is not sent:
// what broke in here is for the log. A string is sent whatever the status.
//
// Like http.Error it does not end the request: return after it, and write nothing more.
func Error(w http.ResponseWriter, r *http.Request, status int, detail any) {
	sc := slogtrace.SpanContextFromContext(r.Context())
	p := problem{Title: http.StatusText(status), Status: status}
	switch d := detail.(type) {
	case nil:
	case error:
		if status >= 500 {
			slogtrace.SpanFromContext(r.Context()).Fail(d)
		} else {
			p.Detail = d.Error()
		}
		if own, ok := slogtrace.TraceOf(d); ok {
			sc = own
			if x := exchangeOf(r.Context()); x != nil && x.handler.traceHeader != "" {
				w.Header()[x.handler.traceHeader] = []string{sc.TraceID.String()}
			}
		}
	case string:
		p.Detail = d
	default:
		p.Detail = fmt.Sprint(d)
	}
	p.Trace = sc.TraceID.String()
	text, _ := json.Marshal(p) // strings and a number always can

	h := w.Header()
	h.Del("Content-Length") // it was meant for another answer; Content-Encoding may be a middleware's: as in http.Error
	h.Set("Content-Type", "application/problem+json")
	h.Set("X-Content-Type-Options", "nosniff")
	w.WriteHeader(status)
	_, _ = w.Write(append(text, '\n')) // if the client is gone, nobody misses it
}
