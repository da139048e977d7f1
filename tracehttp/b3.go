package tracehttp

import (
	"context"
	"net/http"
	"strconv"
	"strings"

	"github.com/slogtrace/slogtrace"
	"github.com/slogtrace/slogtrace/internal/hook"
)

// A b3 is the content of B3 headers (github.com/openzipkin/b3-propagation).
// It has both ids or neither; without ids it is a decision only. The parent span id is checked and dropped.
type b3 struct {
	trace    slogtrace.TraceID
	span     slogtrace.SpanID
	sampling hook.Sampling
	debug    bool // implies hook.Accept
}

// A b3Error tells what is wrong, without the input.
type b3Error string

func (e b3Error) Error() string { return "tracehttp: " + string(e) }

const (
	errB3Single   b3Error = "b3: want <trace id>-<span id>[-<0, 1 or d>[-<parent span id>]] or 0, 1 or d, got something else"
	errB3Trace    b3Error = "X-B3-TraceId: want 16 or 32 lower-case hex digits that are not all zero, got something else"
	errB3Span     b3Error = "X-B3-SpanId: want 16 lower-case hex digits that are not all zero, got something else"
	errB3Parent   b3Error = "X-B3-ParentSpanId: want ids and 16 lower-case hex digits that are not all zero, got something else"
	errB3Sampling b3Error = "X-B3-Sampled: want 0 or 1, got something else"
)

// parseB3Single parses the value of a header b3. It does not allocate, and neither does parseB3Multi.
func parseB3Single(s string) (b3, error) {
	var v b3
	s = trimOWS(s)
	if len(s) == 1 {
		return v, v.decide(s[0])
	}
	trace, rest, _ := strings.Cut(s, "-")
	span, rest, more := strings.Cut(rest, "-")
	if !v.setIDs(trace, span) {
		return b3{}, errB3Single
	}
	if !more {
		return v, nil
	}
	state, parent, more := strings.Cut(rest, "-")
	if len(state) != 1 || more && !isSpanID(parent) || v.decide(state[0]) != nil {
		return b3{}, errB3Single
	}
	return v, nil
}

func (v *b3) decide(state byte) error {
	switch state {
	case '0':
		v.sampling = hook.Deny
	case '1':
		v.sampling = hook.Accept
	case 'd':
		v.sampling, v.debug = hook.Accept, true
	default:
		return errB3Single
	}
	return nil
}

// setIDs sets both ids and reports whether they are valid. A trace id of 64 bits becomes the lower half of one of 128 bits.
func (v *b3) setIDs(trace, span string) bool {
	v.trace = traceID(trace)
	v.span, _ = slogtrace.ParseSpanID(lenOr(span, 16))
	return v.trace.IsValid() && v.span.IsValid()
}

func traceID(s string) (id slogtrace.TraceID) {
	if len(s) == 16 {
		low, _ := slogtrace.ParseSpanID(s)
		copy(id[8:], low[:])
		return id
	}
	id, _ = slogtrace.ParseTraceID(lenOr(s, 32))
	return id
}

func isSpanID(s string) bool {
	id, _ := slogtrace.ParseSpanID(lenOr(s, 16))
	return id.IsValid()
}

// lenOr returns s, or zeros if its length is not n: parsing zeros gives an error without an allocation.
func lenOr(s string, n int) string {
	if len(s) == n {
		return s
	}
	return "00000000000000000000000000000000"[:n]
}

