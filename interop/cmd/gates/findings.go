package main

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"runtime"
	"slices"
	"strings"

	"github.com/slogtrace/slogtrace"
)

// A judged is a slog handler that tracetest.CheckHandler judges, the kit. What it gets wrong are footnotes of its rows.
// TestFindings compares what is said here with what the kit finds, in both directions.
type judged struct {
	name   string // as footnotes call it
	module string // whose version it is; "" is the standard library's, or ours

	// open returns the handler that is measured. It is nil for one that cannot be judged.
	open func(io.Writer, *slog.HandlerOptions) slog.Handler
	// enter returns ctx in a span as this handler knows one, with the ids of sc, which are those of ctx.
	// It is nil for a handler that takes nothing from a context.
	enter func(ctx context.Context, sc slogtrace.SpanContext) context.Context
	start func() (stop func(), err error) // what enter needs; may be nil

	findings []finding
	// notPromised says of rules that do not hold why nobody could ask that they do.
	notPromised []omission
	unjudged    string // why open is nil: a footnote too
}

// A finding is what a handler gets wrong.
type finding struct {
	rules []string // of the kit, that it breaks
	shows []string // for each of them, text that what the kit says of it contains
	text  string   // a sentence without its full stop
}

type omission struct{ rule, why string }

// What several of the handlers have in common.
const (
	noNames      = "it writes the ids, and does not say that it writes the name of the span"
	noContext    = "it takes nothing from a context: the ids are bound with With"
	knowsNobody  = "it cannot know that slogtrace's handler around it has written the same keys"
	knowsNoSpans = "it cannot know that slogtrace's records of spans bring the same keys along"
)

var (
	// judgedPlain has no findings, so those of the handlers around it are their own.
	judgedPlain = &judged{
		name:        "slog.JSONHandler",
		open:        func(w io.Writer, o *slog.HandlerOptions) slog.Handler { return slog.NewJSONHandler(w, o) },
		notPromised: []omission{{"ids", noContext}, {"op", noContext}},
	}

	judgedNaive = &judged{
		name:        "AddAttrs wrapper",
		open:        func(w io.Writer, o *slog.HandlerOptions) slog.Handler { return naiveHandler{slog.NewJSONHandler(w, o)} },
		enter:       enterNaive,
		findings:    addAttrsFindings("trace"),
		notPromised: []omission{{"span records", knowsNoSpans}, {"nested", knowsNobody}},
	}

	judgedOTel = &judged{
		name: "small handler for OpenTelemetry", module: "go.opentelemetry.io/otel",
		open:        func(w io.Writer, o *slog.HandlerOptions) slog.Handler { return otelHandler{slog.NewJSONHandler(w, o)} },
		enter:       enterOTel,
		findings:    addAttrsFindings("trace_id"),
		notPromised: []omission{{"op", noNames}},
	}

	judgedOtelslog = &judged{
		name: "otelslog", module: "go.opentelemetry.io/contrib/bridges/otelslog",
		unjudged: "it passes records on and writes no lines, and stdoutlog's JSON has the attributes in a list, not as members under their keys",
	}

	judgedPhuslu = &judged{
		name: "phuslu/log's slog handler", module: "github.com/phuslu/log",
		open: newPhusluSlog,
		findings: []finding{
			{
				rules: []string{"returns"},
				shows: []string{"panicked: runtime error: index out of range"},
				text:  "with a group open, With panics if all its attributes are empty groups",
			},
			{
				rules: []string{"lines"},
				shows: []string{"a line is not JSON"},
				text: "a record without attributes in an open group makes the logger forget that the group is open: " +
					"the lines after it lack braces and are not JSON",
			},
			{
				rules: []string{"siblings"},
				shows: []string{"two loggers derived from one are mixed up"},
				text:  "if two loggers are derived from one, the second can overwrite attributes that the first has bound",
			},
		},
		notPromised: []omission{{"ids", noContext}, {"op", noContext}},
	}

	judgedZerolog = &judged{
		name: "zerolog's slog handler", module: "github.com/rs/zerolog",
		open:  newZerologSlog,
		enter: enterNaive,
		findings: []finding{
			{
				rules: []string{"attributes", "slogtest"},
				shows: []string{`"d.a":1`, `missing group "G"`},
				text:  "it writes groups as members at the root with dotted keys",
			},
			collision("trace"),
		},
		notPromised: []omission{{"span records", knowsNoSpans}, {"nested", knowsNobody}},
	}

	judgedZap = &judged{
		name: "zapslog", module: "go.uber.org/zap/exp",
		open: newZapSlog,
		findings: []finding{{
			rules: []string{"inline groups"},
			shows: []string{`"d":{}`},
			text:  "With writes a group without members as {} instead of leaving it out",
		}},
		notPromised: []omission{{"ids", noContext}, {"op", noContext}},
	}

	judgedJSON = &judged{
		name: "slogtrace.JSONHandler",
		open: func(w io.Writer, o *slog.HandlerOptions) slog.Handler { return slogtrace.NewJSONHandler(w, o) },
	}

	judgedHandler = &judged{
		name: "slogtrace.Handler over slog.JSONHandler",
		open: func(w io.Writer, o *slog.HandlerOptions) slog.Handler {
			return slogtrace.NewHandler(slog.NewJSONHandler(w, o))
		},
	}
)

