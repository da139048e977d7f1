package slogtrace

import (
	"bytes"
	"context"
	"database/sql"
	"database/sql/driver"
	"encoding"
	"encoding/gob"
	"encoding/json"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"reflect"
	"strings"
	"testing"
	"testing/synctest"
	"time"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"github.com/slogtrace/slogtrace/internal/racetest"
	"github.com/slogtrace/slogtrace/internal/w3c"
)

type carrierJob struct {
	Carrier
	Booking string `json:"booking"`
}

func TestNewCarrier(t *testing.T) {
	spanBubble(t, func(t *testing.T) {
		if c := NewCarrier(context.Background()); c != (Carrier{}) {
			t.Errorf("without a trace: %+v", c)
		}
		if c := NewCarrier(With(context.Background(), slog.Int("n", 1))); c != (Carrier{}) {
			t.Errorf("without a trace: %+v", c)
		}
		tr := NewTracer(slog.DiscardHandler, nil)
		ctx, s := tr.Start(With(context.Background(), slog.String("secret", "s")), "POST /bookings", slog.String("secret2", "s"))
		s.SetOp("book")
		time.Sleep(1500 * time.Millisecond)
		b, err := json.Marshal(carrierJob{Carrier: NewCarrier(ctx), Booking: "b1"})
		want := `{"traceparent":"00-` + spanTrace1 + `-` + spanSpan3 + `-03","trace_op":"book","trace_sent":"2000-01-01T00:00:01.5Z","booking":"b1"}`
		if err != nil || string(b) != want {
			t.Errorf("got  %s, %v\nwant %s", b, err, want)
		}

		// Under a remote parent, the carrier has that parent.
		c := Carrier{Traceparent: testTraceparent, Tracestate: "vendor=a", Op: "enqueue", Sent: "1999-12-31T00:00:00Z"}
		ctx, err = c.Context(ctx)
		if err != nil {
			t.Fatal(err)
		}
		c.Sent = "2000-01-01T00:00:01.5Z"
		if diff := cmp.Diff(c, NewCarrier(ctx)); diff != "" {
			t.Errorf("-want +got:\n%s", diff)
		}
		// UTC in any local zone.
		time.Local = time.FixedZone("somewhere", 3600)
		if got := NewCarrier(ctx).Sent; got != c.Sent {
			t.Errorf("Sent = %s, want %s", got, c.Sent)
		}
	})
	b, err := json.Marshal(carrierJob{Booking: "b1"})
	if err != nil || string(b) != `{"booking":"b1"}` {
		t.Errorf("a zero Carrier adds to the payload: %s, %v", b, err)
	}
}

// Context reads what NewCarrier makes without an error, however long the op is.
func TestCarrierLongOp(t *testing.T) {
	for _, op := range []string{strings.Repeat("x", 300), strings.Repeat("ä", 1<<19), "\xff\xfe", "a\nb\x00", strings.Repeat("\xff\x00", 150)} {
		ctx, _ := NewTracer(slog.DiscardHandler, nil).Start(context.Background(), op)
		if _, err := NewCarrier(ctx).Context(context.Background()); err != nil {
			t.Errorf("op %.20q of %d bytes: %v", op, len(op), err)
		}
	}
}

