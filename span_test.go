package slogtrace

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"reflect"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/slogtrace/slogtrace/internal/racetest"
)

// What each record of a span looks like, to the byte, by each kind of handler.
func TestSpanLines(t *testing.T) {
	const (
		remote  = `"trace":"` + testTraceText + `"`
		parent  = `"parent":"` + testSpanText + `"`
		trace   = `"trace":"` + spanTrace1 + `"`
		info    = `{"time":"2000-01-01T00:00:00Z","level":"INFO","msg":`
		end     = `{"time":"2000-01-01T00:00:01.5Z","level":"INFO","msg":"span end",`
		endFail = `{"time":"2000-01-01T00:00:01.5Z","level":"ERROR","msg":"span end",`
		lasted  = `"start":"2000-01-01T00:00:00Z","duration_ms":1500`
		root    = trace + `,"span":"` + spanSpan3 + `"`
	)
	unsampled := testSpanContext
	unsampled.Flags = 0
	work := func() { time.Sleep(1500 * time.Millisecond) }
	tests := []struct {
		name string
		opts TracerOptions
		do   func(*Tracer)
		want []string
	}{
		{
			name: "plain",
			do: func(tr *Tracer) {
				_, s := tr.Start(context.Background(), "charge", slog.String("booking", "b1"))
				s.SetAttrs(slog.Int("amount", 12))
				work()
				s.End()
			},
			want: []string{end + root + `,"op":"charge",` + lasted + `,"booking":"b1","amount":12}`},
		},
		{
			name: "microseconds",
			do: func(tr *Tracer) {
				_, s := tr.Start(context.Background(), "charge")
				time.Sleep(1234567 * time.Nanosecond)
				s.End()
			},
			want: []string{`{"time":"2000-01-01T00:00:00.001234567Z","level":"INFO","msg":"span end",` + root +
				`,"op":"charge","start":"2000-01-01T00:00:00Z","duration_ms":1.235}`},
		},
		{
			name: "failed",
			do: func(tr *Tracer) {
				_, s := tr.Start(context.Background(), "charge", slog.String("booking", "b1"))
				work()
				err := errSpanCard
				s.End(&err)
			},
			want: []string{endFail + root + `,"op":"charge",` + lasted + `,"error":"card declined","booking":"b1"}`},
		},
		{
			name: "child",
			do: func(tr *Tracer) {
				ctx, a := tr.Start(context.Background(), "a")
				_, b := Start(ctx, "b")
				work()
				b.End()
				a.End()
			},
			want: []string{
				end + trace + `,"span":"0000000000000004","op":"b","parent":"` + spanSpan3 + `",` + lasted + `}`,
				end + root + `,"op":"a",` + lasted + `}`,
			},
		},
		{
			name: "kinds",
			do: func(tr *Tracer) {
				for _, k := range []slog.Attr{KindServer, KindClient, KindProducer, KindConsumer} {
					_, s := tr.Start(ContextWithRemoteSpanContext(context.Background(), testSpanContext), "k", k)
					s.End()
				}
			},
			want: func() (want []string) {
				for i, k := range []string{"server", "client", "producer", "consumer"} {
					want = append(want, fmt.Sprintf(info+`"span end",`+remote+`,"span":"%016x","op":"k",`+parent+
						`,"kind":"%s","start":"2000-01-01T00:00:00Z","duration_ms":0}`, i+1, k))
				}
				return want
			}(),
		},
		{
			name: "links",
			do: func(tr *Tracer) {
				_, s := tr.Start(context.Background(), "retry", Link(testSpanContext), slog.Int("try", 2),
					Link(SpanContext{}), Link(SpanContext{TraceID: TraceID{1}, SpanID: SpanID{2}}))
				work()
				s.End()
			},
			want: []string{end + root + `,"op":"retry",` + lasted +
				`,"links":[{"trace":"` + testTraceText + `","span":"` + testSpanText + `"},` +
				`{"trace":"01000000000000000000000000000000","span":"0200000000000000"}],"try":2}`},
		},
		{
			name: "hidden local span is linked",
			do: func(tr *Tracer) {
				ctx, server := tr.Start(context.Background(), "POST /callback", KindServer)
				ctx = ContextWithRemoteSpanContext(ctx, testSpanContext)
				_, s := Start(ctx, "payment")
				work()
				s.End()
				server.End()
			},
			want: []string{
				end + remote + `,"span":"0000000000000004","op":"payment",` + parent + `,` + lasted +
					`,"links":[{"trace":"` + spanTrace1 + `","span":"` + spanSpan3 + `"}]}`,
				end + root + `,"op":"POST /callback","kind":"server",` + lasted + `}`,
			},
		},
		{
			name: "queued",
			do: func(tr *Tracer) {
				c := Carrier{Traceparent: testTraceparent, Sent: "1999-12-31T23:59:57.5Z"}
				ctx, _ := c.Context(context.Background())
				ctx, s := tr.Start(ctx, "deliver")
				_, below := tr.Start(ctx, "below")
				work()
				below.End()
				s.End()
			},
			want: []string{
				end + remote + `,"span":"0000000000000002","op":"below","parent":"0000000000000001",` + lasted + `}`,
				end + remote + `,"span":"0000000000000001","op":"deliver",` + parent + `,` + lasted + `,"queued_ms":2500}`,
			},
		},
		{
			name: "sampled false",
			do: func(tr *Tracer) {
				_, s := tr.Start(ContextWithRemoteSpanContext(context.Background(), unsampled), "charge", slog.Int("n", 1))
				s.Fail(errSpanCard)
				work()
				s.End()
			},
			want: []string{endFail + remote + `,"span":"0000000000000001","op":"charge",` + parent + `,` + lasted +
				`,"error":"card declined","sampled":false,"n":1}`},
		},
		{
			name: "sample_rate",
			opts: TracerOptions{Sampler: spanSampler(func(SampleInput) (bool, float64) { return true, 0.25 })},
			do: func(tr *Tracer) {
				ctx, s := tr.Start(context.Background(), "charge")
				_, below := Start(ctx, "below")
				work()
				below.End()
				s.End()
			},
			want: []string{
				end + trace + `,"span":"0000000000000004","op":"below","parent":"` + spanSpan3 + `",` + lasted + `,"sample_rate":0.25}`,
				end + root + `,"op":"charge",` + lasted + `,"sample_rate":0.25}`,
			},
		},
		{
			name: "start",
			opts: TracerOptions{LogStart: true, Level: slog.LevelDebug + 4},
			do: func(tr *Tracer) {
				ctx := With(context.Background(), slog.String("tenant", "t1"))
				ctx, s := tr.Start(ctx, "charge", KindServer, slog.Int("n", 1), Link(testSpanContext))
				s.SetAttrs(slog.Int("n", 2))
				// A crash: the span never ends.
				_, _ = tr.Start(ctx, "below")
			},
			want: []string{
				info + `"span start",` + root + `,"op":"charge","kind":"server","links":[{"trace":"` + testTraceText +
					`","span":"` + testSpanText + `"}],"tenant":"t1","n":1}`,
				info + `"span start",` + trace + `,"span":"0000000000000004","op":"below","parent":"` + spanSpan3 + `","tenant":"t1"}`,
			},
		},
		{
			name: "With stands in the span's own record",
			do: func(tr *Tracer) {
				ctx := With(context.Background(), slog.String("tenant", "t1"), slog.String("user", "u1"), slog.Bool("error", true))
				ctx, s := tr.Start(ctx, "charge", slog.String("user", "u2"))
				ctx = With(ctx, slog.String("later", "only below"))
				_, below := Start(ctx, "below")
				work()
				below.End()
				s.End()
			},
			want: []string{
				end + trace + `,"span":"0000000000000004","op":"below","parent":"` + spanSpan3 + `",` + lasted +
					`,"tenant":"t1","user":"u1","attr.error":true,"later":"only below"}`,
				end + root + `,"op":"charge",` + lasted + `,"tenant":"t1","attr.error":true,"user":"u2"}`,
			},
		},
	}
	for _, h := range spanHandlers {
		for _, tt := range tests {
			t.Run(h.name+"/"+tt.name, func(t *testing.T) {
				spanBubble(t, func(t *testing.T) {
					var b bytes.Buffer
					tt.do(NewTracer(h.make(&b), &tt.opts))
					if diff := cmp.Diff(tt.want, spanLines(&b)); diff != "" {
						t.Errorf("-want +got:\n%s", diff)
					}
				})
			})
		}
	}
}

