package tracehttp

import (
	"context"
	"fmt"
	"net/http"
	"net/url"

	"github.com/slogtrace/slogtrace"
)

// A call is a request that a transport of ours sends, as the contexts of base know it.
// It is a context itself, below that of the span.
type call struct {
	context.Context
	span   *slogtrace.Span // set before base sees the call
	method string
	url    *url.URL
	sent   http.Request // for base, under the span's context; here, since one allocation is less than two
}

type callKey struct{}

func (c *call) Value(key any) any {
	if key == any(callKey{}) {
		return c
	}
	return c.Context.Value(key)
}

func (c *call) String() string { return fmt.Sprintf("%v.WithHTTPCall", c.Context) }

// isSent reports whether a transport of ours is sending req, or that of which req is a copy: then this one is its base,
// perhaps with other RoundTrippers between. What those send on their own is another request, or has another span.
func isSent(req *http.Request) bool {
	c, ok := req.Context().Value(callKey{}).(*call)
	return ok && slogtrace.SpanFromContext(req.Context()) == c.span && req.Method == c.method && isSameURL(req.URL, c.url)
}

func isSameURL(a, b *url.URL) bool {
	return a == b || a != nil && b != nil && a.Scheme == b.Scheme && a.Host == b.Host && a.Path == b.Path && a.RawQuery == b.RawQuery
}
