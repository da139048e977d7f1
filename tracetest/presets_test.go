package tracetest_test

import (
	"io"
	"log/slog"
	"testing"

	"github.com/slogtrace/slogtrace"
	"github.com/slogtrace/slogtrace/tracetest"
)

// Every preset keeps the rules: in our own sink, around another handler, and around one of ours.
func TestCheckHandlerPresets(t *testing.T) {
	custom := slogtrace.AWSXRay
	custom.Trace, custom.Op, custom.Time, custom.Message = "xray_trace_id", "what", "ts", "text"
	for name, f := range map[string]slogtrace.Format{
		"OTel":         slogtrace.OTel,
		"Datadog":      slogtrace.Datadog,
		"GoogleCloud":  slogtrace.GoogleCloud("my-project"),
		"ECS":          slogtrace.ECS,
		"Honeycomb":    slogtrace.Honeycomb,
		"NewRelic":     slogtrace.NewRelic,
		"Axiom":        slogtrace.Axiom,
		"VictoriaLogs": slogtrace.VictoriaLogs,
		"AWSXRay":      slogtrace.AWSXRay,
		"custom":       custom,
	} {
		for arrangement, newHandler := range map[string]func(io.Writer) slog.Handler{
			"JSONHandler": func(w io.Writer) slog.Handler { return f.NewJSONHandler(w, nil) },
			"JSONHandler with source": func(w io.Writer) slog.Handler {
				return f.NewJSONHandler(w, &slog.HandlerOptions{AddSource: true})
			},
			"JSONHandler with ReplaceAttr": func(w io.Writer) slog.Handler {
				return f.NewJSONHandler(w, &slog.HandlerOptions{AddSource: true, ReplaceAttr: func(_ []string, a slog.Attr) slog.Attr { return a }})
			},
			"Handler": func(w io.Writer) slog.Handler { return f.NewHandler(slog.NewJSONHandler(w, nil)) },
			"Handler with ReplaceAttr": func(w io.Writer) slog.Handler {
				return f.NewHandler(slog.NewJSONHandler(w, &slog.HandlerOptions{ReplaceAttr: f.ReplaceAttr}))
			},
			"Handler over its own JSONHandler":     func(w io.Writer) slog.Handler { return f.NewHandler(f.NewJSONHandler(w, nil)) },
			"Handler over the default JSONHandler": func(w io.Writer) slog.Handler { return f.NewHandler(slogtrace.NewJSONHandler(w, nil)) },
		} {
			t.Run(name+"/"+arrangement, func(t *testing.T) {
				t.Parallel()
				tracetest.TestHandler(t, newHandler)
			})
		}
	}
}