func TestSpanLogLines(t *testing.T) {
	spanBubble(t, func(t *testing.T) {
		var b bytes.Buffer
		h := NewJSONHandler(&b, nil)
		log := slog.New(h)
		tr := NewTracer(h, nil)
		ctx := With(context.Background(), slog.String("tenant", "t1"))
		ctx, s := tr.Start(ctx, "charge", slog.String("booking", "b1"))
		log.InfoContext(ctx, "paid", "amount", 12)
		s.SetOp("refund")
		log.With("n", 1).WithGroup("g").WarnContext(ctx, "odd", "op", "mine")
		s.SetOp("")
		log.InfoContext(ctx, "reserved", "op", "mine")
		s.End()
		s.SetOp("too late")
		log.InfoContext(ctx, "after")
		const (
			begin = `{"time":"2000-01-01T00:00:00Z","level":"INFO","msg":`
			root  = `,"trace":"` + spanTrace1 + `","span":"` + spanSpan3 + `"`
		)
		want := []string{
			begin + `"paid"` + root + `,"op":"charge","tenant":"t1","amount":12}`,
			`{"time":"2000-01-01T00:00:00Z","level":"WARN","msg":"odd"` + root + `,"op":"refund","tenant":"t1","n":1,"g":{"op":"mine"}}`,
			begin + `"reserved"` + root + `,"op":"unnamed","tenant":"t1","attr.op":"mine"}`,
			begin + `"span end"` + root + `,"op":"unnamed","start":"2000-01-01T00:00:00Z","duration_ms":0,"tenant":"t1","booking":"b1"}`,
			begin + `"after"` + root + `,"op":"unnamed","tenant":"t1"}`,
		}
		if diff := cmp.Diff(want, spanLines(&b)); diff != "" {
			t.Errorf("-want +got:\n%s", diff)
		}
	})
}