// A bad carrier never loses a job: the context is usable, whatever the error says.
func TestCarrierContext(t *testing.T) {
	const sent = "2000-01-01T00:00:00Z"
	long := strings.Repeat("x", 1<<20)
	full := Carrier{Traceparent: testTraceparent, Tracestate: "vendor=a", Op: "enqueue", Sent: sent}
	with := func(f func(*Carrier)) Carrier { c := full; f(&c); return c }
	tests := []struct {
		name   string
		c      Carrier
		none   bool     // ctx itself is returned
		fields []string // that the error names
		state  string
		op     string
		waited bool

		baggage string
	}{
		{name: "full", c: full, state: "vendor=a", op: "enqueue", waited: true},
		{name: "traceparent only", c: Carrier{Traceparent: testTraceparent}},
		{name: "zero", none: true},
		{name: "no traceparent, the rest is not looked at", c: Carrier{Tracestate: "BAD", Op: long, Sent: "x"}, none: true},
		{name: "bad traceparent", c: with(func(c *Carrier) { c.Traceparent = "x" }), none: true, fields: []string{"traceparent"}},
		{name: "long traceparent", c: with(func(c *Carrier) { c.Traceparent = long }), none: true, fields: []string{"traceparent"}},
		{name: "zero ids", c: with(func(c *Carrier) { c.Traceparent = "00-" + strings.Repeat("0", 32) + "-" + testSpanText + "-01" }), none: true, fields: []string{"traceparent"}},
		{name: "bad tracestate", c: with(func(c *Carrier) { c.Tracestate = "a=b,\x00\n" }), fields: []string{"tracestate"}, op: "enqueue", waited: true},
		{name: "long tracestate", c: with(func(c *Carrier) { c.Tracestate = long }), fields: []string{"tracestate"}, op: "enqueue", waited: true},
		{name: "long op", c: with(func(c *Carrier) { c.Op = long }), fields: []string{"trace_op"}, state: "vendor=a", op: long[:256], waited: true},
		{name: "long op, cut within a rune", c: with(func(c *Carrier) { c.Op = "x" + strings.Repeat("ä", 200) }), fields: []string{"trace_op"},
			state: "vendor=a", op: "x" + strings.Repeat("ä", 127), waited: true},
		{name: "op of control characters", c: with(func(c *Carrier) { c.Op = "a\n\x00\x1b[31m" }), state: "vendor=a", op: "a\n\x00\x1b[31m", waited: true},
		{name: "op that is no text", c: with(func(c *Carrier) { c.Op = "a\xffb" }), state: "vendor=a", op: "a\ufffdb", waited: true},
		{name: "bad sent", c: with(func(c *Carrier) { c.Sent = "yesterday" }), fields: []string{"trace_sent"}, state: "vendor=a", op: "enqueue"},
		{name: "long sent", c: with(func(c *Carrier) { c.Sent = sent + long }), fields: []string{"trace_sent"}, state: "vendor=a", op: "enqueue"},
		{name: "all but the traceparent", c: with(func(c *Carrier) { c.Tracestate, c.Baggage, c.Op, c.Sent = long, long, long, long }),
			fields: []string{"tracestate", "trace_baggage", "trace_op", "trace_sent"}, op: long[:256]},
		{name: "sent in another zone", c: with(func(c *Carrier) { c.Sent = "2000-01-01T02:00:00.123456789+02:00" }), state: "vendor=a", op: "enqueue", waited: true},
		{name: "baggage", c: with(func(c *Carrier) { c.Baggage = "a=%41,b=2;p" }), state: "vendor=a", op: "enqueue", waited: true, baggage: "a=A,b=2"},
		{name: "bad baggage", c: with(func(c *Carrier) { c.Baggage = "\x00;;=,a=1,x" }), fields: []string{"trace_baggage"}, state: "vendor=a", op: "enqueue", waited: true, baggage: "a=1"},
		{name: "long baggage", c: with(func(c *Carrier) { c.Baggage = "a=1,b=" + long + ",c=2" }), fields: []string{"trace_baggage"}, state: "vendor=a", op: "enqueue", waited: true, baggage: "a=1"},
		{name: "baggage without a trace", c: Carrier{Baggage: "a=1"}, none: true},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			h := new(spanRecorder)
			base, server := NewTracer(h, nil).Start(context.Background(), "server")
			before := tt.c
			ctx, err := tt.c.Context(base)
			if tt.c != before {
				t.Error("Context changed the carrier")
			}
			carrierCheckError(t, err, tt.fields)
			sc, scErr := tt.c.SpanContext()
			if tt.none {
				if ctx != base {
					t.Error("Context did not return ctx itself")
				}
				if sc != (SpanContext{}) || (scErr == nil) != (err == nil) {
					t.Errorf("SpanContext = %v, %v", sc, scErr)
				}
				return
			}
			want := testSpanContext
			want.State = tt.state
			if sc != want || SpanContextFromContext(ctx) != want {
				t.Errorf("SpanContext = %+v, in the context %+v, want %+v", sc, SpanContextFromContext(ctx), want)
			}
			if (scErr != nil) != (tt.state == "" && tt.c.Tracestate != "") {
				t.Errorf("SpanContext: %v", scErr)
			}
			cur := currentOf(ctx)
			if got := cur.op(); got != tt.op {
				t.Errorf("op = %.40q, want %.40q", got, tt.op)
			}
			if got := baggageText(ctx); got != tt.baggage {
				t.Errorf("baggage = %.40q, want %q", got, tt.baggage)
			}
			_, s := Start(ctx, "deliver")
			s.End()
			info, _ := h.one(t)
			if info.TraceID != want.TraceID || info.Parent != want.SpanID || info.HasQueued != tt.waited {
				t.Errorf("recorded %+v", info)
			}
			if diff := cmp.Diff([]SpanContext{server.SpanContext()}, info.Links); diff != "" {
				t.Errorf("links: -want +got:\n%s", diff)
			}
		})
	}
}

