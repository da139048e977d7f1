package slogtrace_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/slogtrace/slogtrace"
	"github.com/slogtrace/slogtrace/internal/ids"
	"github.com/slogtrace/slogtrace/tracelog"
)

var update = flag.Bool("update", false, "rewrite the goldens under testdata")

// A preset is a Format with its name in testdata/presets and docs/backends.md.
type preset struct {
	name string
	slogtrace.Format
}

var presets = []preset{
	{"default", slogtrace.Format{}},
	{"OTel", slogtrace.OTel},
	{"Datadog", slogtrace.Datadog},
	{"GoogleCloud", slogtrace.GoogleCloud("my-project")},
	{"ECS", slogtrace.ECS},
	{"Honeycomb", slogtrace.Honeycomb},
	{"NewRelic", slogtrace.NewRelic},
	{"Axiom", slogtrace.Axiom},
	{"VictoriaLogs", slogtrace.VictoriaLogs},
	{"AWSXRay", slogtrace.AWSXRay},
}

// presetHandlers are the handlers that write a preset, each by the title of its lines in testdata/presets.
func presetHandlers(f slogtrace.Format) []struct {
	title string
	open  func(io.Writer) slog.Handler
} {
	return []struct {
		title string
		open  func(io.Writer) slog.Handler
	}{
		{"JSONHandler", func(w io.Writer) slog.Handler {
			return f.NewJSONHandler(w, nil)
		}},
		{"Handler over slog.JSONHandler", func(w io.Writer) slog.Handler {
			return f.NewHandler(slog.NewJSONHandler(w, nil))
		}},
		{"Handler over slog.JSONHandler with ReplaceAttr", func(w io.Writer) slog.Handler {
			return f.NewHandler(slog.NewJSONHandler(w, &slog.HandlerOptions{ReplaceAttr: f.ReplaceAttr}))
		}},
		{"Handler over slog.TextHandler with ReplaceAttr", func(w io.Writer) slog.Handler {
			return f.NewHandler(slog.NewTextHandler(w, &slog.HandlerOptions{ReplaceAttr: f.ReplaceAttr}))
		}},
	}
}

// writePreset logs a record of each type: outside a trace, in spans, starts and ends of spans, one that fails,
// of the root of a trace and of a span under a remote parent.
func writePreset(f slogtrace.Format, h slog.Handler) {
	h = h.WithAttrs(f.EnvAttrs())
	l := slog.New(h)
	tracer := slogtrace.NewTracer(h, &slogtrace.TracerOptions{LogStart: true})
	ms := time.Millisecond

	l.Info("listening", "addr", ":8080")
	ctx, root := tracer.Start(context.Background(), "POST /bookings", slogtrace.KindServer)
	time.Sleep(ms)
	l.InfoContext(ctx, "seat held", "seat", "12A")
	func() (err error) {
		ctx, span := tracer.Start(ctx, "charge", slogtrace.KindClient, slog.Float64("amount", 129.5))
		defer span.End(&err)
		time.Sleep(204 * ms)
		l.WarnContext(ctx, "provider slow", "attempt", 2)
		return errors.New("card declined")
	}()
	time.Sleep(15 * ms)
	root.SetAttrs(slog.Int("status", 502))
	root.End()

	sent := slogtrace.NewCarrier(ctx)
	time.Sleep(2 * time.Second)
	ctx, err := sent.Context(context.Background())
	if err != nil {
		panic(err)
	}
	l.InfoContext(ctx, "job taken")
	ctx, job := tracer.Start(ctx, "refund", slogtrace.KindConsumer, slogtrace.Link(slogtrace.SpanContext{
		TraceID: slogtrace.TraceID{0x4b, 0xf9, 0x2f, 0x35, 0x77, 0xb3, 0x4d, 0xa6, 0xa3, 0xce, 0x92, 0x9d, 0x0e, 0x0e, 0x47, 0x36},
		SpanID:  slogtrace.SpanID{0x00, 0xf0, 0x67, 0xaa, 0x0b, 0xa9, 0x02, 0xb7},
	}))
	time.Sleep(30 * ms)
	l.Log(ctx, slog.LevelDebug, "not written")
	job.End()
}