// Every method of a nil *Span does nothing, including future ones.
func TestSpanNil(t *testing.T) {
	var none *Span
	v := reflect.ValueOf(none)
	for m := range v.Type().Methods() {
		var args []reflect.Value
		for i := range m.Type.NumIn() {
			if i == 0 || m.Type.IsVariadic() && i == m.Type.NumIn()-1 {
				continue
			}
			args = append(args, reflect.Zero(m.Type.In(i)))
		}
		for _, out := range v.MethodByName(m.Name).Call(args) {
			if !out.IsZero() {
				t.Errorf("(*Span)(nil).%s() = %v, want zero", m.Name, out)
			}
		}
	}
	err := errSpanCard
	none.Fail(err)
	none.SetAttrs(slog.Int("n", 1))
	none.SetOp("op")
	none.End(&err, nil)
	if err != errSpanCard {
		t.Errorf("End changed the error to %v", err)
	}

	// A deferred End of a nil span does not touch a panic.
	defer func() {
		if p := recover(); p != "boom" {
			t.Errorf("recovered %v, want boom", p)
		}
	}()
	func() {
		defer none.End(&err)
		panic("boom")
	}()
}

// The methods of a span are those of the design and not those of a context. In addition it has String,
// without which printing a span would read what another goroutine writes.
func TestSpanMethods(t *testing.T) {
	var got []string
	for m := range reflect.TypeFor[*Span]().Methods() {
		got = append(got, m.Name)
	}
	want := []string{"End", "Fail", "Op", "SetAttrs", "SetOp", "SpanContext", "String"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("methods of *Span: -want +got:\n%s", diff)
	}
	if n := reflect.TypeFor[Span]().NumMethod(); n != 0 {
		t.Errorf("Span has %d methods, want 0", n)
	}
}

