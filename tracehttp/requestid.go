package tracehttp

import (
	"context"
	"crypto/rand"
	"log/slog"
	"net/http"
	"slices"
	"strings"

	"github.com/slogtrace/slogtrace"
)

// A RequestID names a header that identifies a request for people and other programs, and how to treat it.
// The zero value means X-Request-Id, on records as request_id.
//
// The id is on the server span and on all records of the request, like attributes of [slogtrace.With].
// It is in the response, and [NewTransport] sends it with requests under the request's context.
//
// A client may send anything. Only a single id of 1 to 128 printable ASCII bytes is accepted; anything else is ignored
// as a whole, because a part of an id would be another id. That costs one record at level Debug.
// An accepted id cannot forge a log line or a header. It need not be unique, whoever the client is.
type RequestID struct {
	// Header is the name of the header. Empty means X-Request-Id.
	Header string

	// Key is the key on records. Empty means the header's name in lower case, with _ for -, without X-:
	// request_id, correlation_id.
	Key string

	// Generate makes an id for a request without an accepted one: 26 characters of
	// A-Z and 2-7 (base32, RFC 4648, 6), 130 random bits.
	Generate bool

	// Baggage also puts the id into the baggage, like [slogtrace.WithBaggage], under Key, which must be a token then.
	// So it is on the records of a worker that gets a [slogtrace.Carrier], and of services that take baggage.
	// A request without the header gets the id from its baggage, if there is one.
	Baggage bool
}

// maxRequestID is the largest length of an id, in bytes.
const maxRequestID = 128

// A requestIDError names a header whose value was ignored.
type requestIDError string

func (e requestIDError) Error() string {
	return "tracehttp: " + string(e) + ": want one of at most 128 printable ASCII bytes, got something else"
}

// A namedID is a request id and its header, in canonical form.
type namedID struct{ header, id string }

// requestIDs returns a copy of ids with all defaults filled in.
func requestIDs(ids []RequestID) []RequestID {
	if ids == nil {
		ids = []RequestID{{}}
	}
	known := make([]RequestID, len(ids))
	for i, id := range ids {
		if id.Header == "" {
			id.Header = "X-Request-Id"
		}
		id.Header = http.CanonicalHeaderKey(id.Header)
		if id.Key == "" {
			id.Key = strings.ReplaceAll(strings.ToLower(strings.TrimPrefix(id.Header, "X-")), "-", "_")
		}
		known[i] = id
	}
	return known
}

// identify returns ctx with the request ids of r, and the errors about ids that were ignored. It also stores the ids in x.
// outer is the exchange of the request in whose context r was made, or nil.
func (x *exchange) identify(ctx context.Context, r *http.Request, outer *exchange) (context.Context, []error) {
	var errs []error
	for i := range x.handler.opts.RequestIDs {
		want := &x.handler.opts.RequestIDs[i]
		id, err := requestID(r.Header, want.Header)
		if err != nil {
			errs = append(errs, err)
		}
		if id == "" {
			id = inherited(ctx, want, outer)
		}
		if id == "" && want.Generate {
			id = rand.Text()
		}
		if id == "" {
			continue
		}
		x.ids = append(x.ids, namedID{want.Header, id})
		ctx = slogtrace.With(ctx, slog.String(want.Key, id))
		if want.Baggage {
			if ctx, err = slogtrace.WithBaggage(ctx, want.Key, id); err != nil {
				errs = append(errs, err)
			}
		}
	}
	return ctx, errs
}

// requestID returns the id that the client gave its request, or "" if none is accepted.
func requestID(h http.Header, header string) (string, error) {
	v := h[header]
	if len(v) == 0 || len(v) == 1 && v[0] == "" {
		return "", nil
	}
	if len(v) > 1 || !isRequestID(v[0]) {
		return "", requestIDError(header)
	}
	return v[0], nil
}

func isRequestID(s string) bool {
	if s == "" || len(s) > maxRequestID {
		return false
	}
	for i := range len(s) {
		if s[i] < ' ' || s[i] > '~' {
			return false
		}
	}
	return true
}

// inherited returns an id for a request without one: that of the request in whose context it was made,
// or that in its baggage.
func inherited(ctx context.Context, want *RequestID, outer *exchange) string {
	if outer != nil {
		for _, known := range outer.ids {
			if known.header == want.Header {
				return known.id
			}
		}
	}
	if want.Baggage {
		return baggageID(ctx, want.Key)
	}
	return ""
}

// baggageID returns the last value of key in the baggage of ctx that is accepted as an id.
func baggageID(ctx context.Context, key string) (id string) {
	for k, value := range slogtrace.Baggage(ctx) {
		if k == key && isRequestID(value) {
			id = value
		}
	}
	return id
}

// sendIDs sets the request ids of ctx in h, except those that h already has.
func sendIDs(ctx context.Context, h http.Header) {
	x := exchangeOf(ctx)
	if x == nil {
		return
	}
	for _, known := range x.ids {
		_, canonical := h[known.header]
		if _, lower := h[strings.ToLower(known.header)]; !canonical && !lower {
			h[known.header] = []string{known.id}
		}
	}
}

// removeIDs removes the request ids of ctx from h.
func removeIDs(ctx context.Context, h http.Header) {
	x := exchangeOf(ctx)
	if x == nil {
		return
	}
	for _, known := range x.ids {
		for _, key := range []string{known.header, strings.ToLower(known.header)} {
			if slices.Contains(h[key], known.id) {
				delete(h, key)
			}
		}
	}
}