// addAttrsFindings are those of a handler that passes the record on with the ids added; trace is the key of the trace's.
func addAttrsFindings(trace string) []finding {
	return []finding{
		{
			rules: []string{"ids at the root", "slogtest"},
			shows: []string{"the trace id is in a group", "should not output groups if there are no attributes"},
			text:  "the ids are written into the open group, which so appears even if it has no other member",
		},
		collision(trace),
		{
			rules: []string{"record left alone"},
			shows: []string{"!BUG"},
			text:  `it adds to the record without Clone: a record of more than 5 attributes gets slog's "!BUG" when it is handled a second time`,
		},
	}
}

// collision is of a handler that has no other key for a user's attribute than the user.
func collision(trace string) finding {
	return finding{
		rules: []string{"colliding keys"},
		shows: []string{fmt.Sprintf("the key %q appears twice", trace)},
		text:  fmt.Sprintf("if the user has an attribute under the key of an id, such as %s, that key appears twice on the line", trace),
	}
}

// handlers returns all that are judged, or would be. Not all of them have rows.
func handlers() []*judged {
	list := []*judged{
		judgedJSON, judgedHandler, redactLines, redactRecords, tailLines, tailRecords, judgedPlain, judgedNaive, judgedOTel, judgedOtelslog, judgedDatadog, judgedPhuslu, judgedZerolog, judgedZap,
	}
	for _, t := range presetTools {
		list = append(list, t.judged)
	}
	return slices.DeleteFunc(list, func(j *judged) bool { return j == nil }) // not each exists on each system
}

// A handlerResult is what the kit has to say about a slog handler.
type handlerResult struct {
	Name     string          `json:"name"`
	Module   string          `json:"module,omitempty"`
	Version  string          `json:"version"`
	Findings []findingResult `json:"findings"`
	Unjudged string          `json:"unjudged,omitempty"`
}

type findingResult struct {
	Rules []string `json:"rules"`
	Text  string   `json:"text"`
}

// result returns what is said about j, with the version that versions has for its module.
func (j *judged) result(versions map[string]string) handlerResult {
	r := handlerResult{Name: j.name, Module: j.module, Version: versions[j.module], Findings: []findingResult{}, Unjudged: j.unjudged}
	if j.module == "" {
		r.Version = runtime.Version()
	}
	for _, f := range j.findings {
		r.Findings = append(r.Findings, findingResult{f.rules, f.text})
	}
	return r
}

// notes returns what is to be said about the handler, a sentence each.
func (h *handlerResult) notes() []string {
	name := h.Name
	if h.Version != "" { // the binary of a test knows none
		name += " " + h.Version
	}
	var list []string
	for _, f := range h.Findings {
		list = append(list, name+": "+f.Text+" (kit: "+strings.Join(f.Rules, ", ")+").")
	}
	if h.Unjudged != "" {
		list = append(list, name+": not judged by the kit: "+h.Unjudged+".")
	}
	return list
}
