package tracemetrics

import (
	"context"
	"log/slog"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/slogtrace/slogtrace"
	"github.com/slogtrace/slogtrace/internal/errtype"
	"github.com/slogtrace/slogtrace/internal/hook"
)

// A Handler counts span records, as a [slog.Handler], and writes the counts, as an [net/http.Handler] and as an expvar.Var.
// Make one with [NewHandler]. It is safe for concurrent use. All handlers derived from one share their counts.
type Handler struct {
	*registry
	prefix string       // of the open groups, each with a dot
	bound  []slog.Value // by WithAttrs, for each of registry.wanted; nil if there are none
}

// NewHandler returns a Handler. Nil options mean the defaults.
func NewHandler(opts *Options) *Handler {
	if opts == nil {
		opts = new(Options)
	}
	return &Handler{registry: newRegistry(opts)}
}

// Enabled reports whether ctx is that of a span that has ended, whatever the level: then the record is most likely the span's.
// So a line below the level of all other handlers costs no more than without a Handler beside them. (Records of a span's start are
// of no use here. If there is no other handler, the Tracer counts them as refused.)
// For a context without a span it reports whether the level is at least Info, since a handler above may have lost the span's context.
func (h *Handler) Enabled(ctx context.Context, level slog.Level) bool {
	if slogtrace.SpanFromContext(ctx) == nil {
		return level >= slog.LevelInfo
	}
	return hook.Ended(ctx)
}

// Handle counts r if it is the record of a span that has ended. It never returns an error.
func (h *Handler) Handle(ctx context.Context, r slog.Record) error {
	info, ok := slogtrace.SpanOf(r)
	if !ok || !info.Ended {
		return nil
	}
	if !info.IsSampled() {
		h.unsampled.Add(1)
		return nil
	}
	var room [20]slog.Value
	values := room[:]
	if len(h.wanted) > len(room) {
		values = make([]slog.Value, len(h.wanted))
	}
	values = values[:len(h.wanted)]
	copy(values, h.bound)
	r.Attrs(func(a slog.Attr) bool {
		if a.Key != "" || !hook.IsMark(a) {
			h.take(values, h.prefix, a)
		}
		return true
	})
	h.takeContext(values, ctx)

	s := span{
		trace: info.TraceID, id: info.SpanID, root: !info.Parent.IsValid(), weight: 1,
		duration: info.Duration, queued: -1,
	}
	if rate := info.SampleRate; rate > 0 && rate < 1 {
		s.weight = 1 / max(rate, minRate)
	}
	if info.HasQueued {
		s.queued = info.Queued
	}
	if !h.noExemplars {
		s.end = info.Start.Add(info.Duration)
	}
	var text [maxText]byte
	if info.Err != nil {
		s.errorType = h.errorType(text[:0], values[len(h.labels)+wantErrorType], info.Err)
		s.outcome = h.outcomeOf(s.errorType)
	}
	var mem [512]byte
	key := h.appendKey(mem[:0], &info, values)
	h.seriesOf(key).add(h.registry, &s)
	h.noteBreaker(values)
	return nil
}

// minRate is the least rate that a tracestate can carry (OpenTelemetry, "TraceState: Probability Sampling").
const minRate = 1.0 / (1 << 56)

// A span is what is counted of one.
type span struct {
	trace     slogtrace.TraceID
	id        slogtrace.SpanID
	root      bool
	outcome   outcome
	errorType []byte // of a failed span
	weight    float64
	duration  time.Duration
	queued    time.Duration // less than 0: it did not wait
	end       time.Time     // zero without exemplars
}

// take stores the value of a, if it is wanted, in values. prefix is that of the groups around it.
func (x *registry) take(values []slog.Value, prefix string, a slog.Attr) {
	if a.Value.Kind() == slog.KindLogValuer && x.wantsBelow(prefix, a.Key) {
		a.Value = a.Value.Resolve()
	}
	if a.Value.Kind() == slog.KindGroup {
		if a.Key != "" {
			prefix += a.Key + "."
		}
		for _, member := range a.Value.Group() {
			x.take(values, prefix, member)
		}
		return
	}
	if x.lengths>>min(len(prefix)+len(a.Key), 63)&1 == 0 {
		return
	}
	for i, w := range x.wanted {
		if len(w) == len(prefix)+len(a.Key) && w[len(prefix):] == a.Key && w[:len(prefix)] == prefix {
			values[i] = resolved(a.Value)
		}
	}
}