func TestStartOp(t *testing.T) {
	h := new(spanRecorder)
	_, s := NewTracer(h, nil).Start(context.Background(), "")
	if got := s.Op(); got != "unnamed" {
		t.Errorf("Op = %q, want unnamed", got)
	}
	s.SetOp("named")
	s.SetOp("")
	if got := s.Op(); got != "unnamed" {
		t.Errorf("Op after SetOp(\"\") = %q, want unnamed", got)
	}
	s.End()
	if info, _ := h.one(t); info.Op != "unnamed" {
		t.Errorf("recorded op = %q, want unnamed", info.Op)
	}
}

// Attributes given as a slice are copied: the caller's slice is neither kept nor written to.
func TestSpanAttrsCopied(t *testing.T) {
	var b bytes.Buffer
	tr := NewTracer(NewJSONHandler(&b, nil), nil)
	// With spare capacity, an append without a copy would write into the caller's memory.
	mine := func(key string) []slog.Attr {
		return append(make([]slog.Attr, 0, 8), slog.String(key, "v"), slog.String("both", key))
	}
	start, set, with, inline := mine("first"), mine("set"), mine("with"), mine("inline")
	all := [][]slog.Attr{start, set, with, inline}

	ctx := With(context.Background(), with...)
	ctx2 := With(ctx, slog.String("more", "1"), slog.String("both", "2"))
	ctx3, s := tr.Start(ctx, "op", start...)
	s.SetAttrs(set...)
	s.SetAttrs(slog.Attr{Value: slog.GroupValue(inline...)})
	s.SetAttrs(slog.String("both", "end"), slog.String("more", "2"))
	for i, attrs := range all {
		want := mine([]string{"first", "set", "with", "inline"}[i])
		if diff := cmp.Diff(fmt.Sprint(want, make([]slog.Attr, 6)), fmt.Sprint(attrs, attrs[2:8])); diff != "" {
			t.Errorf("a caller's slice was written to: -want +got:\n%s", diff)
		}
		for j := range attrs {
			attrs[j] = slog.String("clobbered", "yes")
		}
	}
	s.End()
	if got := b.String(); strings.Contains(got, "clobbered") {
		t.Errorf("a caller's slice was kept: %s", got)
	}
	if !strings.Contains(b.String(), `"with":"v","first":"v","both":"end","set":"v","inline":"v","more":"2"}`) {
		t.Errorf("got %s", b.String())
	}
	for _, ctx := range []context.Context{ctx, ctx2, ctx3} {
		for _, a := range func() []slog.Attr { c := currentOf(ctx); return c.attrs() }() {
			if a.Key == "clobbered" {
				t.Error("With kept the caller's slice")
			}
		}
	}
}

func TestSpanAttrsLastWins(t *testing.T) {
	h := new(spanRecorder)
	_, s := NewTracer(h, nil).Start(context.Background(), "op",
		slog.Int("a", 1), slog.Attr{}, slog.Int("b", 1), slog.Group("", slog.Int("a", 2), slog.Int("c", 2)), slog.Group("empty"))
	s.SetAttrs(slog.Int("b", 3), slog.Group("", slog.Group("", slog.Int("c", 3))), slog.String("kind", "invoice"))
	s.SetAttrs()
	s.End()
	_, attrs := h.one(t)
	if got, want := fmt.Sprint(attrs), "[a=2 b=3 c=3 attr.kind=invoice]"; got != want {
		t.Errorf("attrs = %s, want %s", got, want)
	}
}

// Nothing that is set after End counts.
func TestSpanAfterEnd(t *testing.T) {
	spanBubble(t, func(t *testing.T) {
		h := new(spanRecorder)
		ctx, s := NewTracer(h, nil).Start(context.Background(), "op", slog.Int("n", 1))
		time.Sleep(time.Second)
		s.End()
		want, attrs := h.one(t)

		time.Sleep(time.Hour)
		s.SetAttrs(slog.Int("n", 2), slog.Int("m", 2))
		s.Fail(errSpanCard)
		s.SetOp("late")
		err := errSpanCard
		s.End(&err)
		s.End()
		if n := len(h.spans(t)); n != 0 {
			t.Errorf("%d more records, want none", n)
		}
		got := s.info(eventEnd)
		if diff := cmp.Diff(fmt.Sprintf("%+v", want), fmt.Sprintf("%+v", got)); diff != "" {
			t.Errorf("changed after End: -want +got:\n%s", diff)
		}
		if got.Duration != time.Second || got.Op != "op" || got.Err != nil {
			t.Errorf("got %+v", got)
		}
		if diff := cmp.Diff(fmt.Sprint(attrs), fmt.Sprint(s.attrs)); diff != "" {
			t.Errorf("attrs changed after End: -want +got:\n%s", diff)
		}
		// It is still a parent, and records still have its ids.
		_, child := Start(ctx, "child")
		if child.parentID != s.SpanContext().SpanID {
			t.Error("a child after the parent's End has another parent")
		}
	})
}

