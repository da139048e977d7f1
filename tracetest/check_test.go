package tracetest_test

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"strings"
	"sync"
	"testing"

	"github.com/slogtrace/slogtrace"
	"github.com/slogtrace/slogtrace/tracetest"
)

// A passer embeds a handler and passes everything on.
type passer struct{ slog.Handler }

func (h passer) WithAttrs(attrs []slog.Attr) slog.Handler { return passer{h.Handler.WithAttrs(attrs)} }
func (h passer) WithGroup(name string) slog.Handler       { return passer{h.Handler.WithGroup(name)} }

// A stamper adds an attribute to each record that has one, so that an empty group stays empty.
type stamper struct{ slog.Handler }

func (h stamper) Handle(ctx context.Context, r slog.Record) error {
	some := false
	r.Attrs(func(a slog.Attr) bool { some = some || a.Key != ""; return true })
	if some {
		r = r.Clone()
		r.AddAttrs(slog.Int("stamp", 1))
	}
	return h.Handler.Handle(ctx, r)
}
func (h stamper) WithAttrs(attrs []slog.Attr) slog.Handler {
	return stamper{h.Handler.WithAttrs(attrs)}
}
func (h stamper) WithGroup(name string) slog.Handler { return stamper{h.Handler.WithGroup(name)} }

// A holder keeps the records of a trace until one of its spans ends, like a sampler that needs the outcome.
type holder struct {
	slog.Handler
	held *held
}

type held struct {
	mu      sync.Mutex
	records map[slogtrace.TraceID][]func() error
}

func (h holder) Handle(ctx context.Context, r slog.Record) error {
	sc := slogtrace.SpanContextFromContext(ctx)
	if !sc.IsSampled() {
		return h.Handler.Handle(ctx, r)
	}
	r = r.Clone()
	h.held.mu.Lock()
	defer h.held.mu.Unlock()
	records := append(h.held.records[sc.TraceID], func() error { return h.Handler.Handle(ctx, r) })
	if info, ok := slogtrace.SpanOf(r); ok && info.Ended {
		var errs []error
		for _, f := range records {
			errs = append(errs, f())
		}
		delete(h.held.records, sc.TraceID)
		return errors.Join(errs...)
	}
	h.held.records[sc.TraceID] = records
	return nil
}

func (h holder) WithAttrs(attrs []slog.Attr) slog.Handler {
	return holder{h.Handler.WithAttrs(attrs), h.held}
}
func (h holder) WithGroup(name string) slog.Handler { return holder{h.Handler.WithGroup(name), h.held} }

// A bearer handles each record as if there were baggage in its context.
type bearer struct{ slog.Handler }

func (h bearer) Handle(ctx context.Context, r slog.Record) error {
	for _, key := range []string{"tenant", "msg", "trace", "op", "attr.span", "error"} {
		var err error
		if ctx, err = slogtrace.WithBaggage(ctx, key, "borne"); err != nil {
			return err
		}
	}
	return h.Handler.Handle(ctx, r)
}
func (h bearer) WithAttrs(attrs []slog.Attr) slog.Handler {
	return bearer{h.Handler.WithAttrs(attrs)}
}
func (h bearer) WithGroup(name string) slog.Handler { return bearer{h.Handler.WithGroup(name)} }

func newHolder(h slog.Handler) slog.Handler {
	return holder{h, &held{records: make(map[slogtrace.TraceID][]func() error)}}
}

func slogJSON(w io.Writer) slog.Handler { return slog.NewJSONHandler(w, nil) }

