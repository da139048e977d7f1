package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/slogtrace/slogtrace"
	"github.com/slogtrace/slogtrace/tracetest"
)

// entering translates the context for a handler that knows spans of another make. It does nothing else.
type entering struct {
	slog.Handler
	enter func(context.Context, slogtrace.SpanContext) context.Context
}

func (h entering) in(ctx context.Context) context.Context {
	if sc := slogtrace.SpanContextFromContext(ctx); sc.IsValid() {
		return h.enter(ctx, sc)
	}
	return ctx
}

func (h entering) Enabled(ctx context.Context, l slog.Level) bool {
	return h.Handler.Enabled(h.in(ctx), l)
}

func (h entering) Handle(ctx context.Context, r slog.Record) error {
	return h.Handler.Handle(h.in(ctx), r)
}

func (h entering) WithAttrs(attrs []slog.Attr) slog.Handler {
	return entering{h.Handler.WithAttrs(attrs), h.enter}
}

func (h entering) WithGroup(name string) slog.Handler {
	return entering{h.Handler.WithGroup(name), h.enter}
}

// check returns what the kit says about a handler of j.
func (j *judged) check() error {
	return tracetest.CheckHandler(func(w io.Writer) slog.Handler {
		h := j.open(w, &slog.HandlerOptions{AddSource: true})
		if j.enter != nil {
			h = entering{h, j.enter}
		}
		return h
	})
}

// compare says what is to be changed in j to agree with what the kit said.
func (j *judged) compare(kit error) []string {
	violations := map[string]string{}
	var order []string
	if joined, ok := kit.(interface{ Unwrap() []error }); ok {
		for _, err := range joined.Unwrap() {
			v, ok := errors.AsType[*tracetest.Violation](err)
			if !ok {
				return []string{fmt.Sprintf("want a Violation, got %v", err)}
			}
			violations[v.Rule] = v.Detail
			order = append(order, v.Rule)
		}
	}
	var list []string
	change := func(format string, args ...any) {
		list = append(list, j.name+" "+fmt.Sprintf(format, args...))
	}
	stated := map[string]bool{}
	state := func(rule string) {
		if stated[rule] {
			change("has the rule %q twice: once is enough", rule)
		}
		stated[rule] = true
	}
	for _, f := range j.findings {
		if len(f.rules) == 0 || len(f.rules) != len(f.shows) {
			change("has a finding with %d rules, and shows %d: want one for each: %s", len(f.rules), len(f.shows), f.text)
			continue
		}
		for i, rule := range f.rules {
			state(rule)
			switch detail, broken := violations[rule]; {
			case !broken:
				change("keeps the rule %q now: take it out of the finding %q, or the finding out", rule, f.text)
			case !strings.Contains(detail, f.shows[i]):
				change("breaks the rule %q otherwise than the finding %q says: want %q in: %s", rule, f.text, f.shows[i], detail)
			}
		}
	}
	for _, o := range j.notPromised {
		state(o.rule)
		if _, broken := violations[o.rule]; !broken {
			change("keeps the rule %q now: take it out of what it does not promise", o.rule)
		}
	}
	for _, rule := range order {
		if !stated[rule] {
			change("breaks the rule %q, of which findings.go says nothing: add a finding, or why nobody could ask for it: %s", rule, violations[rule])
		}
	}
	return list
}

// What is said about the handlers is what they do.
func TestFindings(t *testing.T) {
	for _, j := range handlers() {
		t.Run(j.name, func(t *testing.T) {
			if (j.open == nil) != (j.unjudged != "") || j.open == nil && len(j.findings)+len(j.notPromised) > 0 {
				t.Fatalf("want a handler, or why there is none: %+v", j)
			}
			if j.open == nil {
				return
			}
			if j.start != nil {
				stop, err := j.start()
				if err != nil {
					t.Fatal(err)
				}
				defer stop()
			}
			kit := j.check()
			t.Logf("the kit:\n%v", kit)
			for _, change := range j.compare(kit) {
				t.Error(change)
			}
		})
	}
}

// No finding is owed to the handler that translates the context.
func TestEntering(t *testing.T) {
	same := func(ctx context.Context, _ slogtrace.SpanContext) context.Context { return ctx }
	tracetest.TestHandler(t, func(w io.Writer) slog.Handler { return entering{slogtrace.NewJSONHandler(w, nil), same} })
}

