package tracehttp

import (
	"context"
	"fmt"
	"net/http"
	"reflect"
	"sync"
)

// An exchange is a request with its response, as far as the request's contexts need it.
// It is a context itself, below that of the span, so that each inner handler finds it.
//
// It holds the request for the handler, to save an allocation, but no ResponseWriter:
// contexts may outlive requests.
type exchange struct {
	context.Context
	request http.Request    // for the handler, under the span's context
	handler *handler        // the outermost one, whose options count
	current context.Context // in which the request's span is current; set before other code sees the exchange
	ids     []namedID       // the request ids; a transport sends them on

	// The request as it came, to recognise copies of it.
	method, uri, host, path string
	header                  http.Header

	mu      sync.Mutex // guards the fields below: see setRoute
	route   string     // "" if not known
	chosen  bool       // the route comes from SetRoute
	renamed *string    // the last result of hook.Rename
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

// newExchange returns the exchange of r on top of ctx. h must be the outermost handler.
func newExchange(ctx context.Context, h *handler, r *http.Request) *exchange {
	return &exchange{Context: ctx, handler: h, method: r.Method, uri: r.RequestURI, host: r.Host, path: r.URL.Path, header: r.Header}
}

// exchangeOf returns the innermost exchange of ctx, or nil. ctx may be nil.
func exchangeOf(ctx context.Context) *exchange {
	if ctx == nil {
		return nil
	}
	x, _ := ctx.Value(exchangeKey{}).(*exchange)
	return x
}

// outerExchange returns the exchange that w and r belong to. It returns nil if r is a request of its own:
// one that just came in, or one that a handler made under its own request's context
// and serves with another ResponseWriter, or sends by a transport that stays in the process.
func outerExchange(w http.ResponseWriter, r *http.Request) *exchange {
	x := exchangeOf(r.Context())
	if x == nil {
		return nil
	}
	if c, ok := r.Context().Value(callKey{}).(*call); ok && exchangeOf(c.Context) == x {
		return nil
	}
	if b := baseOf(w); b != nil && b.exchange == x {
		return x // one response is one exchange, whatever was done to the request
	}
	if x.has(r) {
		return x
	}
	return nil
}

// has reports whether r is the request that came, or a copy of it by middleware. WithContext keeps the URL and
// the header map, http.StripPrefix keeps the header map, and Clone copies both but keeps their contents.
// None of them changes the RequestURI, and a request made for a client has none.
func (x *exchange) has(r *http.Request) bool {
	return r.RequestURI == x.uri &&
		(isSame(r.Header, x.header) || r.Method == x.method && r.Host == x.host && r.URL.Path == x.path)
}

// isSame reports whether a and b are the same map.
func isSame(a, b http.Header) bool {
	return a != nil && reflect.ValueOf(a).Pointer() == reflect.ValueOf(b).Pointer()
}