// wantsBelow reports whether a group of that name could have something that is wanted.
func (x *registry) wantsBelow(prefix, name string) bool {
	return slices.ContainsFunc(x.wanted, func(w string) bool {
		rest, ok := strings.CutPrefix(w, prefix)
		if ok && name != "" {
			rest, ok = strings.CutPrefix(rest, name)
			ok = ok && rest != "" && rest[0] == '.'
		}
		return ok
	})
}

// takeContext stores what slogtrace.With and the baggage say about what is still missing.
func (x *registry) takeContext(values []slog.Value, ctx context.Context) {
	if ctx == nil {
		return
	}
	for _, a := range hook.ContextAttrs(ctx) {
		for i, w := range x.wanted {
			if w == a.Key && isNil(values[i]) {
				values[i] = resolved(a.Value)
			}
		}
	}
}

func resolved(v slog.Value) slog.Value {
	if v.Kind() == slog.KindLogValuer {
		return v.Resolve()
	}
	return v
}

// isNil reports whether v is the zero Value, which is that of no attribute.
func isNil(v slog.Value) bool { return v.Kind() == slog.KindAny && v.Any() == nil }

// appendValue appends v as text, cut to maxText.
func appendValue(b []byte, v slog.Value) []byte {
	switch v.Kind() {
	case slog.KindString:
		return append(b, cut(v.String())...)
	case slog.KindAny:
		if v.Any() == nil {
			return b
		}
		if err, ok := v.Any().(error); ok {
			return append(b, cut(errtype.Text(err))...)
		}
	case slog.KindInt64:
		return appendInt(b, v.Int64())
	case slog.KindBool:
		if v.Bool() {
			return append(b, "true"...)
		}
		return append(b, "false"...)
	}
	return append(b, cut(v.String())...)
}

// WithAttrs returns a handler that adds attrs to every record.
func (h *Handler) WithAttrs(attrs []slog.Attr) slog.Handler {
	if len(attrs) == 0 {
		return h
	}
	h2 := *h
	h2.bound = make([]slog.Value, len(h.wanted))
	copy(h2.bound, h.bound)
	for _, a := range attrs {
		if a.Key == "" && hook.IsMark(a) {
			continue // the ids, and what comes from the context
		}
		h2.take(h2.bound, h.prefix, a)
	}
	return &h2
}

// WithGroup returns a handler that puts the name and a dot before the keys of later attributes, also of those of spans.
func (h *Handler) WithGroup(name string) slog.Handler {
	if name == "" {
		return h
	}
	h2 := *h
	h2.prefix += name + "."
	return &h2
}

// An outcome is how a span ended.
type outcome uint8

const (
	succeeded outcome = iota
	failed
	timedOut
	canceled
	outcomes
)

var outcomeTexts = [outcomes]string{"ok", "error", timeout, "canceled"}

const timeout = "timeout"

// errorType appends the kind of a failed span's error: its attribute error.type, or what err says itself.
func (x *registry) errorType(b []byte, attr slog.Value, err error) (text []byte) {
	if !isNil(attr) {
		if b = appendValue(b, attr); len(b) > 0 {
			return b
		}
	}
	defer func() {
		if recover() != nil { // a method of err's
			text = append(b, overflow...)
		}
	}()
	switch kind := errtype.Of(err); kind {
	case timeout, outcomeTexts[canceled]:
		return append(b, kind...)
	}
	return append(b, overflow...)
}

func (x *registry) outcomeOf(errorType []byte) outcome {
	if string(errorType) == outcomeTexts[canceled] {
		return canceled
	}
	if slices.ContainsFunc(x.timeouts, func(t string) bool { return t == string(errorType) }) {
		return timedOut
	}
	return failed
}

// cut returns text, or its beginning up to the end of a rune if it is longer than maxText.
func cut(text string) string {
	if len(text) <= maxText {
		return text
	}
	n := maxText
	for n > maxText-utf8.UTFMax && !utf8.RuneStart(text[n]) {
		n--
	}
	return text[:n]
}
