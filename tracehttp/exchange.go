package tracehttp

import (
	"context"
	"fmt"
	"net/http"
	"reflect"
	"sync"
)

// An exchange is a request with its answer, as the contexts of the request know it.
// It is a context itself, below that of the span, so that each handler further inside finds it.
//
// It holds the request for the handler, since one allocation is less than two, but no ResponseWriter:
// contexts outlive requests.
type exchange struct {
	context.Context
	request http.Request    // as handed down, under the span's context
	handler *handler        // the outermost one: its options count
	current context.Context // in which the request's span is current; set before anybody else sees the exchange
	ids     []namedID       // the request ids, which a transport sends on

	// The request as it came, to recognise its copies.
	method, uri, host, path string
	header                  http.Header

	mu      sync.Mutex // guards the rest: see setRoute
	route   string     // "" when not known
	chosen  bool       // route is SetRoute's
	renamed *string    // what hook.Rename returned last
	routes  int        // how often the route was set
}

type exchangeKey struct{}

func (x *exchange) Value(key any) any {
	if key == any(exchangeKey{}) {
		return x
	}
	return x.Context.Value(key)
}

func (x *exchange) String() string { return fmt.Sprintf("%v.WithHTTPRequest", x.Context) }

// newExchange returns the exchange of r, which h is the first to see, on top of ctx.
func newExchange(ctx context.Context, h *handler, r *http.Request) *exchange {
	return &exchange{Context: ctx, handler: h, method: r.Method, uri: r.RequestURI, host: r.Host, path: r.URL.Path, header: r.Header}
}

// exchangeOf returns the innermost exchange of ctx, which may be nil, or nil.
func exchangeOf(ctx context.Context) *exchange {
	if ctx == nil {
		return nil
	}
	x, _ := ctx.Value(exchangeKey{}).(*exchange)
	return x
}

// outerExchange returns the exchange that a handler of w and r is part of, nil if r is a request of its own:
// the first to come, or one that a handler has made under its own request's context,
// and serves with another ResponseWriter or sends by a transport that stays in the process.
func outerExchange(w http.ResponseWriter, r *http.Request) *exchange {
	x := exchangeOf(r.Context())
	if x == nil {
		return nil
	}
	if c, ok := r.Context().Value(callKey{}).(*call); ok && exchangeOf(c.Context) == x {
		return nil
	}
	if b := baseOf(w); b != nil && b.exchange == x {
		return x // one answer is one exchange, whatever was made of the request
	}
	if x.has(r) {
		return x
	}
	return nil
}

// has reports whether r is the request that came, or a copy of it. What middleware does to a copy:
// WithContext keeps URL and header, http.StripPrefix the header, Clone neither, but it keeps what they say.
// None changes the RequestURI, and a request that was made for a client has none.
func (x *exchange) has(r *http.Request) bool {
	return r.RequestURI == x.uri &&
		(isSame(r.Header, x.header) || r.Method == x.method && r.Host == x.host && r.URL.Path == x.path)
}

// isSame reports whether a and b are one map.
func isSame(a, b http.Header) bool {
	return a != nil && reflect.ValueOf(a).Pointer() == reflect.ValueOf(b).Pointer()
}