// A child may outlive its parent.
func TestSpanOutlivesParent(t *testing.T) {
	spanBubble(t, func(t *testing.T) {
		h := new(spanRecorder)
		ctx, parent := NewTracer(h, nil).Start(context.Background(), "parent")
		ctx, child := Start(ctx, "child")
		time.Sleep(time.Second)
		parent.End()
		time.Sleep(time.Second)
		_, grandchild := Start(ctx, "grandchild")
		child.SetAttrs(slog.Int("n", 1))
		grandchild.End()
		child.Fail(errSpanCard)
		child.End()
		got := h.spans(t)
		if diff := cmp.Diff([]string{"parent", "grandchild", "child"}, spanOps(got)); diff != "" {
			t.Fatalf("-want +got:\n%s", diff)
		}
		if got[0].Err != nil || got[0].Duration != time.Second {
			t.Errorf("parent: %+v", got[0])
		}
		if got[2].Err != errSpanCard || got[2].Duration != 2*time.Second || got[2].Parent != got[0].SpanID {
			t.Errorf("child: %+v", got[2])
		}
		if got[1].Parent != got[2].SpanID || got[1].TraceID != got[0].TraceID {
			t.Errorf("grandchild: %+v", got[1])
		}
	})
}

type spanTypedNilError struct{ text string }

func (e *spanTypedNilError) Error() string { return e.text }

// The first error counts.
func TestSpanErrors(t *testing.T) {
	other := errors.New("other")
	var nilErr error
	var typedNil error = (*spanTypedNilError)(nil)
	tests := []struct {
		name string
		do   func(*Span)
		want error
	}{
		{"none", func(s *Span) { s.End() }, nil},
		{"End(nil)", func(s *Span) { s.End(nil) }, nil},
		{"End(&nil)", func(s *Span) { s.End(&nilErr) }, nil},
		{"End(&err)", func(s *Span) { err := errSpanCard; s.End(&err) }, errSpanCard},
		{"the first error of several", func(s *Span) { e, f := errSpanCard, other; s.End(nil, &nilErr, &e, &f) }, errSpanCard},
		{"Fail(nil)", func(s *Span) { s.Fail(nil); s.End() }, nil},
		{"Fail", func(s *Span) { s.Fail(errSpanCard); s.End() }, errSpanCard},
		{"the first non-nil Fail", func(s *Span) { s.Fail(nil); s.Fail(errSpanCard); s.Fail(other); s.End() }, errSpanCard},
		{"Fail before End(&err)", func(s *Span) { s.Fail(errSpanCard); e := other; s.End(&e) }, errSpanCard},
		{"the first End, without an error", func(s *Span) { s.End(); e := other; s.End(&e) }, nil},
		{"the first End, with one", func(s *Span) { e, f := errSpanCard, other; s.End(&e); s.End(&f) }, errSpanCard},
		{"what the function returns", func(s *Span) {
			_ = func() (err error) {
				defer s.End(&err)
				return errSpanCard
			}()
		}, errSpanCard},
		{"what another deferred call made of it", func(s *Span) {
			_ = func() (err error) {
				defer s.End(&err)
				defer func() { err = errSpanCard }()
				return other
			}()
		}, errSpanCard},
		{"a typed nil is an error, as everywhere in Go", func(s *Span) { s.End(&typedNil) }, typedNil},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			h := new(spanRecorder)
			_, s := NewTracer(h, nil).Start(context.Background(), "op")
			tt.do(s)
			level := h.records[0].Level
			info, _ := h.one(t)
			if info.Err != tt.want {
				t.Errorf("Err = %v, want %v", info.Err, tt.want)
			}
			want := slog.LevelInfo
			if tt.want != nil {
				want = slog.LevelError
			}
			if level != want {
				t.Errorf("level = %v, want %v", level, want)
			}
		})
	}
}

