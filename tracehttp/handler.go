package tracehttp

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"slices"
	"strconv"

	"github.com/slogtrace/slogtrace"
	"github.com/slogtrace/slogtrace/internal/headers"
)

// HandlerOptions are options for [NewHandler]. The zero value means the defaults.
type HandlerOptions struct {
	// Tracer makes the spans. Nil: that of the request's context, else the default one.
	Tracer *slogtrace.Tracer

	// Trust says what to do with the trace that a request names. Nil: [Continue], for all.
	// On a public edge, set it: see [Trust].
	Trust func(*http.Request) Trust

	// Baggage takes the baggage of requests that are continued, besides their trace.
	// Baggage goes onto your records and from there to the services you call: take it only from services of your own.
	Baggage bool

	// TraceHeader is the name of the header of the answer that holds the trace id. Empty: X-Trace-Id.
	TraceHeader string

	// NoTraceHeader leaves that header out.
	NoTraceHeader bool

	// RequestHeaders and ResponseHeaders name the headers to be logged, as http.request.header.<name> and
	// http.response.header.<name>, User-Agent as user_agent.original. Nil: none. Think of cookies and credentials.
	RequestHeaders, ResponseHeaders []string

	// Query names the query parameters to be logged, in url.query. Nil: none.
	Query []string
}

// Trust is what a server does with the trace that a request names.
//
// The headers are whatever the client writes. Whoever is believed can put spans into any of your traces, those of
// other customers among them, have all of its requests sampled, or none, and make one trace of a million requests.
// So [Continue] is for what only your own services reach. On a public edge use [Link], if the clients' traces are
// of use to you (a partner, your own app), else [Ignore].
// Behind a gateway of your own that removes the headers or sets its own, Continue is right again.
type Trust uint8

const (
	// Continue makes the server span a child of the caller's. The caller's sampling decision holds.
	Continue Trust = iota
	// Link begins a new trace whose first span links to the caller's. The Tracer decides on sampling.
	Link
	// Ignore begins a new trace, as if there were no headers.
	Ignore
)

// NewHandler returns a handler that calls next in a span of kind server.
// Nil options mean the defaults; they are copied. A nil next is [http.DefaultServeMux].
//
// The span continues the trace that the request names, if [HandlerOptions.Trust] has it so: by traceparent and
// tracestate (W3C Trace Context Level 2, 3.2 and 3.3; several tracestate lines are one list), else by b3, else by
// X-B3-TraceId and its like, where a 64-bit trace id is the lower half of one of 128 bits.
// A traceparent that is repeated or not valid restarts the trace; a tracestate that is not valid is dropped.
// B3's debug means sampled; its decision counts without ids too, for the trace that begins then;
// ids without a decision leave it to the Tracer's Sampler.
// What is not taken is said in one record at level Debug. The client never hears of it.
//
// The span's name is method and route, "GET /bookings/{id}". If next is an [http.ServeMux] itself, the records
// inside have it already. Else the span is renamed when next has returned, by the Pattern of the request
// that next got, unless it was renamed by somebody else. Without a route it is the method;
// a method that RFC 9110 does not know is "HTTP". The host of a pattern is left out.
//
// Its attributes are, after OpenTelemetry's semantic conventions: http.request.method (_OTHER, and then
// http.request.method_original), http.route, http.response.status_code, url.scheme, url.path (escaped, at most 1 KiB),
// server.address and server.port by the Host header, network.protocol.version, error.type. Neither the query is among
// them, nor a header, nor the client's address or user agent: see the options, and [slogtrace.Span.SetAttrs].
// They tell of the request as it came, whatever next makes of it, and a Sampler knows those that are known by then.
//
// A status of 500 and above fails the span, and so does a panic, which goes on as it was;
// its status is 500 if nothing was written, though nothing is sent. [http.ErrAbortHandler] is no failure:
// http.aborted is "handler" then. It is "client" where the client was gone before next returned
// (the request's context is canceled, or a write failed); a status of 500 and above fails the span even so.
// Where nothing was written to a client that is gone, or before ErrAbortHandler, there is no status.
//
// An X-Request-Id of at most 128 printable ASCII bytes stands on all records of the request as request_id,
// and in the answer. None is invented, and [NewTransport] sends none on. The answer has the trace id in X-Trace-Id.
//
// The ResponseWriter that next gets has Unwrap, for [http.ResponseController]. It is an [http.Flusher],
// an [http.Hijacker] or an [io.ReaderFrom] where the original is one, and HTTP/2's is an [http.Pusher] too.
// It is no http.CloseNotifier, which is deprecated. A hijacked connection has status 101,
// unless another was written before, and the span ends when next returns.
//
// A handler inside another of NewHandler's makes no second span: the outermost one counts, with its options.
// (Where what is between hides the ResponseWriter, as [http.TimeoutHandler] does, there are two.)
func NewHandler(next http.Handler, opts *HandlerOptions) http.Handler {
	h := &handler{next: next}
	if opts != nil {
		h.opts = *opts
	}
	if h.next == nil {
		h.next = http.DefaultServeMux
	}
	h.mux, _ = h.next.(*http.ServeMux)
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
	if baseOf(w) != nil {
		h.next.ServeHTTP(w, r)
		return
	}
	rw, x := newWriter(w)
	x.ResponseWriter, x.handler = w, h
	x.start(r)
	defer x.finish()
	h.next.ServeHTTP(rw, x.request)
	x.returned = true
}

