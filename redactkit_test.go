package slogtrace_test

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"os"
	"testing"

	"github.com/slogtrace/slogtrace"
	"github.com/slogtrace/slogtrace/tracetest"
)

// A passHandler is a handler of another package. It passes on copies.
type passHandler struct{ slog.Handler }

func (h passHandler) Handle(ctx context.Context, r slog.Record) error {
	return h.Handler.Handle(ctx, r.Clone())
}
func (h passHandler) WithAttrs(attrs []slog.Attr) slog.Handler {
	return passHandler{h.Handler.WithAttrs(attrs)}
}
func (h passHandler) WithGroup(name string) slog.Handler {
	return passHandler{h.Handler.WithGroup(name)}
}

// The kit's rules hold wherever a redact handler stands.
func TestRedactHandlerKit(t *testing.T) {
	redact := func(next slog.Handler) slog.Handler { return slogtrace.NewRedactHandler(next, nil) }
	// Without Cards: the kit has a handler that makes strings of the ids, and one span id in 20,000 is a card number.
	all := func(next slog.Handler) slog.Handler {
		return slogtrace.NewRedactHandler(next, &slogtrace.RedactOptions{Keys: []string{"customer email"}, Errors: true})
	}
	ours := func(w io.Writer) slog.Handler { return slogtrace.NewJSONHandler(w, nil) }
	slogs := func(w io.Writer) slog.Handler { return slog.NewJSONHandler(w, nil) }
	wrap := func(h slog.Handler) slog.Handler { return slogtrace.NewHandler(h) }
	pass := func(h slog.Handler) slog.Handler { return passHandler{h} }
	for name, mk := range map[string]func(io.Writer) slog.Handler{
		"redact(JSON)":                     func(w io.Writer) slog.Handler { return redact(ours(w)) },
		"all(JSON)":                        func(w io.Writer) slog.Handler { return all(ours(w)) },
		"redact(OTel JSON)":                func(w io.Writer) slog.Handler { return redact(slogtrace.OTel.NewJSONHandler(w, nil)) },
		"redact(Handler(slog))":            func(w io.Writer) slog.Handler { return redact(wrap(slogs(w))) },
		"all(Handler(slog))":               func(w io.Writer) slog.Handler { return all(wrap(slogs(w))) },
		"Handler(redact(slog))":            func(w io.Writer) slog.Handler { return wrap(redact(slogs(w))) },
		"Handler(all(slog))":               func(w io.Writer) slog.Handler { return wrap(all(slogs(w))) },
		"Handler(all(JSON))":               func(w io.Writer) slog.Handler { return wrap(all(ours(w))) },
		"OTel Handler(redact(JSON))":       func(w io.Writer) slog.Handler { return slogtrace.OTel.NewHandler(redact(ours(w))) },
		"redact(all(JSON))":                func(w io.Writer) slog.Handler { return redact(all(ours(w))) },
		"redact(pass(JSON))":               func(w io.Writer) slog.Handler { return redact(pass(ours(w))) },
		"all(pass(Handler(all(slog))))":    func(w io.Writer) slog.Handler { return all(pass(wrap(all(slogs(w))))) },
		"pass(all(JSON))":                  func(w io.Writer) slog.Handler { return pass(all(ours(w))) },
		"redact(Multi(JSON))":              func(w io.Writer) slog.Handler { return redact(slog.NewMultiHandler(ours(w))) },
		"Multi(redact(Handler(all(JSON)))": func(w io.Writer) slog.Handler { return slog.NewMultiHandler(redact(wrap(all(ours(w))))) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			tracetest.TestHandler(t, mk)
		})
	}
}

func ExampleNewRedactHandler() {
	withoutTime := func(_ []string, a slog.Attr) slog.Attr {
		if a.Key == slog.TimeKey || a.Key == slog.LevelKey {
			return slog.Attr{}
		}
		return a
	}
	sink := slogtrace.NewJSONHandler(os.Stdout, &slog.HandlerOptions{ReplaceAttr: withoutTime})
	log := slog.New(slogtrace.NewRedactHandler(sink, &slogtrace.RedactOptions{Keys: []string{"customer email"}, Cards: true}))

	log.Info("signed in", "customerEmail", "a@example.com", "headers", http.Header{"Authorization": {"Bearer abc"}, "Accept": {"*/*"}})
	log.Info("paid with 4111 1111 1111 1111", "amount", 129, "tokens_used", 3, slog.Group("card", "cvv", 123))
	// Output:
	// {"msg":"signed in","customerEmail":"[redacted]","headers":{"Accept":["*/*"],"Authorization":"[redacted]"}}
	// {"msg":"paid with [redacted]","amount":129,"tokens_used":3,"card":{"cvv":"[redacted]"}}
}

func ExampleSecret() {
	config := struct {
		User     string
		Password slogtrace.Secret
	}{"app", "hunter2"}
	fmt.Printf("%+v\n", config)
	fmt.Println(len(string(config.Password)))
	// Output:
	// {User:app Password:[redacted]}
	// 7
}
