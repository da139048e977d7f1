package tracehttp

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"slices"
	"strconv"

	"github.com/slogtrace/slogtrace"
	"github.com/slogtrace/slogtrace/internal/hook"
)

// HandlerOptions are options for [NewHandler]. The zero value means the defaults.
type HandlerOptions struct {
	// Tracer makes the spans. Nil means that of the request's context, or else the default one.
	Tracer *slogtrace.Tracer

	// Trust decides what to do with the trace that a request names. Nil means [TrustContinue] for all requests.
	// On a public edge, where strangers can reach the server, set it: see [Trust].
	Trust func(*http.Request) Trust

	// Baggage takes the baggage of requests whose trace is continued.
	// Baggage goes onto your records and from there to the services you call: take it only from your own services.
	Baggage bool

	// TraceHeader is the name of the response header with the trace id. Empty means X-Trace-Id.
	TraceHeader string

	// NoTraceHeader leaves that header out.
	NoTraceHeader bool

	// RequestIDs are the headers that identify a request, in addition to its trace.
	// Nil means X-Request-Id, on records as request_id. Empty but not nil means none.
	// The usual second one is X-Correlation-Id:
	//
	//	RequestIDs: []tracehttp.RequestID{{Generate: true}, {Header: "X-Correlation-Id"}}
	RequestIDs []RequestID

	// RequestHeaders and ResponseHeaders name the headers to log, as http.request.header.<name> and
	// http.response.header.<name>, User-Agent as user_agent.original. Nil means none. Do not log cookies and credentials.
	RequestHeaders, ResponseHeaders []string

	// Query names the query parameters to log, in url.query. Nil means none.
	Query []string
}

// Trust is what a server does with the trace that a request names.
//
// Headers contain whatever the client writes. A trusted client can add spans to any trace, even to those of
// other customers. It can have all of its requests sampled, or none, and make one trace of a million requests.
// So use [TrustContinue] only where your own services alone can call. On a public edge use [TrustLink] if the clients' traces
// are of use to you (a partner, your own app), and otherwise [TrustIgnore].
// Behind a gateway of your own that removes the headers or sets its own, TrustContinue is right again.
type Trust uint8

const (
	// TrustContinue makes the server span a child of the caller's span. The caller's sampling decision holds.
	TrustContinue Trust = iota
	// TrustLink begins a new trace whose first span links to the caller's. The Tracer's Sampler decides.
	TrustLink
	// TrustIgnore begins a new trace, as if there were no headers.
	TrustIgnore
)

// NewHandler returns a handler that calls next in a span of kind server.
// opts are copied. Nil means the defaults. A nil next means [http.DefaultServeMux].
//
// If [HandlerOptions.Trust] allows it, the span continues the trace that the request names: by traceparent and
// tracestate (W3C Trace Context Level 2, 3.2 and 3.3; several tracestate lines are one list), or else by b3, or else by
// X-B3-TraceId and the other X-B3 headers, where a 64-bit trace id is the lower half of one of 128 bits.
// A traceparent that is repeated or not valid restarts the trace. A tracestate that is not valid is dropped.
// B3's debug means sampled. A B3 decision without ids counts too, for the trace that begins then.
// B3 ids without a decision leave it to the Tracer's Sampler.
// One record at level Debug reports the headers that were ignored. The client is not told.
//
// The span's name is method and route, "GET /bookings/{id}". Without a route it is the method.
// A method that RFC 9110 does not define is "HTTP". The host of a pattern is left out.
//
// # What hides the route
//
// Put NewHandler directly around the [http.ServeMux]: next is the mux itself. Then the route is known from the start,
// to records inside, and to a Sampler, such as [slogtrace.PerOp].
//
// Otherwise the route is known when next has returned, and only if the mux got the same *http.Request as next:
// a mux writes its pattern into the request that it is called with. Middleware that copies the request hides the route.
// Each r.WithContext and r.Clone copies it, as in most middleware for authentication, and so do
// [http.TimeoutHandler], [http.MaxBytesHandler] and [http.StripPrefix].
// Then the name is the method, "GET", for the whole service. There are two remedies:
//
//	tracehttp.NewHandler(auth(tracehttp.NewHandler(mux, nil)), opts) // a second one directly around the mux
//	tracehttp.SetRoute(ctx, route)                                   // for other routers, and in middleware
//
// The second NewHandler makes no span of its own. It tells the first one the route before it calls the mux.
// The innermost route counts: behind StripPrefix it is the route without the prefix; pass the whole route to [SetRoute].
// By then a Sampler has already decided: it saw "GET".
//
// A span renamed by [slogtrace.Span.SetOp] keeps that name. http.route is set all the same.
//
// # Attributes
//
// The span's attributes follow OpenTelemetry's semantic conventions: http.request.method (or _OTHER with
// http.request.method_original), http.route, http.response.status_code, url.scheme, url.path (escaped, at most 1 KiB),
// server.address and server.port from the Host header, network.protocol.version, error.type. The query, headers,
// and the client's address or user agent are not among them: see the options, and [slogtrace.Span.SetAttrs].
// They describe the request as it came, whatever next changes in it.
// A Sampler sees those that are known before next is called.
//
// A status of 500 and above fails the span, and so does a panic, which goes on unchanged. After a panic
// the status on the span is 500 if nothing was written, though nothing is sent. [http.ErrAbortHandler] is not a failure:
// http.aborted is "handler" then. It is "client" if the client was gone before next returned
// (the request's context was canceled, or a write failed); a status of 500 and above still fails the span.
// There is no status if nothing was written before the client was gone or before ErrAbortHandler.
//
// The response has the trace id in X-Trace-Id. Request ids are on all records of the request, and in the response:
// see [HandlerOptions.RequestIDs].
//
// # Writers and handlers inside
//
// The ResponseWriter that next gets has Unwrap, for [http.ResponseController]. It is an [http.Flusher],
// an [http.Hijacker] or an [io.ReaderFrom] if the original is one, and HTTP/2's is also an [http.Pusher].
// It is not an http.CloseNotifier, which is deprecated. A hijacked connection has status 101,
// unless another was written before, and the span ends when next returns.
//
// A handler from NewHandler inside another one makes no second span: the outermost one counts, with its options.
// It is recognised by the request's context, through any middleware, even if that hides the ResponseWriter.
// A request that a handler makes under its own request's context, and serves with another ResponseWriter,
// has a span of its own.
//
// If next is the mux that has called this handler, as in http.Handle("/", tracehttp.NewHandler(nil, nil)),
// a request that nothing else in the mux matches is not found: status 404, in one span.
func NewHandler(next http.Handler, opts *HandlerOptions) http.Handler {
	h := &handler{next: next}
	if opts != nil {
		h.opts = *opts
	}
	if h.next == nil {
		h.next = http.DefaultServeMux
	}
	h.mux, _ = h.next.(*http.ServeMux)
	h.opts.RequestIDs = requestIDs(h.opts.RequestIDs)
	h.opts.RequestHeaders = canonical(h.opts.RequestHeaders)
	h.opts.ResponseHeaders = canonical(h.opts.ResponseHeaders)
	h.opts.Query = slices.Clone(h.opts.Query)
	switch {
	case h.opts.NoTraceHeader:
	case h.opts.TraceHeader == "":
		h.traceHeader = "X-Trace-Id"
	default:
		h.traceHeader = http.CanonicalHeaderKey(h.opts.TraceHeader)
	}
	return h
}