func TestDo(t *testing.T) {
	spanBubble(t, func(t *testing.T) {
		h := new(spanRecorder)
		tr := NewTracer(h, nil)
		ctx, root := tr.Start(context.Background(), "root")

		attrs := []slog.Attr{slog.Int("n", 1)}
		err := Do(ctx, "fine", func(ctx context.Context) error {
			attrs[0] = slog.Int("clobbered", 1)
			if s := SpanFromContext(ctx); s.Op() != "fine" || s.parentID != root.SpanContext().SpanID {
				t.Errorf("in Do: span %q", s.Op())
			}
			time.Sleep(time.Second)
			return nil
		}, attrs...)
		info, got := h.one(t)
		if err != nil || info.Err != nil || info.Op != "fine" || info.Duration != time.Second || fmt.Sprint(got) != "[n=1]" {
			t.Errorf("Do = %v; recorded %+v, %v", err, info, got)
		}

		err = Do(ctx, "fails", func(context.Context) error { return errSpanCard }, KindClient)
		info, _ = h.one(t)
		if err != errSpanCard || info.Err != errSpanCard || info.Kind != "client" {
			t.Errorf("Do = %v; recorded %+v", err, info)
		}

		func() {
			defer func() {
				if p := recover(); p != "boom" {
					t.Errorf("recovered %v, want boom", p)
				}
			}()
			err = Do(ctx, "panics", func(context.Context) error { panic("boom") })
		}()
		info, _ = h.one(t)
		if info.Err == nil || info.Err.Error() != "panic: boom" || info.Stack == "" {
			t.Errorf("recorded %+v", info)
		}
	})
}

// noContext is nil, which every call accepts. Linters would object to a literal nil.
var noContext context.Context

// Do in a context without anything of ours uses the default Tracer.
func TestDoDefault(t *testing.T) {
	h := new(spanRecorder)
	SetDefault(NewTracer(h, nil))
	defer SetDefault(nil)
	if err := Do(noContext, "", func(ctx context.Context) error { return ctx.Err() }); err != nil {
		t.Error(err)
	}
	if info, _ := h.one(t); info.Op != "unnamed" {
		t.Errorf("recorded %+v", info)
	}
}