// presetLines returns what each handler writes with a preset, a section a handler.
func presetLines(t *testing.T, p preset) string {
	t.Setenv("OTEL_SERVICE_NAME", "api")
	t.Setenv("OTEL_RESOURCE_ATTRIBUTES", "deployment.environment=prod")
	var all strings.Builder
	for _, h := range presetHandlers(p.Format) {
		synctest.Test(t, func(t *testing.T) {
			n := uint64(0)
			defer ids.SetSource(func() uint64 { n++; return n * 0x9e3779b97f4a7c15 })()
			time.Sleep(123 * time.Millisecond) // which slog.TextHandler writes
			var b bytes.Buffer
			writePreset(p.Format, h.open(&b))
			all.WriteString("-- " + h.title + " --\n" + b.String())
		})
	}
	return all.String()
}

func presetFile(name string) string { return filepath.Join("testdata", "presets", name+".txtar") }

// A golden line per preset, handler and type of record.
func TestPresetLines(t *testing.T) {
	for _, p := range presets {
		t.Run(p.name, func(t *testing.T) {
			got := presetLines(t, p)
			if *update {
				if err := os.WriteFile(presetFile(p.name), []byte(got), 0o666); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(presetFile(p.name))
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(strings.Split(string(want), "\n"), strings.Split(got, "\n")); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
}

// section returns the lines of a preset's file that a handler wrote.
func section(t *testing.T, name, title string) string {
	t.Helper()
	file, err := os.ReadFile(presetFile(name))
	if err != nil {
		t.Fatal(err)
	}
	_, lines, ok := strings.Cut(string(file), "-- "+title+" --\n")
	if !ok {
		t.Fatalf("%s.txtar has no lines of %s", name, title)
	}
	lines, _, _ = strings.Cut(lines, "\n-- ")
	return strings.TrimSuffix(lines, "\n") + "\n"
}

// tracelog reads the lines of each preset as it reads those of the project's own schema.
func TestPresetReadBack(t *testing.T) {
	read := func(lines string) (all []tracelog.Entry) {
		_, err := tracelog.Scan(strings.NewReader(lines), "", func(e tracelog.Entry) {
			e.Line, e.Raw, e.Level = 0, nil, ""
			all = append(all, e)
		})
		if err != nil {
			t.Fatal(err)
		}
		return all
	}
	sameSchema := cmp.FilterPath(func(p cmp.Path) bool { return p.Last().String() == ".Schema" }, cmp.Ignore())
	want := read(section(t, "default", "JSONHandler"))
	if n := len(want); n != 10 || want[5].Error != "card declined" || want[9].Links == nil {
		t.Fatalf("%d entries of the project's own schema: %+v", n, want)
	}
	for _, p := range presets {
		for _, h := range presetHandlers(p.Format) {
			if p.name == "Axiom" && h.title == "Handler over slog.JSONHandler" {
				continue // without _time it is OpenTelemetry's trace_id and span_id with unknown names beside them
			}
			t.Run(p.name+"/"+h.title, func(t *testing.T) {
				if diff := cmp.Diff(want, read(section(t, p.name, h.title)), sameSchema); diff != "" {
					t.Errorf("-own schema +preset:\n%s", diff)
				}
			})
		}
	}
}

// A failed span of Datadog's preset has message, kind and stack under Datadog's names, with any handler. The user's own attributes
// under these names are kept under others.
func TestDatadogErrors(t *testing.T) {
	const kind = "error.kind"
	for _, h := range presetHandlers(slogtrace.Datadog) {
		if strings.Contains(h.title, "Text") {
			continue
		}
		for _, test := range []struct {
			attrs []slog.Attr
			bound []slog.Attr
			want  map[string]string
		}{
			{nil, nil, map[string]string{kind: "*fs.PathError", "error.type": "", "error": ""}},
			{[]slog.Attr{slog.String("error.type", "mine")}, nil, map[string]string{kind: "mine", "error.type": ""}},
			{[]slog.Attr{slog.String(kind, "mine")}, nil, map[string]string{kind: "mine", "attr.error.kind": "*fs.PathError"}},
			{[]slog.Attr{slog.String("error.message", "mine"), slog.String("error", "mine")}, nil, map[string]string{kind: "*fs.PathError", "attr.error.message": "mine", "attr.error": "mine"}},
			{nil, []slog.Attr{slog.String("error.stack", "mine"), slog.Int("x", 1)}, map[string]string{kind: "*fs.PathError", "attr.error.stack": "mine"}},
		} {
			var b bytes.Buffer
			tracer := slogtrace.NewTracer(h.open(&b).WithAttrs(test.bound), nil)
			_, span := tracer.Start(t.Context(), "read", test.attrs...)
			span.Fail(fmt.Errorf("config: %w", &os.PathError{Op: "open", Path: "a", Err: os.ErrNotExist}))
			span.End()
			var line map[string]any
			if err := json.Unmarshal(b.Bytes(), &line); err != nil {
				t.Fatal(err)
			}
			test.want["error.message"] = "config: open a: file does not exist"
			for key, want := range test.want {
				if got, _ := line[key].(string); got != want {
					t.Errorf("%s: %s is %q, want %q: %s", h.title, key, got, want, b.Bytes())
				}
			}
		}
		var b bytes.Buffer
		tracer := slogtrace.NewTracer(h.open(&b), nil)
		func() {
			defer func() { _ = recover() }()
			_, span := tracer.Start(t.Context(), "read")
			defer span.End()
			panic("boom")
		}()
		for _, want := range []string{`"error.message":"panic: boom"`, `"error.kind":"panic"`, `"error.stack":"`} {
			if !strings.Contains(b.String(), want) {
				t.Errorf("%s: no %s in %s", h.title, want, &b)
			}
		}
		// readers find the kind under OpenTelemetry's name too
		_, err := tracelog.Scan(&b, "", func(e tracelog.Entry) {
			if v, ok := e.Attr("error.type"); !ok || string(v) != `"panic"` || e.Error != "panic: boom" || e.Stack == "" {
				t.Errorf("read back: %s %q %q", v, e.Error, e.Stack)
			}
		})
		if err != nil {
			t.Error(err)
		}
	}
}

// docs/backends.md has for each preset the two lines of setup (see ExampleFormat, which compiles them)
// and lines that are those of testdata/presets.
func TestBackendsDoc(t *testing.T) {
	for _, p := range presets[1:] {
		doc := backendDoc(t, p.name)
		setup := "h := slogtrace.NAME.NewJSONHandler(os.Stdout, nil)\nslog.SetDefault(slog.New(h.WithAttrs(slogtrace.NAME.EnvAttrs())))\n"
		if p.name == "GoogleCloud" {
			setup = "f := slogtrace.NAME(\"my-project\")\nslog.SetDefault(slog.New(f.NewJSONHandler(os.Stdout, nil).WithAttrs(f.EnvAttrs())))\n"
		}
		if setup = strings.ReplaceAll(setup, "NAME", p.name); !strings.Contains(doc, "```go\n"+setup+"```\n") {
			t.Errorf("%s: the setup is not\n%s", p.name, setup)
		}
		_, lines, _ := strings.Cut(doc, "```json\n")
		lines, _, _ = strings.Cut(lines, "```\n")
		written := strings.Split(section(t, p.name, "JSONHandler"), "\n")
		if n := strings.Count(lines, "\n"); n != 3 {
			t.Errorf("%s: %d lines of JSON, want 3", p.name, n)
		}
		for line := range strings.Lines(lines) {
			if !slices.Contains(written, strings.TrimSuffix(line, "\n")) {
				t.Errorf("%s does not write\n%s", p.name, line)
			}
		}
		if !strings.Contains(doc, "\nSource: [") {
			t.Errorf("%s has no source", p.name)
		}
	}
}

// backendDoc returns the section of a preset.
func backendDoc(t *testing.T, name string) string {
	t.Helper()
	text, err := os.ReadFile("docs/backends.md")
	if err != nil {
		t.Fatal(err)
	}
	_, doc, ok := strings.Cut(string(text), "\n## "+name+"\n")
	if !ok {
		t.Fatalf("%s has no section", name)
	}
	doc, _, _ = strings.Cut(doc, "\n## ")
	return doc
}

// Each name of a preset that is not the schema's own appears in the section of its backend.
func TestBackendsDocNames(t *testing.T) {
	for _, p := range presets[1:] {
		doc := backendDoc(t, p.name)
		f := p.Format
		for _, name := range []string{
			f.Trace, f.Span, f.Op, f.Flags, f.Parent, f.Kind, f.Start, f.Duration, f.Error, f.Stack, f.Links, f.Queued,
			f.SampleRate, f.Sampled, f.Time, f.Level, f.Message, f.Source, f.Service,
		} {
			if name != "" && !strings.Contains(doc, "`"+name+"`") {
				t.Errorf("%s: %s is not said", p.name, name)
			}
		}
	}
}

func ExampleFormat() {
	defer setUp()() // so that other examples find what was there
	h := slogtrace.Datadog.NewJSONHandler(io.Discard, nil)
	slog.SetDefault(slog.New(h.WithAttrs(slogtrace.Datadog.EnvAttrs())))

	// With names of your own, the values in the form of X-Ray:
	f := slogtrace.AWSXRay
	f.Trace, f.Span, f.Op = "xray_trace_id", "segment", "name"
	l := slog.New(f.NewJSONHandler(os.Stdout, &slog.HandlerOptions{ReplaceAttr: steady}))
	ctx, err := slogtrace.Carrier{Traceparent: "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"}.Context(context.Background())
	if err != nil {
		panic(err)
	}
	l.InfoContext(ctx, "paid")
	// Output:
	// {"level":"INFO","msg":"paid","xray_trace_id":"1-4bf92f35-77b34da6a3ce929d0e0e4736","segment":"00f067aa0ba902b7"}
}

// writeRarely logs the rare cases: a panic, the share of a sampler, a failure in a trace that is not sampled,
// attributes of the context, and attributes of the user's under names of the schema.
func writeRarely(h slog.Handler) {
	tracer := slogtrace.NewTracer(h, &slogtrace.TracerOptions{Sampler: slogtrace.Ratio(0.9999), AddSource: true})
	ctx, root := tracer.Start(context.Background(), "root", slogtrace.KindServer, slog.String("error", "mine"), slog.Int("seats", 1))
	ctx, err := slogtrace.WithBaggage(slogtrace.With(ctx, slog.String("tenant", "acme")), "user", "17")
	if err != nil {
		panic(err)
	}
	func() {
		defer func() { _ = recover() }()
		_, span := slogtrace.Start(ctx, "inner")
		defer span.End()
		time.Sleep(time.Millisecond)
		panic("boom")
	}()
	slog.New(h).InfoContext(ctx, "m", "error", "mine", "duration_ms", 3, "start", "x", "parent", "q", slog.Group("g", "trace", 1))
	root.End()
	tracer = slogtrace.NewTracer(h, &slogtrace.TracerOptions{Sampler: slogtrace.Ratio(0)})
	_, span := tracer.Start(context.Background(), "unsampled")
	span.Fail(errors.New("bad"))
	span.End()
}

// The rare cases are read back from each preset too, including the user's attributes, with the source or without.
func TestPresetReadBackRare(t *testing.T) {
	read := func(open func(io.Writer) slog.Handler) (entries []tracelog.Entry, attrs []map[string]string) {
		var b bytes.Buffer
		synctest.Test(t, func(t *testing.T) {
			n := uint64(0)
			defer ids.SetSource(func() uint64 { n++; return n * 0x9e3779b97f4a7c15 })()
			writeRarely(open(&b))
		})
		_, err := tracelog.Scan(&b, "", func(e tracelog.Entry) {
			m := map[string]string{}
			for _, a := range e.Attrs() {
				m[a.Key] = a.Text()
			}
			attrs = append(attrs, m)
			if e.Stack != "" {
				e.Stack = "*"
			}
			e.Line, e.Raw, e.Level, e.Schema = 0, nil, "", ""
			entries = append(entries, e)
		})
		if err != nil {
			t.Fatal(err)
		}
		return entries, attrs
	}
	for _, source := range []bool{false, true} {
		entries, attrs := read(func(w io.Writer) slog.Handler {
			return slogtrace.NewJSONHandler(w, &slog.HandlerOptions{AddSource: source})
		})
		if len(entries) != 4 || entries[0].Stack == "" || entries[2].SampleRate != 0.9999 || !entries[3].Unsampled || attrs[1]["tenant"] != "acme" {
			t.Fatalf("of the project's own schema: %+v, %v", entries, attrs)
		}
		for _, p := range presets {
			for name, open := range map[string]func(w io.Writer) slog.Handler{
				"JSONHandler": func(w io.Writer) slog.Handler {
					return p.NewJSONHandler(w, &slog.HandlerOptions{AddSource: source})
				},
				"Handler": func(w io.Writer) slog.Handler {
					return p.NewHandler(slog.NewJSONHandler(w, &slog.HandlerOptions{AddSource: source, ReplaceAttr: p.ReplaceAttr}))
				},
			} {
				gotEntries, gotAttrs := read(open)
				if kind, ok := gotAttrs[0]["error.kind"]; ok && p.name == "Datadog" {
					gotAttrs[0]["error.type"] = kind
					delete(gotAttrs[0], "error.kind")
				}
				if diff := cmp.Diff(entries, gotEntries) + cmp.Diff(attrs, gotAttrs); diff != "" {
					t.Errorf("%s, %s, source %v: -own schema +preset:\n%s", p.name, name, source, diff)
				}
			}
		}
	}
}