// carrierCheckError checks that err names fields, in order, one per line, each short and printable.
func carrierCheckError(t *testing.T, err error, fields []string) {
	t.Helper()
	if err == nil {
		if len(fields) > 0 {
			t.Errorf("no error, want one that names %q", fields)
		}
		return
	}
	if n := len(err.Error()); n >= 1024 {
		t.Errorf("error of %d bytes", n)
	}
	lines := strings.Split(err.Error(), "\n")
	if fields != nil && len(lines) != len(fields) {
		t.Errorf("error %q, want one that names %q", err, fields)
		return
	}
	for i, line := range lines {
		if !printableLine.MatchString(line) {
			t.Errorf("not a printable line: %q", line)
		}
		rest, ok := strings.CutPrefix(line, "slogtrace: carrier: ")
		field, _, _ := strings.Cut(rest, ":")
		if !ok || fields != nil && field != fields[i] {
			t.Errorf("error %q names %q, want %q", line, field, fields)
		}
	}
	if fields == nil && len(lines) > 4 {
		t.Errorf("error of %d lines", len(lines))
	}
}

// The first span under a carrier has queued_ms, and it is never negative.
func TestCarrierQueued(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := new(spanRecorder)
		tr := NewTracer(h, nil)
		for _, tt := range []struct {
			sent string
			want time.Duration
		}{
			{"1999-12-31T23:59:59.999999999Z", 1},
			{"1999-12-31T23:00:00Z", time.Hour},
			{"2000-01-01T01:00:00+02:00", time.Hour},
			{"2000-01-01T00:00:00Z", 0},
			{"2000-01-01T00:00:01Z", 0},
			{"9999-12-31T23:59:59Z", 0},
			{"0000-01-01T00:00:00Z", 1<<63 - 1}, // as long as a Duration can be
		} {
			c := Carrier{Traceparent: testTraceparent, Sent: tt.sent}
			for range 2 { // a second attempt has a first span too
				ctx, err := c.Context(context.Background())
				if err != nil {
					t.Fatal(err)
				}
				ctx = With(ctx, slog.Int("n", 1))
				below, first := tr.Start(ctx, "first")
				_, child := tr.Start(below, "child")
				_, second := tr.Start(ctx, "second")
				for _, s := range []*Span{first, child, second} {
					s.End()
				}
				infos := h.spans(t)
				if len(infos) != 3 {
					t.Fatalf("%d records, want 3", len(infos))
				}
				if !infos[0].HasQueued || infos[0].Queued != tt.want {
					t.Errorf("sent %s: queued %v, %v, want %v", tt.sent, infos[0].Queued, infos[0].HasQueued, tt.want)
				}
				if infos[1].HasQueued || infos[2].HasQueued {
					t.Errorf("sent %s: queued on a span that is not the first", tt.sent)
				}
			}
		}
	})
	// On a line it is always a number.
	var b bytes.Buffer
	ctx, _ := Carrier{Traceparent: testTraceparent, Sent: "0000-01-01T00:00:00Z"}.Context(context.Background())
	_, s := NewTracer(NewJSONHandler(&b, nil), nil).Start(ctx, "op")
	s.End()
	if ms, ok := recordDecode(t, b.Bytes())["queued_ms"].(float64); !ok || ms <= 0 {
		t.Errorf("got %s", b.Bytes())
	}
}

