package slogtrace

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// Where lines are held, a value that is changed after the call is neither a race nor a lie.
func TestTailHandlerChangedValues(t *testing.T) {
	var buf bytes.Buffer
	h := NewTailHandler(NewJSONHandler(&buf, debugLevel), &TailOptions{Share: 0.999999, PassLevel: slog.LevelError})
	ctx, root := NewTracer(h, nil).Start(background, "root")
	m, inSpan := map[string]int{"a": 1}, map[string]int{"b": 1}
	_, child := Start(With(ctx, slog.Any("with", m)), "child", slog.Any("m", inSpan))
	slog.New(h).InfoContext(ctx, "m", "m", m)
	child.End()
	_, child = Start(ctx, "child without With", slog.Any("m", inSpan))
	child.End()
	_, child = Start(ctx, "child that failed")
	text := changingError("one")
	child.Fail(&text)
	child.End()
	m["a"], inSpan["b"], text = 2, 2, "two"
	root.Fail(errSpanCard)
	root.End()
	if got := buf.String(); !strings.Contains(got, `"m":{"a":1}`) || strings.Count(got, `"m":{"b":1}`) != 2 || !strings.Contains(got, `"with":{"a":1}`) || !strings.Contains(got, `"error":"one"`) {
		t.Errorf("wrote\n%s", got)
	}
}

type changingError string

func (e *changingError) Error() string { return string(*e) }

// An adder adds to records as it should: they are its own.
type adder struct{ slog.Handler }

func (h adder) Handle(ctx context.Context, r slog.Record) error {
	r.AddAttrs(slog.Int("adder's", 1))
	return h.Handler.Handle(ctx, r)
}

// The memory of a record may be its maker's again after the call.
func TestTailHandlerRecordIsCopied(t *testing.T) {
	var buf bytes.Buffer
	h := NewTailHandler(adder{slog.NewJSONHandler(&buf, nil)}, &TailOptions{Share: 1})
	ctx, root := NewTracer(h, nil).Start(background, "root")
	r := slog.NewRecord(time.Now(), 0, "m", 0)
	for i := range 8 { // so many that there is room behind the last one
		r.AddAttrs(slog.Int(fmt.Sprint("a", i), i))
	}
	_ = h.Handle(ctx, r)
	r.AddAttrs(slog.Int("added", 1))
	root.End()
	if got := buf.String(); strings.Contains(got, "BUG") || strings.Contains(got, "added") || !strings.Contains(got, "adder's") || !strings.Contains(got, `"a7":7`) {
		t.Errorf("wrote %s", got)
	}
}

// tailNested are more arrangements, in which a handler of ours must recognise held records.
var tailNested = slices.Concat(tailArrangements, []tailArrangement{
	{"records of others", func(w io.Writer, o *TailOptions) (slog.Handler, *TailHandler) {
		h := NewTailHandler(NewHandler(slog.NewJSONHandler(w, debugLevel)), o)
		return slog.NewMultiHandler(h), h
	}},
	{"records with ids for a handler of ours", func(w io.Writer, o *TailOptions) (slog.Handler, *TailHandler) {
		h := NewTailHandler(OTel.NewHandler(slog.NewJSONHandler(w, debugLevel)), o)
		return NewHandler(h), h
	}},
})

// Held records do not change, whatever happens before they are let through.
func TestTailHandlerHeldValues(t *testing.T) {
	for _, a := range tailNested {
		t.Run(a.name, func(t *testing.T) {
			var buf bytes.Buffer
			h, tail := a.open(&buf, &TailOptions{Share: 1})
			tr := NewTracer(h, &TracerOptions{LogStart: true})
			log := slog.New(h)
			now := 1
			value := func(key string) slog.Attr {
				return slog.Any(key, valuerFunc(func() slog.Value { return slog.IntValue(now) }))
			}
			ctx, root := tr.Start(background, "old name", slog.String("at", "start"))
			with, child := Start(With(ctx, slog.Any("with", valuerOf(slog.GroupValue(value("inner"))))), "child", value("attr"), value("error"))
			log.InfoContext(with, "m1", value("a"), slog.Group("g", value("b"), slog.Any("g2", valuerOf(slog.GroupValue(value("c"))))), slog.Any("", valuerOf(slog.GroupValue(value("d")))))
			child.SetOp("new name")
			log.InfoContext(context.WithValue(with, &now, 1), "m2")
			child.SetOp("newest name")
			child.End()
			_, valued := Start(ctx, "valued", value("attr"), value("error"))
			valued.End()
			now = 2
			log.InfoContext(with, "m3", value("a"))
			root.SetOp("another name")
			root.SetAttrs(slog.String("at", "end"))
			log.InfoContext(ctx, "m4")
			now = 3
			root.End()
			now = 4
			if s := tail.Stats(); s.KeptRoots != 1 {
				t.Errorf("%+v", s)
			}
			type line struct {
				Msg, Op, At string
				A, D        int
				Attr        int `json:"attr"`
				Renamed     int `json:"attr.error"`
				G           struct {
					B  int
					G2 struct{ C int }
				}
				With  struct{ Inner int }
				Twice string `json:"trace_id"`
			}
			var got []line
			for b := range bytes.Lines(buf.Bytes()) {
				var l line
				if err := json.Unmarshal(b, &l); err != nil || bytes.Count(b, []byte(`"op"`)) != 1 {
					t.Errorf("%v: %s", err, b)
				}
				got = append(got, l)
			}
			m1 := line{Msg: "m1", Op: "child", A: 1, D: 1}
			m1.G.B, m1.G.G2.C = 1, 1
			want := []line{
				{Msg: "span start", Op: "old name", At: "start"},
				{Msg: "span start", Op: "child", Attr: 1, Renamed: 1},
				m1,
				{Msg: "m2", Op: "new name"},
				{Msg: "span end", Op: "newest name", Attr: 1, Renamed: 1},
				{Msg: "span start", Op: "valued", Attr: 1, Renamed: 1},
				{Msg: "span end", Op: "valued", Attr: 1, Renamed: 1},
				{Msg: "m3", Op: "newest name", A: 2},
				{Msg: "m4", Op: "another name"},
				{Msg: "span end", Op: "another name", At: "end"},
			}
			for _, i := range []int{1, 2, 3, 4} {
				want[i].With.Inner = 1
			}
			want[7].With.Inner = 2
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("-want +got:\n%s%s", diff, buf.Bytes())
			}
		})
	}
}