// start begins the span of r.
func (w *writer) start(r *http.Request) {
	h := w.handler
	ctx, link, err := h.context(r)
	id, idErr := requestID(r.Header)
	if id != "" {
		w.values[1] = id
		w.Header()["X-Request-Id"] = w.values[1:2:2]
		ctx = slogtrace.With(ctx, slog.String(requestIDKey, id))
	}

	w.method, w.pattern = knownMethod(r.Method), r.Pattern
	if h.mux != nil && r.RequestURI != "*" { // which the mux does not route
		_, w.pattern = h.mux.Handler(r)
	}
	w.op = opName(w.method, w.pattern)
	var array [16]slog.Attr
	attrs := append(array[:0], slogtrace.KindServer)
	if link.Key != "" {
		attrs = append(attrs, link)
	}
	attrs = h.appendRequest(attrs, w.method, w.pattern, r)
	if t := h.opts.Tracer; t != nil {
		ctx, w.span = t.Start(ctx, w.op, attrs...)
	} else {
		ctx, w.span = slogtrace.Start(ctx, w.op, attrs...)
	}
	if h.traceHeader != "" {
		w.values[0] = w.span.SpanContext().TraceID.String()
		w.Header()[h.traceHeader] = w.values[0:1:1]
	}
	w.request = r.WithContext(ctx)
	if err != nil || idErr != nil {
		report(ctx, err, idErr)
	}
}

// context returns the context that the request's span is to start in, and a link for it.
func (h *handler) context(r *http.Request) (ctx context.Context, link slog.Attr, err error) {
	ctx = r.Context()
	trust := Continue
	if h.opts.Trust != nil {
		trust = h.opts.Trust(r)
	}
	get := getter{r.Header, false}
	switch trust {
	case Continue:
		var baggage []string
		if h.opts.Baggage {
			baggage = r.Header["Baggage"]
		}
		ctx, err = extract(ctx, get, r.Header["Traceparent"], baggage)
	case Link:
		var caller context.Context
		caller, err = extract(context.Background(), get, r.Header["Traceparent"], nil)
		if sc := slogtrace.SpanContextFromContext(caller); sc.IsValid() {
			link = slogtrace.Link(sc)
		}
	}
	return ctx, link, err
}

// report says what of the headers was not taken.
func report(ctx context.Context, errs ...error) {
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

const maxRequestID = 128

var errRequestID = errors.New("tracehttp: X-Request-Id: want one of at most 128 printable ASCII bytes, got something else")

// requestID returns the id that the client gave its request, "" if there is none that can be accepted.
func requestID(h http.Header) (string, error) {
	v := h["X-Request-Id"]
	if len(v) == 0 || len(v) == 1 && v[0] == "" {
		return "", nil
	}
	id := v[0]
	if len(v) > 1 || len(id) > maxRequestID {
		return "", errRequestID
	}
	for i := range len(id) {
		if id[i] < ' ' || id[i] > '~' {
			return "", errRequestID
		}
	}
	return id, nil
}

// finish ends the span, whether next returned, panicked or called runtime.Goexit. It must be deferred itself.
func (w *writer) finish() {
	p := recover()
	if p == nil || p == http.ErrAbortHandler {
		w.setAttrs(p)
		w.span.End()
	} else {
		w.setAttrs(p)
		headers.EndPanicked(w.span, p)
	}
	if p != nil {
		panic(p)
	}
}

// appendRequest appends what is known before next is called. It may change the request, also when it has not returned in time.
func (h *handler) appendRequest(attrs []slog.Attr, method, pattern string, r *http.Request) []slog.Attr {
	attrs = appendMethod(attrs, method, r.Method)
	if route := routeOf(pattern); route != "" {
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

// setAttrs gives the span what is known afterwards, next having panicked with p unless that is nil.
func (w *writer) setAttrs(p any) {
	var array [8]slog.Attr
	attrs := array[:0]
	if pattern := w.request.Pattern; pattern != "" && pattern != w.pattern {
		if w.span.Op() == w.op {
			w.span.SetOp(opName(w.method, pattern))
		}
		if route := routeOf(pattern); route != "" {
			attrs = append(attrs, slog.String(routeKey, route))
		}
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

// outcome returns the status of the answer, 0 if there was none, and who aborted it, "" if nobody did.
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

// clientGone reports whether the client did not wait for the answer's end.
func (w *writer) clientGone() bool {
	if errors.Is(w.request.Context().Err(), context.Canceled) {
		return true
	}
	switch {
	case w.err == nil, errors.Is(w.err, http.ErrBodyNotAllowed), errors.Is(w.err, http.ErrContentLength),
		errors.Is(w.err, http.ErrHandlerTimeout), errors.Is(w.err, http.ErrNotSupported),
		w.err.Error() == "http2: handler wrote more than declared Content-Length": // ErrContentLength there
		return false
	}
	return true
}
