package tracehttp

import (
	"context"
	"net/http"
	"strings"

	"github.com/slogtrace/slogtrace/internal/hook"
)

// SetRoute tells the server span of ctx's request which route the request took. It sets http.route and the span's name,
// "GET /items/{id}". It is for routers that [NewHandler] does not know:
//
//	tracehttp.SetRoute(ctx, chi.RouteContext(ctx).RoutePattern()) // chi, after next
//	tracehttp.SetRoute(ctx, c.FullPath())                         // gin
//	tracehttp.SetRoute(ctx, c.Path())                             // echo
//
// route is the template, "/items/{id}" or "/items/:id", never the path of one request.
// A [http.Request.Pattern] is one too: its method and host are left out.
//
// The route of the last call counts, and it counts more than one that NewHandler finds.
// A name that was given by [slogtrace.Span.SetOp], before or after, stays.
//
// An empty route, a context without a request of NewHandler's, and a request whose span has ended change nothing.
// It is safe for concurrent use.
func SetRoute(ctx context.Context, route string) {
	if !strings.HasPrefix(route, "/") && strings.ContainsAny(route, " \t") {
		route = routeOf(route) // METHOD [HOST]/[PATH]
	}
	x := exchangeOf(ctx)
	if x == nil || route == "" {
		return
	}
	route = cut(route, maxText)
	x.mu.Lock()
	defer x.mu.Unlock()
	x.chosen = true
	x.setRoute(route, methodName(x.method)+" "+route)
}

// setRoute sets the route, and renames the span to op unless somebody else did. x.mu is held.
func (x *exchange) setRoute(route, op string) {
	x.routes++
	x.route = route
	x.renamed = hook.Rename(x.current, x.renamed, op)
}

// found sets the route by the pattern of a mux, unless SetRoute was called.
func (x *exchange) found(pattern string) {
	if route := routeOf(pattern); route != "" {
		x.mu.Lock()
		defer x.mu.Unlock()
		if !x.chosen {
			x.setRoute(route, opName(x.method, pattern))
		}
	}
}

// foundBehind is found for the pattern that r has when its handler is done. Before, it had another, and the route had been
// set before times: if it was since, by somebody further inside, that one knows more.
func (x *exchange) foundBehind(r *http.Request, pattern string, before int) {
	if r.Pattern != pattern && x.timesRouted() == before {
		x.found(r.Pattern)
	}
}

func (x *exchange) timesRouted() int {
	x.mu.Lock()
	defer x.mu.Unlock()
	return x.routes
}

// lastRoute returns the route, "" if it is not known.
func (x *exchange) lastRoute() string {
	x.mu.Lock()
	defer x.mu.Unlock()
	return x.route
}

// patternOf returns the pattern of next for r, if next is a mux, else the one that r has, and how to go on.
//
// next may be the mux that has called h. Then h is what that mux has for requests that nothing else takes,
// and the mux would call it again, for ever: such a request is not found.
func (h *handler) patternOf(r *http.Request) (pattern string, next http.Handler, ctx context.Context) {
	ctx = r.Context()
	if h.mux == nil || r.RequestURI == "*" { // which the mux does not route
		return r.Pattern, h.next, ctx
	}
	found, pattern := h.mux.Handler(r)
	if found == http.Handler(h) {
		return pattern, http.NotFoundHandler(), ctx
	}
	if pattern == "" || pattern != r.Pattern {
		return pattern, h.next, ctx
	}
	// Another mux has the same pattern, or this one has h within somebody's handler: then h comes by here twice.
	key := routed{h.mux, r.Method, r.Host, r.URL.Path}
	if ctx.Value(key) != nil {
		return pattern, http.NotFoundHandler(), ctx
	}
	return pattern, h.next, context.WithValue(ctx, key, true)
}

// A routed is the context key of a request that a mux gets although it has the pattern that the mux has for it.
type routed struct {
	mux                *http.ServeMux
	method, host, path string
}

// opName returns the name of a server span: method and route.
func opName(method, pattern string) string {
	method = methodName(method)
	route := routeOf(pattern)
	if route == "" {
		return method
	}
	if len(pattern) == len(method)+1+len(route) && strings.HasPrefix(pattern, method) {
		return pattern
	}
	return method + " " + route
}

// methodName returns the method of a span's name.
func methodName(method string) string {
	if m := knownMethod(method); m != "" {
		return m
	}
	return "HTTP"
}

// routeOf returns the path of a pattern of http.ServeMux, [METHOD ][HOST]/[PATH].
func routeOf(pattern string) string {
	if i := strings.IndexByte(pattern, '/'); i >= 0 {
		return pattern[i:]
	}
	return ""
}
