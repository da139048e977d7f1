package tracehttp

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"sync/atomic"
	"time"

	"github.com/slogtrace/slogtrace"
	"github.com/slogtrace/slogtrace/internal/errtype"
	"github.com/slogtrace/slogtrace/internal/hook"
)

// TransportOptions are options for [NewTransport]. The zero value means the defaults.
type TransportOptions struct {
	// Tracer makes the spans. Nil means that of the request's context, or else the default one.
	Tracer *slogtrace.Tracer

	// Op names the span of a request. Nil, or a result of "", means the method. A name is for a kind of request,
	// not for a single one: "GET /bookings/{id}", without the id.
	Op func(*http.Request) string

	// TraceHosts names the hosts that the ids are sent to: "api.internal" on any port, "api.internal:443" on that port only
	// (which an https URL need not contain), "*.internal" for all hosts below internal, but not internal itself.
	// Case is ignored. The host of the request's URL counts, in each round trip:
	// after a redirect it is the new host. Nil means all hosts. Empty but not nil means none.
	//
	// A request to any other host has a span and none of these headers. The request's own ones are removed too,
	// since a proxy may pass them on: traceparent, tracestate, B3 headers, baggage, and the request ids of its context.
	TraceHosts []string

	// BaggageHosts names the hosts that baggage is sent to, in the form of TraceHosts. They must be in TraceHosts too.
	// Nil means none.
	BaggageHosts []string

	// B3 also sends the header b3. B3Multi also sends the X-B3-… headers. They are for services that do not know traceparent.
	B3, B3Multi bool

	// RequestHeaders, ResponseHeaders and Query are as in [HandlerOptions].
	RequestHeaders, ResponseHeaders []string
	Query                           []string
}

// NewTransport returns a RoundTripper that sends requests by base, each in a span of kind client.
// opts are copied. Nil means the defaults. A nil base means the [http.DefaultTransport] at the time of the call.
//
//	client := &http.Client{Transport: tracehttp.NewTransport(nil, nil)}
//	req, err := http.NewRequestWithContext(ctx, "GET", url, nil)
//	resp, err := client.Do(req)
//
// The span is a child of the span of the request's context. Each round trip has one: redirects and retries
// of an [http.Client] are several. base gets a copy of the request, whose context has the span. The copy has the headers
// traceparent and tracestate (W3C Trace Context Level 2) of the span, which replace the request's own,
// and no B3 headers of the request's. They go to [TransportOptions.TraceHosts], which are all hosts unless you name some.
// Baggage goes only to [TransportOptions.BaggageHosts]; a Baggage header of the request itself stays.
// Under the context of a request that [NewHandler] serves, that request's ids ([RequestID]) are sent on to TraceHosts.
// If the request itself has an id in the same header, that one stays. The request is not changed.
//
// The span ends when the body of the response has been read to its end or to an error, or has been closed, whichever comes
// first. So it lasts as long as the exchange. Without a body it ends with the round trip; over HTTP/2 there always is a body.
// If a body is never closed, its span never ends (and its connection leaks too).
// The body of a 101 Switching Protocols stays an [io.Writer] and can CloseWrite.
//
// An error from base or from the body fails the span, and so does a status of 400 and above. error.type is the status,
// "canceled" or "timeout" if the request's context ended or the network reports it, "EOF" if the server closed
// the connection, and otherwise the type of the error.
//
// The span's attributes follow OpenTelemetry's semantic conventions: http.request.method, url.full without user, query
// and fragment, server.address, server.port, http.response.status_code, network.protocol.version, error.type.
// Some APIs want a secret in the path. It would appear in url.full: use another transport for them.
//
// CloseIdleConnections calls that of base, if it has one.
//
// # All clients of a program
//
// One line in main traces all clients without a Transport of their own:
//
//	http.DefaultTransport = tracehttp.NewTransport(nil, nil)
//
// After it http.DefaultTransport is not an *http.Transport. Code with http.DefaultTransport.(*http.Transport).Clone(),
// as in some libraries, then panics, or goes on without its settings. If you have such code, give a Transport
// to each client instead.
//
// A request is traced once. If base comes from NewTransport, as http.DefaultTransport then does, the base of that one
// is used, with the new options. Only a nil TraceHosts is replaced by base's, so that ids which base keeps back are not sent.
// An inner one behind other RoundTrippers passes on the request that the outermost one sends,
// as long as it has the same method and URL, and a context with the same span.
func NewTransport(base http.RoundTripper, opts *TransportOptions) http.RoundTripper {
	t := &transport{base: base}
	if opts != nil {
		t.opts = *opts
	}
	if t.base == nil {
		t.base = http.DefaultTransport
	}
	t.traceHosts = newHostList(t.opts.TraceHosts)
	if inner, ok := t.base.(*transport); ok {
		t.base = inner.base
		if t.traceHosts == nil {
			t.traceHosts = inner.traceHosts
		}
	}
	t.baggageHosts = newHostList(t.opts.BaggageHosts)
	t.opts.RequestHeaders = canonical(t.opts.RequestHeaders)
	t.opts.ResponseHeaders = canonical(t.opts.ResponseHeaders)
	t.opts.Query = slices.Clone(t.opts.Query)
	return t
}

