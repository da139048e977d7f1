package slogtrace_test

import (
	"bytes"
	"context"
	"io"
	"log/slog"
	"maps"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/slogtrace/slogtrace"
	"github.com/slogtrace/slogtrace/internal/ids"
	"github.com/slogtrace/slogtrace/internal/schema"
	"github.com/slogtrace/slogtrace/tracelog"
)

// A forgery puts attributes somewhere. The reader's result must not depend on them.
type forgery struct {
	baggage, with, logger, record, span []slog.Attr
}

func (f *forgery) attrs() []slog.Attr {
	return slices.Concat(f.baggage, f.with, f.logger, f.record, f.span)
}

// forgeries puts attrs into each place.
func forgeries(attrs []slog.Attr) map[string]forgery {
	all := map[string]forgery{"With": {with: attrs}, "logger": {logger: attrs}, "record": {record: attrs}, "span attribute": {span: attrs}}
	for _, a := range attrs {
		if a.Value.Kind() != slog.KindString || strings.ContainsAny(a.Key, "/@") {
			return all // not possible in baggage
		}
	}
	all["baggage"] = forgery{baggage: attrs}
	return all
}

// forgeLines logs a record and ends a span in each kind of context, with the attributes of f, and returns what the reader finds.
func forgeLines(t *testing.T, open func(io.Writer) slog.Handler, service string, f *forgery) map[string]tracelog.Entry {
	n := uint64(0)
	defer ids.SetSource(func() uint64 { n++; return n * 0x9e3779b97f4a7c15 })()
	found := map[string]tracelog.Entry{}
	var b bytes.Buffer
	read := func(what string) {
		_, err := tracelog.Scan(&b, "", func(e tracelog.Entry) {
			if _, ok := found[what]; ok {
				t.Errorf("%s: two lines", what)
			}
			found[what] = e
		})
		if err != nil {
			t.Fatal(err)
		}
		b.Reset()
	}
	h := open(&b).WithAttrs([]slog.Attr{slog.String(service, "api")})
	l := slog.New(h)
	if len(f.logger) > 0 {
		l = slog.New(h.WithAttrs(f.logger))
	}
	tracer := slogtrace.NewTracer(l.Handler(), nil)
	below := func(ctx context.Context) context.Context {
		if len(f.with) > 0 {
			ctx = slogtrace.With(ctx, f.with...)
		}
		for _, a := range f.baggage {
			var err error
			if ctx, err = slogtrace.WithBaggage(ctx, a.Key, a.Value.String()); err != nil {
				t.Fatal(err)
			}
		}
		return ctx
	}
	ctx := below(context.Background())
	log := func(ctx context.Context) { l.LogAttrs(ctx, slog.LevelWarn, "m", f.record...) }
	log(ctx)
	read("outside")
	in, root := tracer.Start(ctx, "root", f.span...)
	for range 4 { // a Handler binds the ids at the third
		b.Reset()
		log(in)
	}
	read("in a trace")
	time.Sleep(time.Millisecond)
	root.End()
	read("span record")
	log(below(slogtrace.ContextWithRemoteSpanContext(context.Background(),
		slogtrace.SpanContext{TraceID: slogtrace.TraceID{1}, SpanID: slogtrace.SpanID{2}, Flags: slogtrace.FlagSampled})))
	read("without an op")
	return found
}

// said returns the content of an entry, without its line.
func said(e tracelog.Entry) tracelog.Entry {
	e.Raw, e.Line, e.File = nil, 0, ""
	return e
}

// forgeCases are the attributes to try: each key that a reader knows, as text, a time and a number, objects with
// such keys, a partner's ids of each schema, and all of them at once.
func forgeCases() map[string][]slog.Attr {
	cases := map[string][]slog.Attr{}
	keys, _ := schema.Keys()
	var all []slog.Attr
	for _, key := range slices.Sorted(maps.Keys(keys)) {
		cases[key+" text"] = []slog.Attr{slog.String(key, "forged")}
		cases[key+" time"] = []slog.Attr{slog.String(key, "2001-02-03T04:05:06Z")}
		cases[key+" number"] = []slog.Attr{slog.Int(key, 17)}
		if outer, ok := schema.Outer(key); ok {
			cases[key+" object"] = []slog.Attr{slog.Group(outer, slog.String(key[len(outer)+1:], "forged"))}
		}
		all = append(all, slog.String(key, "forged"))
	}
	cases["all"] = all
	for _, p := range schema.Presets {
		for _, t := range strings.Fields(p.Keys[schema.Trace]) {
			for _, s := range strings.Fields(p.Keys[schema.Span]) {
				cases["pair "+t+" "+s] = []slog.Attr{slog.String(t, "partner"), slog.String(s, "forged")}
			}
		}
	}
	return cases
}