// All methods of Span are safe for concurrent use.
func TestSpanConcurrent(t *testing.T) {
	const goroutines, each = 8, 20
	var b bytes.Buffer
	for _, h := range []slog.Handler{new(spanRecorder), NewJSONHandler(&b, nil), NewHandler(slog.NewJSONHandler(&b, nil))} {
		tr := NewTracer(h, &TracerOptions{LogStart: true, AddSource: true, IsFailure: func(error) bool { return true }})
		unsampled := testSpanContext
		unsampled.Flags = 0
		for _, ctx := range []context.Context{
			With(context.Background(), slog.Int("with", 1)),
			ContextWithRemoteSpanContext(context.Background(), unsampled),
		} {
			ctx, s := tr.Start(ctx, "parent")
			log := slog.New(h)
			var wg sync.WaitGroup
			var ends atomic.Int32
			for i := range goroutines {
				wg.Go(func() {
					err := fmt.Errorf("error %d", i)
					for j := range each {
						s.SetAttrs(slog.Int(fmt.Sprint("k", j), i), slog.Int("own", i))
						s.SetOp(fmt.Sprint("op", i))
						s.Fail(err)
						log.InfoContext(ctx, "hello", "op", s.Op())
						if sc := SpanContextFromContext(ctx); sc != s.SpanContext() {
							t.Errorf("SpanContext = %v", sc)
						}
						// Children go on while, and after, the parent ends.
						if e := Do(ctx, "child", func(ctx context.Context) error {
							SpanFromContext(ctx).SetAttrs(slog.Int("j", j))
							return err
						}); e != err {
							t.Errorf("Do = %v", e)
						}
						func() {
							defer func() { _ = recover() }()
							_ = Do(ctx, "panics", func(context.Context) error { panic(i) })
						}()
						if j == 10 {
							s.End(&err)
							ends.Add(1)
						}
					}
				})
			}
			wg.Wait()
			if r, ok := h.(*spanRecorder); ok {
				r.records = slices.DeleteFunc(r.records, func(r slog.Record) bool { return !isSpanMessage(r.Message) })
				n := 0
				for _, info := range r.spans(t) {
					if info.SpanID == s.SpanContext().SpanID && info.Ended {
						n++
						if info.Err == nil || !strings.HasPrefix(info.Op, "op") {
							t.Errorf("recorded %+v", info)
						}
					}
				}
				if n != 1 {
					t.Errorf("%d Ends made %d records, want 1", ends.Load(), n)
				}
				continue
			}
			counts := map[string]int{}
			for line := range bytes.Lines(take(&b)) {
				var rec struct{ Msg, Op, Span string }
				if err := json.Unmarshal(line, &rec); err != nil {
					t.Fatalf("%v: %s", err, line)
				}
				if rec.Span == s.SpanContext().SpanID.String() {
					rec.Op = "own"
				}
				counts[rec.Msg+" "+rec.Op]++
			}
			want := map[string]int{"hello own": goroutines * each, "span end own": 1, "span end child": goroutines * each, "span end panics": goroutines * each}
			if s.SpanContext().IsSampled() {
				want["span start own"], want["span start child"], want["span start panics"] = 1, goroutines*each, goroutines*each
			}
			if diff := cmp.Diff(want, counts); diff != "" {
				t.Errorf("lines (-want +got):\n%s", diff)
			}
		}
	}
}

// However many goroutines end a span at once, it is reported once, with the error of one of them.
func TestSpanEndConcurrent(t *testing.T) {
	const spans, goroutines = 100, 4
	h := new(spanRecorder)
	tr := NewTracer(h, nil)
	// Fail in an unsampled trace asks the context for ancestors, and this context answers slowly.
	unsampled := testSpanContext
	unsampled.Flags = 0
	ctx := spanSlowContext{ContextWithRemoteSpanContext(context.Background(), unsampled)}
	for range spans {
		_, s := tr.Start(ctx, "op")
		var ready, done sync.WaitGroup
		ready.Add(goroutines)
		for i := range goroutines {
			done.Go(func() {
				err := fmt.Errorf("error %d", i)
				ready.Done()
				ready.Wait()
				s.End(&err)
				s.SetAttrs(slog.Int("late", i))
			})
		}
		done.Wait()
		if info, attrs := h.one(t); info.Err == nil || len(attrs) != 0 {
			t.Fatalf("recorded %+v, %v", info, attrs)
		}
	}
}

type spanSlowContext struct{ context.Context }

func (c spanSlowContext) Value(key any) any {
	runtime.Gosched()
	return c.Context.Value(key)
}

// To merge attributes takes time in the square of their number, so huge is not beyond measure.
func TestSpanManyAttrs(t *testing.T) {
	n := 3000
	if racetest.Enabled {
		n = 300
	}
	attrs := make([]slog.Attr, n)
	for i := range attrs {
		attrs[i] = slog.Int(fmt.Sprintf("key%04d", i), i)
	}
	for _, h := range spanHandlers {
		t.Run(h.name, func(t *testing.T) {
			var b bytes.Buffer
			ctx := With(context.Background(), attrs[:n/2]...)
			_, s := NewTracer(h.make(&b), nil).Start(ctx, "op", attrs[n/2:]...)
			s.SetAttrs(attrs[n/2:]...)
			s.SetAttrs(slog.String("op", "mine"))
			s.End()
			keys := recordRootKeys(t, b.Bytes())
			if got, want := len(keys), n+9; got != want { // time level msg trace span op start duration_ms attr.op
				t.Errorf("%d keys, want %d", got, want)
			}
		})
	}
}