type transport struct {
	base         http.RoundTripper
	opts         TransportOptions
	traceHosts   hostList // nil: all
	baggageHosts hostList
}

// CloseIdleConnections implements what http.Client.CloseIdleConnections looks for.
func (t *transport) CloseIdleConnections() {
	if c, ok := t.base.(interface{ CloseIdleConnections() }); ok {
		c.CloseIdleConnections()
	}
}

func (t *transport) RoundTrip(req *http.Request) (*http.Response, error) {
	if isSent(req) {
		return t.base.RoundTrip(t.passOn(req))
	}
	op := ""
	if t.opts.Op != nil {
		op = t.opts.Op(req)
	}
	if op == "" {
		op = methodName(req.Method)
	}
	c := &call{Context: req.Context(), method: req.Method, url: req.URL}
	var ctx context.Context
	var span *slogtrace.Span
	var array [16]slog.Attr
	attrs := t.appendRequest(append(array[:0], slogtrace.KindClient), req)
	if t.opts.Tracer != nil {
		ctx, span = t.opts.Tracer.Start(c, op, attrs...)
	} else {
		ctx, span = slogtrace.Start(c, op, attrs...)
	}
	c.span = span
	returned := false
	defer endUnlessReturned(ctx, span, &returned)

	c.sent = *req.WithContext(ctx)
	c.sent.Header = t.headers(ctx, req)
	resp, err := t.base.RoundTrip(&c.sent)
	t.received(ctx, span, array[:0], resp, err)
	returned = true
	return resp, err
}

// received ends span with the result of its request, or lets the body of resp end it. attrs is memory for attributes.
func (t *transport) received(ctx context.Context, span *slogtrace.Span, attrs []slog.Attr, resp *http.Response, err error) {
	span.SetAttrs(t.appendResponse(ctx, attrs, resp, err)...)
	switch {
	case err != nil:
		span.Fail(err)
		span.End()
		return
	case resp == nil: // against the rules; http.Client reports it
		span.SetAttrs(slog.String(errorTypeKey, "_OTHER"))
		span.Fail(errNoResponse)
		span.End()
		return
	case resp.StatusCode >= 400:
		span.Fail(statusError(resp.StatusCode))
	}
	if resp.Body == nil || resp.Body == http.NoBody {
		span.End()
		return
	}
	if rw, ok := resp.Body.(io.ReadWriteCloser); ok {
		resp.Body = &writableBody{body{ReadCloser: rw, span: span, ctx: ctx}, rw}
	} else {
		resp.Body = &body{ReadCloser: resp.Body, span: span, ctx: ctx}
	}
}

var errNoResponse = errors.New("tracehttp: base returned neither a response nor an error")

// endUnlessReturned ends span if RoundTrip does not return because base panicked or ended the goroutine.
// It must itself be deferred.
func endUnlessReturned(ctx context.Context, span *slogtrace.Span, returned *bool) {
	if *returned {
		return
	}
	if p := recover(); p != nil {
		hook.EndPanic(ctx, p)
	}
	span.End() // runtime.Goexit
}

// headers returns a copy of req's headers, with ctx's as far as req's host may see them.
func (t *transport) headers(ctx context.Context, req *http.Request) http.Header {
	h := make(http.Header, len(req.Header)+3)
	for key, values := range req.Header {
		h[key] = slices.Clip(values) // shared: an append makes a copy
	}
	if !t.sendsTo(req.URL) {
		removeTrace(ctx, h)
		return h
	}
	traceparent, tracestate, baggage := hook.Inject(ctx)
	set(h, traceparent, tracestate)
	if baggage != "" && t.baggageHosts.has(req.URL) {
		setBaggage(h, baggage)
	}
	sendIDs(ctx, h)
	if t.opts.B3 || t.opts.B3Multi {
		injectB3(ctx, h, t.opts.B3, t.opts.B3Multi)
	}
	return h
}