// No attribute of a user's passes for an id, an op, the time, the level, the message, an error or the service,
// whatever its key, wherever it comes from, in any Format.
func TestNothingForgesALine(t *testing.T) {
	cases := forgeCases()
	if testing.Short() { // under the race detector, of which a table of lines has no need
		for i, name := range slices.Sorted(maps.Keys(cases)) {
			if i%8 != 0 {
				delete(cases, name)
			}
		}
	}
	for _, p := range presets {
		for _, h := range presetHandlers(p.Format)[:3] {
			if p.name == "Axiom" && h.title == "Handler over slog.JSONHandler" {
				continue // see TestPresetReadBack
			}
			t.Run(p.name+"/"+h.title, func(t *testing.T) {
				service := p.Service
				if service == "" {
					service = "service"
				}
				synctest.Test(t, func(t *testing.T) {
					want := forgeLines(t, h.open, service, &forgery{})
					for name, attrs := range cases {
						for where, f := range forgeries(attrs) {
							time.Sleep(time.Until(time.Date(2000, 1, 2, 0, 0, 0, 0, time.UTC)))
							checkForgery(t, name, where, service, h.title, &f, want, forgeLines(t, h.open, service, &f))
						}
						if t.Failed() {
							return
						}
					}
				})
			})
		}
	}
}

func checkForgery(t *testing.T, name, where, service, title string, f *forgery, want, got map[string]tracelog.Entry) {
	t.Helper()
	for what, e := range got {
		own := where == "logger" || where == "record" || where == "span attribute"
		if what == "outside" && own && where != "span attribute" {
			continue // see TestOwnIDsOutside
		}
		if key, form, _ := strings.Cut(name, " "); what == "without an op" && own && (form == "object" || key == "name" || key == "ecs.version") {
			continue // the line looks like those of others: their ids may be in objects, and ECS and New Relic share names
		}
		if what == "without an op" && where == "logger" && title != "JSONHandler" && (name == "all" || strings.HasPrefix(name, "pair")) {
			continue // the logger's come first, and nothing tells them from ours
		}
		ignoreTime := cmp.FilterPath(func(p cmp.Path) bool {
			return p.Last().String() == ".Time" || p.Last().String() == ".Start"
		}, cmp.Comparer(func(a, b time.Time) bool { return a.Year() == b.Year() }))
		if diff := cmp.Diff(said(want[what]), said(e), ignoreTime); diff != "" {
			t.Errorf("%s, %s, %s (-want +got):\n%s%s", name, where, what, diff, e.Raw)
			continue
		}
		if where == "span attribute" && what != "span record" || what == "span record" && where == "record" {
			continue
		}
		for _, a := range f.attrs() {
			if a.Value.Kind() != slog.KindString || a.Key == service { // which gives way to the logger's
				continue
			}
			if own && a.Key == "msg" && strings.HasSuffix(title, "ReplaceAttr") {
				continue // it looks just like slog's
			}
			if !slices.ContainsFunc(e.Attrs(), func(x tracelog.Attr) bool {
				return (x.Key == a.Key || strings.HasSuffix(x.Key, "attr."+a.Key)) && string(x.Value) == `"`+a.Value.String()+`"`
			}) {
				t.Errorf("%s, %s, %s: the attribute is lost: %s", name, where, what, e.Raw)
			}
		}
	}
}

// Outside a trace a user's attribute under the key of an id or the op counts as one, in any Format. It is not renamed,
// except if the Format gives that name to a member of slog's.
func TestOwnIDsOutside(t *testing.T) {
	for _, p := range presets {
		for _, h := range presetHandlers(p.Format)[:3] {
			for _, where := range []string{"logger", "record"} {
				for name, attrs := range forgeCases() {
					if name == "all" || strings.HasSuffix(name, " object") || strings.HasSuffix(name, " number") || name == "dd.trace_id time" {
						continue
					}
					if strings.Contains(name, "transaction.id") || name == "pair trace span_id" || name == "pair trace_id span" {
						continue // ids of ECS's lines only, and of two schemas
					}
					var f forgery
					want := tracelog.Entry{Level: "WARN", Message: "m", Service: "api"}
					if f.record = attrs; where == "logger" {
						f.record, f.logger = nil, attrs
					}
					for _, a := range attrs {
						for _, s := range schema.Presets {
							switch {
							case slices.Contains(strings.Fields(s.Keys[schema.Trace]), a.Key):
								want.Trace = a.Value.String()
							case slices.Contains(strings.Fields(s.Keys[schema.Span]), a.Key):
								want.Span = a.Value.String()
							case a.Key == "op":
								want.Op = a.Value.String()
							}
						}
					}
					var b bytes.Buffer
					l := slog.New(h.open(&b)).With("service", "api")
					if len(f.logger) > 0 {
						l = slog.New(l.Handler().WithAttrs(f.logger))
					}
					l.LogAttrs(t.Context(), slog.LevelWarn, "m", f.record...)
					_, err := tracelog.Scan(&b, "", func(e tracelog.Entry) {
						got := said(e)
						got.Time, got.Schema = time.Time{}, ""
						got.Level = strings.TrimSuffix(got.Level, "ING")
						if diff := cmp.Diff(want, got); diff != "" || time.Since(e.Time).Abs() > time.Hour {
							t.Errorf("%s, %s, %s, %s (-want +got):\n%s%s", p.name, h.title, name, where, diff, e.Raw)
						}
					})
					if err != nil {
						t.Fatal(err)
					}
				}
			}
		}
	}
}