// A handler that becomes better, worse, or wrong in another way, and one that stays as it is.
func TestFindingsCompare(t *testing.T) {
	j := &judged{
		name:        "x",
		findings:    []finding{{rules: []string{"siblings", "slogtest"}, shows: []string{"mixed up", "missing"}, text: "it errs"}},
		notPromised: []omission{{"op", "a reason"}},
	}
	violation := func(rule, detail string) error { return &tracetest.Violation{Rule: rule, Detail: detail} }
	siblings, slogtest, op := violation("siblings", "they are mixed up"), violation("slogtest", "a key is missing"), violation("op", "none")
	for _, test := range []struct {
		name string
		kit  error
		want []string
	}{
		{"the same", errors.Join(siblings, slogtest, op), nil},
		{"better", errors.Join(slogtest, op), []string{
			`x keeps the rule "siblings" now: take it out of the finding "it errs", or the finding out`,
		}},
		{"sound", nil, []string{
			`x keeps the rule "siblings" now: take it out of the finding "it errs", or the finding out`,
			`x keeps the rule "slogtest" now: take it out of the finding "it errs", or the finding out`,
			`x keeps the rule "op" now: take it out of what it does not promise`,
		}},
		{"worse", errors.Join(siblings, slogtest, op, violation("returns", "it panics")), []string{
			`x breaks the rule "returns", of which findings.go says nothing: add a finding, or why nobody could ask for it: it panics`,
		}},
		{"otherwise", errors.Join(violation("siblings", "one is lost"), slogtest, op), []string{
			`x breaks the rule "siblings" otherwise than the finding "it errs" says: want "mixed up" in: one is lost`,
		}},
	} {
		t.Run(test.name, func(t *testing.T) {
			if diff := cmp.Diff(test.want, j.compare(test.kit)); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
}

// Whatever makes lines with a *slog.Logger is judged, and what has rows is listed.
func TestFindingsOfTools(t *testing.T) {
	for _, job := range jobs() {
		for _, tool := range job.tools {
			// J2 makes no log lines, nor do its like.
			if h := job.handlerOf(tool); (h != nil) != (tool.slog && job.want.lines > 0) {
				t.Errorf("%s: %s: want footnotes where a slog handler writes lines, and only there", job.name, tool.name)
			}
			if tool.slog != (tool.judged != nil) {
				t.Errorf("%s: %s: want a judged handler where there is a slog.Logger, and only there", job.name, tool.name)
			}
			if tool.judged != nil && !slices.Contains(handlers(), tool.judged) {
				t.Errorf("%s: %s: its handler is not in the list", job.name, tool.name)
			}
		}
	}
	for _, j := range handlers() {
		if j.module != "" && !slices.ContainsFunc(peers, func(p peer) bool { return slices.Contains(p.modules, j.module) }) {
			t.Errorf("%s: %s is no peer's module", j.name, j.module)
		}
	}
}

// Findings are footnotes of the rows whose lines the handler writes, and of no others.
func TestFindingsInTable(t *testing.T) {
	r := result{
		Handlers: []handlerResult{
			{Name: "good", Version: "v1.0.0"},
			{Name: "bad", Version: "v1.2.3", Findings: []findingResult{{[]string{"siblings", "slogtest"}, "it errs"}, {[]string{"ids"}, "it has none"}}},
			{Name: "silent", Version: "v0.1.0", Unjudged: "it writes nothing"},
			{Name: "unmeasured", Version: "v2.0.0", Findings: []findingResult{{[]string{"lines"}, "it writes two"}}},
		},
		Jobs: []jobResult{{Name: "J", Rows: []rowResult{
			{Subject: "good, LogAttrs", Handler: "good", Note: "a note"}, {Subject: "bad, LogAttrs", Handler: "bad", Note: "a note"},
			{Subject: "bad without lines"}, {Subject: "silent", Handler: "silent"},
		}}},
	}
	text := r.markdown()
	for _, want := range []string{
		"| good, LogAttrs [4]      |", "| bad, LogAttrs [1][2][4] |", "| bad without lines       |", "| silent [3]              |",
		"\n1. bad v1.2.3: it errs (kit: siblings, slogtest).\n2. bad v1.2.3: it has none (kit: ids).\n" +
			"3. silent v0.1.0: not judged by the kit: it writes nothing.\n4. a note\n",
		"\nJudged, but not measured:\n\n- unmeasured v2.0.0: it writes two (kit: lines).\n",
		"\n- the kit, tracetest.CheckHandler, judges the slog handlers. Notes at their rows describe what they get wrong. It finds nothing wrong in: good\n",
	} {
		if !strings.Contains(text, want) {
			t.Errorf("want %q in\n%s", want, text)
		}
	}
}