func TestStartAllocs(t *testing.T) {
	racetest.SkipAllocs(t)
	if size := reflect.TypeFor[Span]().Size(); size > 256 {
		t.Errorf("a Span is %d bytes, want at most 256", size)
	}
	h := NewJSONHandler(nopWriter{}, nil)
	tr := NewTracer(h, nil)
	ctx, _ := tr.Start(context.Background(), "root")
	var err error
	tests := []struct {
		name string
		want float64
		f    func()
	}{
		{"root", 1, func() { _, s := tr.Start(context.Background(), "op"); s.End() }},
		{"child", 1, func() { _, s := Start(ctx, "op"); s.End() }},
		{"child, End(&err)", 1, func() { _, s := Start(ctx, "op"); s.End(&err) }},
		{"child, 2 attrs", 2, func() { _, s := Start(ctx, "op", slog.Int("a", 1), slog.String("b", "c")); s.End() }},
		{"With", 3, func() { allocSink.ctx = With(ctx, slog.Int("a", 1)) }},
		{"remote", 3, func() { allocSink.ctx = ContextWithRemoteSpanContext(ctx, testSpanContext) }},
		{"Detach", 2, func() { allocSink.ctx = Detach(ctx) }},
		{"SpanContext", 0, func() { allocSink.sc = SpanContextFromContext(ctx) }},
		{"Do", 1, func() { _ = Do(ctx, "op", func(context.Context) error { return nil }) }},
	}
	for _, tt := range tests {
		if got := testing.AllocsPerRun(200, tt.f); got > tt.want {
			t.Errorf("%s: %v allocations, want at most %v", tt.name, got, tt.want)
		} else if got < tt.want {
			t.Logf("%s: %v allocations, allowed %v", tt.name, got, tt.want)
		}
	}
	runtime.KeepAlive(err)
}

var allocSink struct {
	ctx context.Context
	sc  SpanContext
	c   Carrier
	err error
}

type nopWriter struct{}

func (nopWriter) Write(b []byte) (int, error) { return len(b), nil }

type spanSampler func(SampleInput) (bool, float64)

func (f spanSampler) Sample(in SampleInput) (bool, float64) { return f(in) }

// When Fail returns in a trace that is not sampled, all spans above are marked, even if others fail below them at the same time.
func TestFailMarksAllAbove(t *testing.T) {
	tr := NewTracer(slog.DiscardHandler, &TracerOptions{Sampler: Ratio(0)})
	for range 100 {
		ctx := t.Context()
		var above []*Span
		for range 2000 {
			var s *Span
			ctx, s = tr.Start(ctx, "above")
			above = append(above, s)
		}
		var done, ready sync.WaitGroup
		ready.Add(4)
		for range 4 {
			done.Go(func() {
				_, s := tr.Start(ctx, "op")
				ready.Done()
				ready.Wait()
				s.Fail(errSpanCard)
				for i, s := range above {
					if !s.is(written) {
						t.Errorf("the span %d below the root is not marked", i)
						return
					}
				}
			})
		}
		done.Wait()
	}
}

// A snapshot keeps the state of the span.
func TestSpanSnapshot(t *testing.T) {
	_, s := NewTracer(slog.DiscardHandler, &TracerOptions{AddSource: true}).Start(context.Background(), "op", slog.Int("a", 1))
	s.state.Or(counted)
	s.attrs = slices.Grow(s.attrs, 8) // so that SetAttrs needs no other memory
	c := s.snapshot()
	s.SetAttrs(slog.Int("a", 2))
	if got := c.attrs[0]; !got.Equal(slog.Int("a", 1)) {
		t.Errorf("attribute %v", got)
	}
	if c.is(counted) {
		t.Error("the memory of the snapshot counts as held already")
	}
	if !c.isLocalRoot() || c.localRoot() != s {
		t.Error("the snapshot of a local root has another root")
	}
	if pc := s.rare.Load().pc; pc == 0 || c.rare.Load().pc != pc {
		t.Error("the snapshot has another source position")
	}
}

// If the clock goes back, the duration is not negative.
func TestSpanDurationNotNegative(t *testing.T) {
	_, s := testSpan(context.Background(), "op")
	if s.finish(s.start.Add(-time.Hour), nil, nil); s.duration != 0 {
		t.Errorf("duration %v", s.duration)
	}
}