// Embedding a Carrier must change nothing else about the payload's type.
func TestCarrierHasNoWellKnownMethod(t *testing.T) {
	known := []reflect.Type{
		reflect.TypeFor[json.Marshaler](), reflect.TypeFor[json.Unmarshaler](),
		reflect.TypeFor[encoding.TextMarshaler](), reflect.TypeFor[encoding.TextUnmarshaler](), reflect.TypeFor[encoding.TextAppender](),
		reflect.TypeFor[encoding.BinaryMarshaler](), reflect.TypeFor[encoding.BinaryUnmarshaler](), reflect.TypeFor[encoding.BinaryAppender](),
		reflect.TypeFor[xml.Marshaler](), reflect.TypeFor[xml.Unmarshaler](), reflect.TypeFor[xml.MarshalerAttr](), reflect.TypeFor[xml.UnmarshalerAttr](),
		reflect.TypeFor[gob.GobEncoder](), reflect.TypeFor[gob.GobDecoder](),
		reflect.TypeFor[fmt.Stringer](), reflect.TypeFor[fmt.GoStringer](), reflect.TypeFor[fmt.Formatter](), reflect.TypeFor[fmt.Scanner](), reflect.TypeFor[fmt.State](),
		reflect.TypeFor[error](), reflect.TypeFor[interface{ Unwrap() error }](), reflect.TypeFor[interface{ Is(error) bool }](), reflect.TypeFor[interface{ IsZero() bool }](),
		reflect.TypeFor[sql.Scanner](), reflect.TypeFor[driver.Valuer](),
		reflect.TypeFor[slog.LogValuer](), reflect.TypeFor[slog.Leveler](), reflect.TypeFor[slog.Handler](),
		reflect.TypeFor[io.Reader](), reflect.TypeFor[io.Writer](), reflect.TypeFor[io.Closer](), reflect.TypeFor[io.WriterTo](), reflect.TypeFor[io.ReaderFrom](),
	}
	type embedsPointer struct{ *Carrier }
	for _, typ := range []reflect.Type{
		reflect.TypeFor[Carrier](), reflect.TypeFor[*Carrier](), reflect.TypeFor[carrierJob](), reflect.TypeFor[*carrierJob](), reflect.TypeFor[embedsPointer](),
	} {
		for _, i := range known {
			if typ.Implements(i) {
				t.Errorf("%v implements %v", typ, i)
			}
		}
		var methods []string
		for m := range typ.Methods() {
			methods = append(methods, m.Name)
		}
		if diff := cmp.Diff([]string{"Context", "SpanContext"}, methods); diff != "" {
			t.Errorf("methods of %v: -want +got:\n%s", typ, diff)
		}
	}
	for f := range reflect.TypeFor[Carrier]().Fields() {
		if f.Type.Kind() != reflect.String || f.Type.PkgPath() != "" {
			t.Errorf("field %s is a %v, want a string", f.Name, f.Type)
		}
	}
	// The user's own baggage stays the user's.
	type booking struct {
		Carrier
		Baggage int    `json:"baggage"`
		Op      string `json:"op"`
	}
	in := booking{Carrier{Traceparent: testTraceparent, Baggage: "a=b", Op: "enqueue"}, 2, "mine"}
	b, err := json.Marshal(in)
	if err != nil {
		t.Fatal(err)
	}
	var out booking
	if err := json.Unmarshal(b, &out); err != nil || out != in {
		t.Errorf("%s became %+v, %v", b, out, err)
	}
}

// Any string in any field, megabytes long, with control characters, is carried and never panics.
func TestCarrierMegabytes(t *testing.T) {
	size := 1 << 20
	if racetest.Enabled {
		size >>= 6 // the race detector makes encoding/json slow, and finds nothing in it
	}
	for _, unit := range []string{"\x00", "\xff", ",", "a=b,", "\u2028\"\\", "-"} {
		long := strings.Repeat(unit, size/len(unit))
		for _, c := range []Carrier{
			{Traceparent: testTraceparent + long},
			{Traceparent: "01" + testTraceparent[2:] + long, Tracestate: "BAD", Op: long, Sent: long},
			{testTraceparent, long, "", "", ""},
			{long, long, long, long, long},
			{testTraceparent, long, long, long, long},
		} {
			ctx, err := c.Context(context.Background())
			if ctx == nil || err == nil && !(unit == "," && c.Op == "") {
				t.Fatalf("Context with %q… = %v, %v", unit, ctx, err)
			}
			carrierCheckError(t, err, nil)
		}
		b, err := json.Marshal(carrierJob{Carrier{testTraceparent, long, "", long, long}, "b1"})
		if err != nil {
			t.Fatal(err)
		}
		var job carrierJob
		if err := json.Unmarshal(b, &job); err != nil || job.Booking != "b1" || len(job.Sent) < len(long) {
			t.Fatalf("Unmarshal with %q…: %v", unit, err)
		}
	}
}

