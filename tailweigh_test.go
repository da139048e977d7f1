package slogtrace

import (
	"bytes"
	"encoding/json"
	"fmt"
	"log/slog"
	"strings"
	"testing"
)

// Only span records that were kept for the share alone have a sample_rate.
func TestTailHandlerSampleRate(t *testing.T) {
	type options = TailOptions
	always, never := slog.LevelDebug-4, slog.LevelError
	for _, test := range []struct {
		name string
		opts options
		head Sampler
		work func(*Span)
		want float64 // 0: none
	}{
		{"share", options{Share: 0.9999, PassLevel: never}, nil, nil, 0.9999},
		{"would have passed", options{Share: 0.9999, PassLevel: always}, nil, nil, 0},
		{"passes at its level", options{Share: 0.9999, PassLevel: slog.LevelInfo}, nil, nil, 0},
		{"failed too", options{Share: 0.9999, PassLevel: never}, nil, func(s *Span) { s.Fail(errSpanCard) }, 0},
		{"slow too", options{Share: 0.9999, PassLevel: never, Slow: 1}, nil, nil, 0},
		{"sampled before, by other numbers", options{Share: 0.9999, PassLevel: never}, rate{true, 0.5}, nil, 0.49995},
		{"sampled before, failed", options{Share: 0.9999, PassLevel: never}, rate{true, 0.5}, func(s *Span) { s.Fail(errSpanCard) }, 0.5},
		{"all, sampled before", options{Share: 1, PassLevel: never}, rate{true, 0.5}, nil, 0.5},
	} {
		for _, a := range tailArrangements {
			for _, simple := range []bool{true, false} {
				name := fmt.Sprintf("%s, %s, %t", test.name, a.name, simple)
				var buf bytes.Buffer
				h, _ := a.open(&buf, &test.opts)
				ctx, root := NewTracer(h, &TracerOptions{Sampler: test.head}).Start(background, "root")
				if root.SpanContext().TraceID[9] == 0 {
					continue // one in 256 is not in the share
				}
				ctx, child := Start(ctx, "child")
				if !simple {
					child.SetAttrs(slog.Any("m", map[string]int{}), slog.Group("g", "sample_rate", 7))
				}
				if test.work != nil {
					test.work(child)
				}
				slog.New(h).InfoContext(ctx, "m")
				_, late := Start(ctx, "late")
				child.End()
				root.End()
				late.End()
				if n := strings.Count(buf.String(), "\n"); n != 4 {
					t.Errorf("%s: %d lines", name, n)
				}
				for b := range bytes.Lines(buf.Bytes()) {
					var l struct {
						Msg  string
						Rate *float64 `json:"sample_rate"`
					}
					if err := json.Unmarshal(b, &l); err != nil {
						t.Error(err)
					}
					want := test.want
					if l.Msg != "span end" {
						want = 0
					}
					got := 0.0
					if l.Rate != nil {
						got = *l.Rate
					}
					if bytes.Count(b, []byte(`"sample_rate":0`)) > 1 || got < want-1e-9 || got > want+1e-9 {
						t.Errorf("%s: want the rate %v: %s", name, want, b)
					}
				}
			}
		}
	}
}

// If the trace's random number decided before, the same number decides here: the smaller share counts.
func TestTailHandlerShareIsConsistent(t *testing.T) {
	h := NewTailHandler(slog.DiscardHandler, &TailOptions{Share: 0.25})
	for _, test := range []struct {
		state string
		head  float64
		want  float64
	}{
		{"", 0, 0.25}, {"", 0.5, 0.125}, {"ot=th:8", 0.5, 0.25}, {"x=1,ot=rv:1;th:e", 0.125, 0.125}, {"xot=th:8", 0.5, 0.125},
	} {
		s := &Span{env: &env{state: test.state, rate: test.head}}
		if got := h.tail.weighed(s).env.rate; got != test.want {
			t.Errorf("%q, %v: %v, want %v", test.state, test.head, got, test.want)
		}
	}
	// Thresholds and random numbers of OpenTelemetry's specification: a trace is in the share if R >= T.
	for _, test := range []struct {
		share float64
		id    TraceID
		want  bool
	}{
		{0.25, TraceID{9: 0xc0}, true}, {0.25, TraceID{9: 0xbf, 10: 0xff}, false}, {0.25, TraceID{0: 0xff, 8: 0xff}, false},
		{0.5, TraceID{9: 0x80}, true}, {0.5, TraceID{9: 0x7f}, false}, {1, TraceID{}, true}, {0, TraceID{9: 0xff}, false},
		{1e-17, TraceID{9: 0xff, 10: 0xff, 11: 0xff, 12: 0xff, 13: 0xff, 14: 0xff, 15: 0xff}, false},
	} {
		s := &Span{env: &noEnv}
		s.ids.Set(test.id, SpanID{})
		if got := newTail(&TailOptions{Share: test.share}).shares(s); got != test.want {
			t.Errorf("%v of %x: %v", test.share, test.id, got)
		}
	}
	if newTail(nil).shares(&Span{env: &noEnv}) {
		t.Error("no share, but it has a trace")
	}
}