// sendsTo reports whether the host of u may see the ids.
func (t *transport) sendsTo(u *url.URL) bool { return t.traceHosts == nil || t.traceHosts.has(u) }

// passOn returns req, which has the headers of an outer transport, without those that its host may not see.
func (t *transport) passOn(req *http.Request) *http.Request {
	if t.sendsTo(req.URL) {
		return req
	}
	sent := req.WithContext(req.Context())
	sent.Header = t.headers(req.Context(), req)
	return sent
}

// removeTrace removes the headers that name a trace, the baggage, and the request ids of ctx from h.
func removeTrace(ctx context.Context, h http.Header) {
	set(h, "", "")
	delete(h, "Baggage")
	delete(h, "baggage")
	removeIDs(ctx, h)
}

// appendRequest appends what is known before the request is sent.
func (t *transport) appendRequest(attrs []slog.Attr, req *http.Request) []slog.Attr {
	attrs = appendMethod(attrs, req.Method)
	if u := req.URL; u != nil {
		full := u.Scheme + "://" + u.Host + u.EscapedPath()
		if u.Opaque != "" { // it may hold a query, and credentials
			full = u.Scheme + "://" + u.Host
		}
		attrs = append(attrs, slog.String(fullKey, cut(full, maxText)))
		attrs = appendAddress(attrs, u.Host, defaultPort(u.Scheme))
		attrs = appendQuery(attrs, u.RawQuery, t.opts.Query)
	}
	return appendHeaders(attrs, requestHeader, req.Header, t.opts.RequestHeaders)
}

// appendResponse appends what is known after the round trip.
func (t *transport) appendResponse(ctx context.Context, attrs []slog.Attr, resp *http.Response, err error) []slog.Attr {
	switch {
	case err != nil:
		attrs = append(attrs, slog.String(errorTypeKey, errorType(ctx, err)))
	case resp != nil:
		attrs = append(attrs, slog.Int(statusKey, resp.StatusCode))
		if v := protocolVersion(resp.ProtoMajor, resp.ProtoMinor); v != "" {
			attrs = append(attrs, slog.String(protocolKey, v))
		}
		if resp.StatusCode >= 400 {
			attrs = append(attrs, slog.String(errorTypeKey, strconv.Itoa(resp.StatusCode)))
		}
		attrs = appendHeaders(attrs, responseHeader, resp.Header, t.opts.ResponseHeaders)
	}
	return attrs
}

// errorType returns the kind of the error that ended an exchange.
func errorType(ctx context.Context, err error) string {
	// http.Client's own timer cancels the request a moment before or after its context ends,
	// and then the error of the body tells only that.
	canceled := errors.Is(err, context.Canceled) || ctx.Err() != nil || err.Error() == "net/http: request canceled"
	deadline, limited := ctx.Deadline()
	kind := errtype.Of(err)
	switch {
	case kind == "timeout", canceled && limited && !time.Now().Before(deadline):
		return "timeout"
	case canceled:
		return "canceled"
	}
	return kind
}

// A body is the body of a response. It ends the span at its own end.
type body struct {
	io.ReadCloser
	span    *slogtrace.Span
	ctx     context.Context
	closing atomic.Bool
}

func (b *body) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	if err != nil && !b.closing.Load() { // while closing, that may be the cause of the error
		b.end(err)
	}
	return n, err
}

func (b *body) Close() error {
	b.closing.Store(true)
	err := b.ReadCloser.Close()
	b.end(err)
	return err
}

func (b *body) end(err error) {
	if err != nil && err != io.EOF {
		b.span.SetAttrs(slog.String(errorTypeKey, errorType(b.ctx, err)))
		b.span.Fail(err)
	}
	b.span.End()
}

// A writableBody is the body of a 101 Switching Protocols: the connection.
type writableBody struct {
	body
	w io.Writer
}

func (b *writableBody) Write(p []byte) (int, error) { return b.w.Write(p) }

// CloseWrite is called by httputil.ReverseProxy when one side has ended.
func (b *writableBody) CloseWrite() error {
	if w, ok := b.w.(interface{ CloseWrite() error }); ok {
		return w.CloseWrite()
	}
	return http.ErrNotSupported
}
