package interop

import (
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/slogtrace/slogtrace"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/trace"
)

// otelRead reads a carrier as OpenTelemetry's propagator does; what it refuses is not valid.
func otelRead(t *testing.T, carrier propagation.MapCarrier) trace.SpanContext {
	ctx := propagation.TraceContext{}.Extract(t.Context(), carrier)
	return trace.SpanContextFromContext(ctx)
}

func TestOTelReadsOurs(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	for range 1000 {
		want := randomSpanContext(rng)
		ours := slogtrace.NewCarrier(slogtrace.ContextWithRemoteSpanContext(t.Context(), want))
		theirs := otelRead(t, propagation.MapCarrier{
			"traceparent": ours.Traceparent,
			"tracestate":  ours.Tracestate,
		})
		if got := fromOTel(theirs); got != want {
			t.Fatalf("OTel reads %+v\nas         %+v\nwant       %+v", ours, got, want)
		}
	}
}

func TestWeReadOTels(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 4))
	for range 1000 {
		want := randomSpanContext(rng)
		state, err := trace.ParseTraceState(want.State)
		if err != nil {
			t.Fatal(err)
		}
		theirs := trace.NewSpanContext(trace.SpanContextConfig{
			TraceID:    trace.TraceID(want.TraceID),
			SpanID:     trace.SpanID(want.SpanID),
			TraceFlags: trace.TraceFlags(want.Flags),
			TraceState: state,
		})
		carrier := propagation.MapCarrier{}
		propagation.TraceContext{}.Inject(trace.ContextWithSpanContext(t.Context(), theirs), carrier)

		got, err := slogtrace.Carrier{
			Traceparent: carrier["traceparent"],
			Tracestate:  carrier["tracestate"],
		}.SpanContext()
		if err != nil || got != want {
			t.Fatalf("we read %v\nas      %+v, error %v\nwant    %+v", carrier, got, err, want)
		}
	}
}

// differences are the only inputs on which the two parsers may disagree, each with the reason why ours stays as it is.
// A test below keeps the list honest: an entry whose example no longer differs has to go.
var differences = []struct {
	name    string
	example string
	match   func(s string) bool
}{
	{
		// W3C Trace Context Level 2, 3.2.2.5: the flags are a bit field, unknown bits are ignored. OTel refuses them.
		"version 00, reserved flag bits",
		"00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-05",
		func(s string) bool { return len(s) == 55 && s[:3] == "00-" && (s[53] != '0' || s[54] > '3') },
	},
	{
		// 3.2.2: version 00 has exactly four fields. OTel lets a last dash pass, for old B3 senders.
		"version 00, dash at the end",
		"00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-",
		func(s string) bool { return len(s) == 56 && s[:3] == "00-" && s[55] == '-' },
	},
	{
		// RFC 9110, 5.5: white space around a field's value is no part of it. OTel leaves that to the HTTP server.
		"spaces and tabs around the value",
		" 00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01\t",
		func(s string) bool { return s != strings.Trim(s, " \t") },
	},
}

// difference returns the name of the listed difference that s falls under, or "".
func difference(s string) string {
	for _, d := range differences {
		if d.match(s) {
			return d.name
		}
	}
	return ""
}

// compare says how the two parsers disagree on s, or "".
func compare(t *testing.T, s string) string {
	ours, err := slogtrace.ParseTraceparent(s)
	theirs := fromOTel(otelRead(t, propagation.MapCarrier{"traceparent": s}))
	switch {
	case (err == nil) != theirs.IsValid():
		return fmt.Sprintf("traceparent %q: our error is %v, OTel reads %+v", s, err, theirs)
	case ours != theirs:
		return fmt.Sprintf("traceparent %q: we read %+v, OTel reads %+v", s, ours, theirs)
	}
	return ""
}

func TestDifferences(t *testing.T) {
	for _, d := range differences {
		if difference(d.example) != d.name {
			t.Errorf("%s: the example %q falls under %q", d.name, d.example, difference(d.example))
		}
		if compare(t, d.example) == "" {
			t.Errorf("%s: no difference any more; take it off the list", d.name)
		}
	}
}

func FuzzTraceparent(f *testing.F) {
	const ok = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
	for _, s := range []string{
		"", "-", ok, ok[:54], ok + "0", ok + "-", ok + "-x", " " + ok, ok + "\t", ok + "\n", strings.ToUpper(ok), strings.Replace(ok, "a", "A", 1),
		"01" + ok[2:], "01" + ok[2:] + "-", "01" + ok[2:] + "-x", "01" + ok[2:] + ".x", "ff" + ok[2:],
		ok[:53] + "ff", "01" + ok[2:53] + "ff", ok[:36] + "0000000000000000-01",
		"00-00000000000000000000000000000000-00f067aa0ba902b7-01",
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		for _, s := range []string{s, strings.Trim(s, " \t")} {
			if d := compare(t, s); d != "" && difference(s) == "" {
				t.Error(d)
			}
		}
	})
}

// fromOTel returns their span context as ours.
func fromOTel(sc trace.SpanContext) slogtrace.SpanContext {
	return slogtrace.SpanContext{
		TraceID: slogtrace.TraceID(sc.TraceID()),
		SpanID:  slogtrace.SpanID(sc.SpanID()),
		Flags:   slogtrace.Flags(sc.TraceFlags()),
		State:   sc.TraceState().String(),
	}
}

// maxState is how much of a tracestate we pass on, in bytes: what W3C Trace Context Level 2, 3.3,
// asks for at least. OTel passes on all of it.
const maxState = 512

// randomSpanContext returns a valid span context with any flags, and a tracestate of up to maxState bytes
// and the 32 members that are allowed.
func randomSpanContext(rng *rand.Rand) slogtrace.SpanContext {
	var sc slogtrace.SpanContext
	binary.BigEndian.PutUint64(sc.TraceID[:8], rng.Uint64()>>rng.IntN(64)) // leading zeros must stay
	binary.BigEndian.PutUint64(sc.TraceID[8:], rng.Uint64())
	binary.BigEndian.PutUint64(sc.SpanID[:], 1+rng.Uint64()>>(1+rng.IntN(63)))
	sc.Flags = slogtrace.Flags(rng.IntN(4)) & (slogtrace.FlagSampled | slogtrace.FlagRandom)
	// Level 1 allows an @ with a system behind it.
	keys := []string{"k%d", "k-_*/%d", "%d@sys", "0%d-_*/@s-_*/0"}
	// Short values let all 32 fit.
	maxValue := 1 + rng.IntN(40)
	for i := range rng.IntN(33) {
		key := fmt.Sprintf(keys[rng.IntN(len(keys))], i)
		state := strings.TrimPrefix(sc.State+","+key+"="+randomValue(rng, maxValue), ",")
		if len(state) > maxState {
			break
		}
		sc.State = state
	}
	return sc
}

// randomValue returns a value that a tracestate member may have: printable ASCII without
// comma and equals sign, the last character no space (W3C Trace Context Level 2, 3.3.1.3.2).
func randomValue(rng *rand.Rand, maxLen int) string {
	v := make([]byte, 1+rng.IntN(maxLen))
	for i := range v {
		for v[i] = ','; v[i] == ',' || v[i] == '='; {
			v[i] = byte(' ' + rng.IntN('~'-' '+1))
		}
	}
	if last := &v[len(v)-1]; *last == ' ' {
		*last = '_'
	}
	return string(v)
}
