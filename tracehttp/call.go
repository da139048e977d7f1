package tracehttp

import (
	"context"
	"fmt"
	"net/http"
	"net/url"

	"github.com/slogtrace/slogtrace"
)

// A call is a request that one of our transports sends. It is in the contexts of base.
// It is a context itself, below that of the span.
type call struct {
	context.Context
	span   *slogtrace.Span // set before base sees the call
	method string
	url    *url.URL
	sent   http.Request // for base, under the span's context; part of the call to save an allocation
}

type callKey struct{}

func (c *call) Value(key any) any {
	if key == any(callKey{}) {
		return c
	}
	return c.Context.Value(key)
}

func (c *call) String() string { return fmt.Sprintf("%v.WithHTTPCall", c.Context) }

// isSent reports whether one of our transports is already sending req, or a request that req is a copy of.
// Then the transport that asks is that one's base, perhaps behind other RoundTrippers.
// A request that those send on their own differs in method or URL, or has another span.
func isSent(req *http.Request) bool {
	c, ok := req.Context().Value(callKey{}).(*call)
	return ok && slogtrace.SpanFromContext(req.Context()) == c.span && req.Method == c.method && isSameURL(req.URL, c.url)
}

func isSameURL(a, b *url.URL) bool {
	return a == b || a != nil && b != nil && a.Scheme == b.Scheme && a.Host == b.Host && a.Path == b.Path && a.RawQuery == b.RawQuery
}
