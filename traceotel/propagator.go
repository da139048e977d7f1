package traceotel

import (
	"context"
	"slices"
	"strings"

	"go.opentelemetry.io/otel/baggage"
	"go.opentelemetry.io/otel/propagation"

	"github.com/slogtrace/slogtrace/internal/hook"
)

// Propagator returns a propagator of the headers traceparent, tracestate and baggage, with slogtrace's baggage. Register it
// with otel.SetTextMapPropagator.
//
//   - Inject writes the current span's ids, whichever library it is of, and the baggage of slogtrace's contexts.
//     It adds the members of OpenTelemetry's baggage, if there are any, under keys that slogtrace's does not have.
//     A header that has nothing to say is not written.
//
//   - Extract puts a remote parent and slogtrace's baggage into the context, as tracehttp.Extract does without B3 headers.
//     What is not valid counts as absent. If your code reads OpenTelemetry's baggage, put propagation.Baggage{} before it:
//
//     propagation.NewCompositeTextMapPropagator(propagation.Baggage{}, traceotel.Propagator())
//
// OpenTelemetry's own propagation.TraceContext{} works with slogtrace's spans too. It knows nothing of their baggage.
func Propagator() propagation.TextMapPropagator {
	share()
	return propagator{}
}

type propagator struct{}

// In lower case, as propagation.TraceContext has them: some carriers are case-sensitive.
const (
	traceparentHeader = "traceparent"
	tracestateHeader  = "tracestate"
	baggageHeader     = "baggage"
)

func (propagator) Fields() []string {
	return []string{traceparentHeader, tracestateHeader, baggageHeader}
}

func (propagator) Inject(ctx context.Context, carrier propagation.TextMapCarrier) {
	if ctx == nil {
		return
	}
	traceparent, tracestate, bag := hook.Inject(ctx)
	for _, h := range [...]struct{ key, value string }{
		{traceparentHeader, traceparent}, {tracestateHeader, tracestate}, {baggageHeader, withOthers(ctx, bag)},
	} {
		if h.value != "" {
			carrier.Set(h.key, h.value)
		}
	}
}

// withOthers returns the baggage header bag with the members of OpenTelemetry's baggage whose keys it does not have.
func withOthers(ctx context.Context, bag string) string {
	other := baggage.FromContext(ctx)
	if other.Len() == 0 {
		return bag
	}
	var members, keys []string
	if bag != "" {
		members = append(members, bag)
	}
	for m := range strings.SplitSeq(bag, ",") {
		key, _, _ := strings.Cut(m, "=")
		keys = append(keys, strings.TrimSpace(key))
	}
	for _, m := range other.Members() {
		if !slices.Contains(keys, m.Key()) {
			members = append(members, m.String())
		}
	}
	return strings.Join(members, ",")
}

func (propagator) Extract(ctx context.Context, carrier propagation.TextMapCarrier) context.Context {
	ctx, _ = hook.Extract(ctx, values(carrier, traceparentHeader), values(carrier, tracestateHeader), values(carrier, baggageHeader))
	return ctx
}

// values returns all values of a key.
func values(carrier propagation.TextMapCarrier, key string) []string {
	if all, ok := carrier.(propagation.ValuesGetter); ok {
		return all.Values(key)
	}
	if v := carrier.Get(key); v != "" {
		return []string{v}
	}
	return nil
}