type handler struct {
	next        http.Handler
	mux         *http.ServeMux // next, if it is one
	opts        HandlerOptions
	traceHeader string // "": none
}

func (h *handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if x := outerExchange(w, r); x != nil {
		h.serveInside(x, w, r)
		return
	}
	rw, x := newWriter(w)
	x.ResponseWriter, x.handler = w, h
	next := x.start(r)
	defer x.finish()
	next.ServeHTTP(rw, &x.exchange.request)
	x.returned = true
}

// serveInside serves a request that already has a span, and sets the route on it.
func (h *handler) serveInside(x *exchange, w http.ResponseWriter, r *http.Request) {
	pattern, next, ctx := h.patternOf(r)
	if ctx != r.Context() {
		r = r.WithContext(ctx)
	}
	if h.mux != nil {
		x.found(pattern)
	} else {
		defer x.foundLater(r, pattern, x.timesRouted())
	}
	next.ServeHTTP(w, r)
}

// start begins the span of r. It returns the next handler.
func (w *writer) start(r *http.Request) (next http.Handler) {
	h := w.handler
	outer := exchangeOf(r.Context())
	pattern, next, ctx := h.patternOf(r)
	x := newExchange(ctx, h, r)
	w.exchange, w.pattern, x.route = x, pattern, routeOf(pattern)
	ctx, link, err := h.context(x, r)
	ctx, idErrs := x.identify(ctx, r, outer)
	for _, known := range x.ids {
		w.Header()[known.header] = []string{known.id}
	}

	var array [16]slog.Attr
	attrs := append(array[:0], slogtrace.KindServer)
	if link.Key != "" {
		attrs = append(attrs, link)
	}
	attrs = h.appendRequest(attrs, x.route, r)
	op := opName(r.Method, pattern)
	if t := h.opts.Tracer; t != nil {
		ctx, w.span = t.Start(ctx, op, attrs...)
	} else {
		ctx, w.span = slogtrace.Start(ctx, op, attrs...)
	}
	x.current = ctx
	if h.traceHeader != "" {
		w.traceID[0] = w.span.SpanContext().TraceID.String()
		w.Header()[h.traceHeader] = w.traceID[:]
	}
	x.request = *r.WithContext(ctx)
	if err != nil || len(idErrs) > 0 {
		report(ctx, append(idErrs, err))
	}
	return next
}