// parseB3Multi parses the values of the X-B3-… headers. An absent header is nil.
// Of a repeated header only the first line counts.
//
//   - X-B3-Flags is 1 for debug, which implies accept. Any other value is ignored.
//   - X-B3-Sampled is 0 or 1. Old instrumentation writes true and false, which are accepted in any case.
func parseB3Multi(trace, span, parent, sampled, flags []string) (b3, error) {
	var v b3
	switch {
	case len(trace) > 0 || len(span) > 0:
		if v.trace = traceID(first(trace)); !v.trace.IsValid() {
			return b3{}, errB3Trace
		}
		if !v.setIDs(first(trace), first(span)) {
			return b3{}, errB3Span
		}
		if len(parent) > 0 && !isSpanID(first(parent)) {
			return b3{}, errB3Parent
		}
	case len(parent) > 0:
		return b3{}, errB3Parent
	}
	if first(flags) == "1" {
		v.sampling, v.debug = hook.Accept, true
		return v, nil
	}
	if len(sampled) == 0 {
		return v, nil
	}
	switch s := first(sampled); {
	case s == "1", strings.EqualFold(s, "true"):
		v.sampling = hook.Accept
	case s == "0", strings.EqualFold(s, "false"):
		v.sampling = hook.Deny
	default:
		return b3{}, errB3Sampling
	}
	return v, nil
}

// first returns the first of lines, or "" if there is none.
func first(lines []string) string {
	if len(lines) == 0 {
		return ""
	}
	return trimOWS(lines[0])
}

// trimOWS removes optional white space (RFC 9110, 5.6.3) from both ends.
func trimOWS(s string) string { return strings.Trim(s, " \t") }

// extractB3 returns ctx continued by the B3 headers. If the header b3 is not valid, it uses the X-B3-… headers.
func extractB3(ctx context.Context, get getter) (context.Context, error) {
	var v b3
	var err error
	if single := get.lines("B3", "b3"); len(single) > 0 {
		if v, err = parseB3Single(single[0]); err == nil {
			return v.context(ctx), nil
		}
	}
	trace, span, parent := get.lines("X-B3-Traceid", "x-b3-traceid"), get.lines("X-B3-Spanid", "x-b3-spanid"), get.lines("X-B3-Parentspanid", "x-b3-parentspanid")
	sampled, flags := get.lines("X-B3-Sampled", "x-b3-sampled"), get.lines("X-B3-Flags", "x-b3-flags")
	if len(trace)+len(span)+len(parent)+len(sampled)+len(flags) == 0 {
		return ctx, err
	}
	v, multiErr := parseB3Multi(trace, span, parent, sampled, flags)
	if multiErr != nil {
		return ctx, multiErr
	}
	return v.context(ctx), err
}

type debugKey struct{}

// context returns ctx continued by v. Only B3 has the debug flag, so it travels in a context value beside the span.
func (v b3) context(ctx context.Context) context.Context {
	ctx = hook.Continue(ctx, v.trace, v.span, v.sampling)
	if v.debug {
		ctx = context.WithValue(ctx, debugKey{}, v.trace)
	}
	return ctx
}

// isDebug reports whether B3 headers marked the trace of sc, the current span of ctx, as debug.
func isDebug(ctx context.Context, sc slogtrace.SpanContext) bool {
	trace, ok := ctx.Value(debugKey{}).(slogtrace.TraceID)
	// The mark is for one trace, and ctx may be in another one by now. If it came without ids, the trace was not known.
	return ok && sc.IsSampled() && (trace == sc.TraceID || !trace.IsValid())
}

// b3Headers are the B3 headers in canonical form.
var b3Headers = [...]string{"B3", "X-B3-Traceid", "X-B3-Spanid", "X-B3-Parentspanid", "X-B3-Sampled", "X-B3-Flags"}

// injectB3 sets the B3 headers of the current span of ctx, which must be in a trace.
func injectB3(ctx context.Context, h http.Header, single, multi bool) {
	sc := slogtrace.SpanContextFromContext(ctx)
	trace, span, debug := sc.TraceID.String(), sc.SpanID.String(), isDebug(ctx, sc)
	state := strconv.Itoa(int(sc.Flags & slogtrace.FlagSampled))
	if multi {
		h["X-B3-Traceid"], h["X-B3-Spanid"] = []string{trace}, []string{span}
		if debug {
			h["X-B3-Flags"] = []string{"1"}
		} else {
			h["X-B3-Sampled"] = []string{state}
		}
	}
	if debug {
		state = "d"
	}
	if single {
		h["B3"] = []string{trace + "-" + span + "-" + state}
	}
}
