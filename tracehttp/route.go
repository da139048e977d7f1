package tracehttp

import (
	"context"
	"net/http"
	"strings"

	"github.com/slogtrace/slogtrace/internal/hook"
)

// SetRoute sets the route of ctx's request on its server span: http.route and the span's name,
// "GET /items/{id}". Use it for routers that [NewHandler] does not know:
//
//	tracehttp.SetRoute(ctx, chi.RouteContext(ctx).RoutePattern()) // chi, after next
//	tracehttp.SetRoute(ctx, c.FullPath())                         // gin
//	tracehttp.SetRoute(ctx, c.Path())                             // echo
//
// route is the template, "/items/{id}" or "/items/:id", never the path of one request.
// An [http.Request.Pattern] is accepted too: its method and host are left out.
//
// The last call counts, and it takes precedence over a route that NewHandler finds.
// A name given by [slogtrace.Span.SetOp], before or after, stays.
//
// SetRoute does nothing if route is empty, if ctx has no request of NewHandler's, or if the request's span has ended.
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

// setRoute sets the route, and renames the span to op unless it was renamed by SetOp. x.mu must be held.
func (x *exchange) setRoute(route, op string) {
	x.routes++
	x.route = route
	x.renamed = hook.Rename(x.current, x.renamed, op)
}

// found sets the route from the pattern of a mux, unless SetRoute was called.
func (x *exchange) found(pattern string) {
	if route := routeOf(pattern); route != "" {
		x.mu.Lock()
		defer x.mu.Unlock()
		if !x.chosen {
			x.setRoute(route, opName(x.method, pattern))
		}
	}
}

// foundLater is found for the pattern that r has when its handler is done. pattern is what r had before, and before is
// how often the route had been set then. If an inner handler has set it since, that route is better and stays.
func (x *exchange) foundLater(r *http.Request, pattern string, before int) {
	if r.Pattern != pattern && x.timesRouted() == before {
		x.found(r.Pattern)
	}
}

func (x *exchange) timesRouted() int {
	x.mu.Lock()
	defer x.mu.Unlock()
	return x.routes
}

// lastRoute returns the route. It is "" if it is not known.
func (x *exchange) lastRoute() string {
	x.mu.Lock()
	defer x.mu.Unlock()
	return x.route
}

// patternOf returns the pattern that next has for r, if next is a mux, or r's own pattern. It also returns
// the handler to call and the context for it.
//
// next may be the mux that has called h. Then h is that mux's handler for requests that nothing else matches,
// and the mux would call it again, forever. Such a request is answered as not found.
func (h *handler) patternOf(r *http.Request) (pattern string, next http.Handler, ctx context.Context) {
	ctx = r.Context()
	if h.mux == nil || r.RequestURI == "*" { // the mux does not route it
		return r.Pattern, h.next, ctx
	}
	found, pattern := h.mux.Handler(r)
	if found == http.Handler(h) {
		return pattern, http.NotFoundHandler(), ctx
	}
	if pattern == "" || pattern != r.Pattern {
		return pattern, h.next, ctx
	}
	// Another mux has the same pattern, or this mux has h inside another handler: then h gets the request twice.
	key := routed{h.mux, r.Method, r.Host, r.URL.Path}
	if ctx.Value(key) != nil {
		return pattern, http.NotFoundHandler(), ctx
	}
	return pattern, h.next, context.WithValue(ctx, key, true)
}

// A routed is a context key. It marks a request that was passed to mux although it already had mux's pattern for it.
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

// methodName returns the method as part of a span's name.
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