func TestCarrierAllocs(t *testing.T) {
	racetest.SkipAllocs(t)
	ctx, _ := NewTracer(slog.DiscardHandler, nil).Start(context.Background(), "enqueue")
	c := Carrier{Traceparent: testTraceparent, Tracestate: "vendor=a", Op: "enqueue", Sent: "2000-01-01T00:00:00Z"}
	none := Carrier{}
	for _, tt := range []struct {
		name string
		want float64
		f    func()
	}{
		{"NewCarrier", 2, func() { allocSink.c = NewCarrier(ctx) }}, // traceparent, sent
		{"NewCarrier without a trace", 0, func() { allocSink.c = NewCarrier(context.Background()) }},
		{"Context", 3, func() { allocSink.ctx, allocSink.err = c.Context(context.Background()) }}, // remote parent, env, context
		{"Context of a zero carrier", 0, func() { allocSink.ctx, allocSink.err = none.Context(context.Background()) }},
		{"SpanContext", 0, func() { allocSink.sc, allocSink.err = c.SpanContext() }},
	} {
		if got := testing.AllocsPerRun(200, tt.f); got > tt.want {
			t.Errorf("%s: %v allocations, want at most %v", tt.name, got, tt.want)
		} else if got < tt.want {
			t.Logf("%s: %v allocations, allowed %v", tt.name, got, tt.want)
		}
	}
}

func FuzzCarrier(f *testing.F) {
	const sent = "2000-01-01T00:00:00.5Z"
	f.Add(testTraceparent, "vendor=a,b=c", "k=v", "enqueue", sent)
	f.Add("", "", "", "", "")
	f.Add(testTraceparent+"-x", "a", "\x00", "\xff\n", "now")
	f.Add("cc"+testTraceparent[2:]+"-x", " a=b ,, a=c", "k=v;p=1", strings.Repeat("ä", 200), "2000-01-01T25:00:00Z")
	f.Add(" "+testTraceparent+"\t", strings.Repeat("a=b,", 40), "", strings.Repeat("\xff\x00", 128), "0000-01-01T00:00:00Z")
	f.Add(testTraceparent, strings.Repeat("x", 300), "", "a\u2028b", "2000-01-01T00:00:00,5+23:59")
	var line bytes.Buffer
	rec := new(spanRecorder)
	tr := NewTracer(slog.NewMultiHandler(rec, NewJSONHandler(&line, nil)), nil)
	f.Fuzz(func(t *testing.T, traceparent, tracestate, baggage, op, sent string) {
		c := Carrier{traceparent, tracestate, baggage, op, sent}
		b, err := json.Marshal(carrierJob{c, "b1"})
		if err != nil {
			t.Fatalf("Marshal: %v", err)
		}
		var job carrierJob
		if err := json.Unmarshal(b, &job); err != nil {
			t.Fatalf("Unmarshal: %v", err)
		}
		text := func(s string) string { return string([]rune(s)) } // what encoding/json makes of bytes that are no text
		want := carrierJob{Carrier{text(traceparent), text(tracestate), text(baggage), text(op), text(sent)}, "b1"}
		if diff := cmp.Diff(want, job); diff != "" {
			t.Fatalf("through JSON: -want +got:\n%s", diff)
		}

		ctx, err := c.Context(t.Context())
		if ctx == nil || ctx.Err() != nil {
			t.Fatalf("Context returned %v, which is not usable", ctx)
		}
		carrierCheckError(t, err, nil)
		sc := oracleTraceparent(traceparent)
		if sc == nil {
			if ctx != t.Context() {
				t.Error("not a traceparent, but Context did not return ctx itself")
			}
			if (err == nil) != (traceparent == "") {
				t.Errorf("traceparent %q: %v", traceparent, err)
			}
			return
		}
		state, stateErr := w3c.ParseTracestate(tracestate) // FuzzTracestate has an oracle for it
		_, timeErr := time.Parse(time.RFC3339Nano, sent)
		_, baggageOK := oracleBaggage([]string{baggage})
		ok := stateErr == nil && baggageOK && len(op) <= maxCarriedOp && (sent == "" || timeErr == nil && len(sent) <= 35)
		if ok != (err == nil) {
			t.Errorf("Context: %v, want an error: %v", err, !ok)
		}
		if sc.State = state; SpanContextFromContext(ctx) != *sc {
			t.Errorf("SpanContext = %+v, want %+v", SpanContextFromContext(ctx), *sc)
		}
		cur := currentOf(ctx)
		if got := cur.op(); !utf8.ValidString(got) || len(got) > maxCarriedOp {
			t.Errorf("op on records: %q", got)
		}

		line.Reset()
		rec.records = nil
		ctx, s := tr.Start(ctx, op)
		if !sc.IsSampled() {
			s.Fail(errors.New("so that it is written all the same"))
		}
		s.End()
		info, _ := rec.one(t)
		if info.TraceID != sc.TraceID || info.Parent != sc.SpanID || info.Queued < 0 || info.Flags != sc.Flags {
			t.Errorf("started under %+v: %+v", sc, info)
		}
		m := recordDecode(t, line.Bytes())
		if m["trace"] != sc.TraceID.String() || m["parent"] != sc.SpanID.String() {
			t.Errorf("wrote %s", line.Bytes())
		}

		// And on: NewCarrier, JSON, Context, Start.
		b, err = json.Marshal(carrierJob{NewCarrier(ctx), "b2"})
		if err != nil {
			t.Fatal(err)
		}
		var next carrierJob
		if err := json.Unmarshal(b, &next); err != nil {
			t.Fatal(err)
		}
		ctx, err = next.Carrier.Context(context.Background())
		if err != nil && len(op) <= maxCarriedOp/3 { // a longer op: see TestCarrierLongOp
			t.Errorf("what NewCarrier made, Context does not like: %v", err)
		}
		_, s2 := tr.Start(ctx, "next")
		if got := s2.SpanContext(); got.TraceID != sc.TraceID || got.Flags != sc.Flags || got.State != state || s2.parentID != s.SpanContext().SpanID {
			t.Errorf("continued as %+v, parent %v", got, s2.parentID)
		}
	})
}