func TestCheckHandlerOurs(t *testing.T) {
	googleNames := &slog.HandlerOptions{AddSource: true, ReplaceAttr: func(groups []string, a slog.Attr) slog.Attr {
		if len(groups) == 0 {
			switch a.Key {
			case slog.LevelKey:
				a.Key = "severity"
			case slog.MessageKey:
				a.Key = "message"
			case slog.TimeKey:
				a.Key = "@timestamp"
			}
		}
		return a
	}}
	replacing := &slog.HandlerOptions{Level: slog.LevelDebug, ReplaceAttr: func(groups []string, a slog.Attr) slog.Attr {
		switch {
		case len(groups) == 0 && a.Key == slog.LevelKey:
			a = slog.String("severity", strings.ToLower(a.Value.String()))
		case len(groups) == 0 && a.Key == "op":
			a.Value = slog.StringValue(a.Value.String()) // the same value, made in another way
		case a.Key == "password":
			a.Value = slog.StringValue("REDACTED")
		}
		return a
	}}
	traceAs := func(prefix string, form func(hex string) string) *slog.HandlerOptions {
		return &slog.HandlerOptions{ReplaceAttr: func(groups []string, a slog.Attr) slog.Attr {
			if len(groups) == 0 && a.Key == "trace" {
				a.Value = slog.StringValue(prefix + form(a.Value.String()))
			}
			return a
		}}
	}
	google := traceAs("projects/p/traces/", strings.ToUpper)
	xray := traceAs("1-", func(hex string) string { return hex[:8] + "-" + hex[8:] })
	for name, newHandler := range map[string]func(io.Writer) slog.Handler{
		"goas":                       newGoas(faults{}), // somebody else's
		"JSONHandler":                func(w io.Writer) slog.Handler { return slogtrace.NewJSONHandler(w, nil) },
		"JSONHandler renamed":        func(w io.Writer) slog.Handler { return slogtrace.NewJSONHandler(w, googleNames) },
		"OTel JSONHandler":           func(w io.Writer) slog.Handler { return slogtrace.OTel.NewJSONHandler(w, nil) },
		"Handler(slog JSON)":         func(w io.Writer) slog.Handler { return slogtrace.NewHandler(slogJSON(w)) },
		"Handler(slog JSON renamed)": func(w io.Writer) slog.Handler { return slogtrace.NewHandler(slog.NewJSONHandler(w, googleNames)) },
		"OTel Handler(slog JSON)":    func(w io.Writer) slog.Handler { return slogtrace.OTel.NewHandler(slogJSON(w)) },
		"Handler(JSONHandler)": func(w io.Writer) slog.Handler {
			return slogtrace.NewHandler(slogtrace.NewJSONHandler(w, nil))
		},
		"OTel Handler(JSONHandler)": func(w io.Writer) slog.Handler {
			return slogtrace.OTel.NewHandler(slogtrace.NewJSONHandler(w, nil))
		},
		"Handler(MultiHandler)": func(w io.Writer) slog.Handler {
			return slogtrace.NewHandler(slog.NewMultiHandler(slogtrace.OTel.NewJSONHandler(io.Discard, nil), slogJSON(w)))
		},
		"MultiHandler(Handler, JSONHandler)": func(w io.Writer) slog.Handler {
			return slog.NewMultiHandler(slogtrace.NewHandler(slogJSON(io.Discard)), slogtrace.NewJSONHandler(w, nil))
		},
		"Handler(stamper(slog JSON))": func(w io.Writer) slog.Handler { return slogtrace.NewHandler(stamper{slogJSON(w)}) },
		"stamper(JSONHandler)":        func(w io.Writer) slog.Handler { return stamper{slogtrace.NewJSONHandler(w, nil)} },
		"holder(JSONHandler)":         func(w io.Writer) slog.Handler { return newHolder(slogtrace.NewJSONHandler(w, nil)) },
		"Handler(holder(slog JSON))":  func(w io.Writer) slog.Handler { return slogtrace.NewHandler(newHolder(slogJSON(w))) },
		"Handler(Handler(passer(Handler(slog JSON))))": func(w io.Writer) slog.Handler {
			return slogtrace.NewHandler(slogtrace.NewHandler(passer{slogtrace.NewHandler(slogJSON(w))}))
		},
		"MultiHandler(MultiHandler(OTel JSONHandler))": func(w io.Writer) slog.Handler {
			return slog.NewMultiHandler(slog.NewMultiHandler(slogtrace.OTel.NewJSONHandler(w, nil)))
		},
		"Handler(slog JSON) bound": func(w io.Writer) slog.Handler {
			return slogtrace.NewHandler(slogJSON(w)).WithAttrs([]slog.Attr{slog.String("service", "booking")})
		},
		"JSONHandler as Google's":          func(w io.Writer) slog.Handler { return slogtrace.NewJSONHandler(w, google) },
		"Handler as X-Ray's":               func(w io.Writer) slog.Handler { return slogtrace.NewHandler(slog.NewJSONHandler(w, xray)) },
		"JSONHandler that replaces":        func(w io.Writer) slog.Handler { return slogtrace.NewJSONHandler(w, replacing) },
		"Handler(slog JSON that replaces)": func(w io.Writer) slog.Handler { return slogtrace.NewHandler(slog.NewJSONHandler(w, replacing)) },
		"passer(Handler(slog JSON))":       func(w io.Writer) slog.Handler { return passer{slogtrace.NewHandler(slogJSON(w))} },
		"bearer(JSONHandler)":              func(w io.Writer) slog.Handler { return bearer{slogtrace.NewJSONHandler(w, nil)} },
		"bearer(Handler(slog JSON))":       func(w io.Writer) slog.Handler { return bearer{slogtrace.NewHandler(slogJSON(w))} },
		"bearer(OTel Handler(slog JSON))":  func(w io.Writer) slog.Handler { return bearer{slogtrace.OTel.NewHandler(slogJSON(w))} },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			tracetest.TestHandler(t, newHandler)
		})
	}
}
