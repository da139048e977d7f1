package slogtrace

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
)

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