// Joined errors can be found one by one.
func TestCarrierErrorsJoined(t *testing.T) {
	_, err := Carrier{Traceparent: testTraceparent, Tracestate: "x", Sent: "x"}.Context(context.Background())
	joined, ok := errors.AsType[interface {
		error
		Unwrap() []error
	}](err)
	if !ok || len(joined.Unwrap()) != 2 {
		t.Errorf("got %v", err)
	}
}

func TestCutOp(t *testing.T) {
	for _, op := range []string{
		"", "op", strings.Repeat("a", maxCarriedOp), strings.Repeat("a", maxCarriedOp+1), strings.Repeat("\xffa", 128),
		strings.Repeat("\xff", 300), strings.Repeat("é", 200), "a" + strings.Repeat("é", 200), strings.Repeat("😀", 100), "aaa" + strings.Repeat("😀", 100),
		strings.Repeat("a", maxCarriedOp-1) + "\xff", strings.Repeat("x", 1<<20),
	} {
		got := cutOp(op)
		if len(got) > maxCarriedOp || !utf8.ValidString(got) {
			t.Errorf("cutOp of %d bytes gives %d, valid %v", len(op), len(got), utf8.ValidString(got))
		}
		if utf8.ValidString(op) && len(op) <= maxCarriedOp && got != op {
			t.Errorf("cutOp changed %q to %q", op, got)
		}
		if utf8.ValidString(op) && len(op) > maxCarriedOp && len(got) <= maxCarriedOp-utf8.UTFMax {
			t.Errorf("cutOp of %d bytes leaves only %d", len(op), len(got))
		}
		c := Carrier{Traceparent: testTraceparent, Op: op}
		ctx, _ := c.Context(t.Context())
		if cur := currentOf(ctx); cur.op() != got {
			t.Errorf("Carrier.Context takes op %q, want %q", cur.op(), got)
		}
	}
}