// context returns the context in which the span of r starts, continued as Trust decides, and a link for the span.
func (h *handler) context(ctx context.Context, r *http.Request) (_ context.Context, link slog.Attr, err error) {
	trust := TrustContinue
	if h.opts.Trust != nil {
		trust = h.opts.Trust(r)
	}
	get := getter{r.Header, false}
	switch trust {
	case TrustContinue:
		var baggage []string
		if h.opts.Baggage {
			baggage = r.Header["Baggage"]
		}
		ctx, err = extract(ctx, get, r.Header["Traceparent"], baggage)
	case TrustLink:
		var caller context.Context
		caller, err = extract(context.Background(), get, r.Header["Traceparent"], nil)
		if sc := slogtrace.SpanContextFromContext(caller); sc.IsValid() {
			link = slogtrace.Link(sc)
		}
	}
	return ctx, link, err
}

// report logs which headers were ignored.
func report(ctx context.Context, errs []error) {
	log := slogtrace.Logger(ctx)
	if !log.Enabled(ctx, slog.LevelDebug) {
		return
	}
	text := ""
	for _, err := range errs {
		switch {
		case err == nil:
		case text == "":
			text = err.Error()
		default:
			text += "; " + err.Error()
		}
	}
	log.LogAttrs(ctx, slog.LevelDebug, "request headers not taken", slog.String("err", text))
}

// finish ends the span, whether next returned, panicked or called runtime.Goexit. It must itself be deferred.
func (w *writer) finish() {
	p := recover()
	w.setOutcome(p)
	if p != nil && p != http.ErrAbortHandler {
		hook.EndPanic(w.exchange.current, p)
	}
	w.span.End()
	if p != nil {
		panic(p)
	}
}

// appendRequest appends what is known before next is called. next may change the request, even if it does not return in time.
func (h *handler) appendRequest(attrs []slog.Attr, route string, r *http.Request) []slog.Attr {
	attrs = appendMethod(attrs, r.Method)
	if route != "" {
		attrs = append(attrs, slog.String(routeKey, route))
	}
	scheme := "http"
	if r.TLS != nil {
		scheme = "https"
	}
	attrs = append(attrs, slog.String(schemeKey, scheme))
	if path := r.URL.EscapedPath(); path != "" {
		attrs = append(attrs, slog.String(pathKey, cut(path, maxText)))
	}
	attrs = appendAddress(attrs, r.Host, 0)
	if v := protocolVersion(r.ProtoMajor, r.ProtoMinor); v != "" {
		attrs = append(attrs, slog.String(protocolKey, v))
	}
	attrs = appendQuery(attrs, r.URL.RawQuery, h.opts.Query)
	return appendHeaders(attrs, requestHeader, r.Header, h.opts.RequestHeaders)
}

// setOutcome sets the attributes that are known afterwards. p is the value that next panicked with, or nil.
func (w *writer) setOutcome(p any) {
	var array [8]slog.Attr
	attrs := array[:0]
	w.exchange.foundLater(&w.exchange.request, w.pattern, 0)
	if route := w.exchange.lastRoute(); route != routeOf(w.pattern) {
		attrs = append(attrs, slog.String(routeKey, route))
	}
	status, aborted := w.outcome(p)
	if status != 0 {
		attrs = append(attrs, slog.Int(statusKey, status))
	}
	if aborted != "" {
		attrs = append(attrs, slog.String(abortedKey, aborted))
	}
	switch {
	case p != nil && p != http.ErrAbortHandler:
		attrs = append(attrs, slog.String(errorTypeKey, "panic"))
	case status >= 500:
		attrs = append(attrs, slog.String(errorTypeKey, strconv.Itoa(status)))
		w.span.Fail(statusError(status))
	}
	attrs = appendHeaders(attrs, responseHeader, w.Header(), w.handler.opts.ResponseHeaders)
	w.span.SetAttrs(attrs...)
}

// outcome returns the status of the response, 0 if there was none, and who aborted it, "" if nobody did.
func (w *writer) outcome(p any) (status int, aborted string) {
	switch {
	case w.hijacked:
		if w.status == 0 {
			return http.StatusSwitchingProtocols, ""
		}
		return w.status, ""
	case w.clientGone():
		aborted = "client"
	case p == http.ErrAbortHandler, p == nil && !w.returned: // or runtime.Goexit
		aborted = "handler"
	}
	status = w.status
	switch {
	case status != 0:
	case p != nil && p != http.ErrAbortHandler:
		status = http.StatusInternalServerError
	case aborted == "":
		status = http.StatusOK
	}
	return status, aborted
}

// clientGone reports whether the client left before the end of the response.
func (w *writer) clientGone() bool {
	if errors.Is(w.exchange.request.Context().Err(), context.Canceled) {
		return true
	}
	switch {
	case w.err == nil, errors.Is(w.err, http.ErrBodyNotAllowed), errors.Is(w.err, http.ErrContentLength),
		errors.Is(w.err, http.ErrHandlerTimeout), errors.Is(w.err, http.ErrNotSupported),
		w.err.Error() == "http2: handler wrote more than declared Content-Length": // ErrContentLength in HTTP/2
		return false
	}
	return true
}
