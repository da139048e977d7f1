package slogtrace

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"strings"
	"testing"
)

// FuzzRedactHandler plants a secret somewhere in what a random program logs through random handlers.
// It must not come out, and what stands beside it must.
func FuzzRedactHandler(f *testing.F) {
	for seed := range uint64(300) {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, seed uint64) {
		p := &planter{Rand: rand.New(rand.NewPCG(seed, 1))}
		p.run(t)
	})
}

const (
	planted     = "hush4hush"
	plantedCard = "5555 5555 5555 4444"
	inTheOpen   = "seen4seen"
)

// A planter writes a random program. What it did is in trail.
type planter struct {
	*rand.Rand
	opts  RedactOptions
	trail []string
	tails []*TailHandler
}

func (p *planter) note(format string, args ...any) {
	p.trail = append(p.trail, fmt.Sprintf(format, args...))
}

func (p *planter) run(t *testing.T) {
	p.opts = RedactOptions{Cards: p.IntN(3) == 0, Errors: p.IntN(2) == 0}
	var b bytes.Buffer
	h := p.chain(&b)
	tracer := NewTracer(h, &TracerOptions{LogStart: p.IntN(3) == 0})
	l := slog.New(h)
	ctx := context.Background()
	if p.IntN(4) == 0 {
		ctx = ContextWithRemoteSpanContext(ctx, SpanContext{TraceID: TraceID{1}, SpanID: SpanID{2}, Flags: FlagSampled})
	}
	var spans []*Span
	named := false // a group is open whose name says that it is secret
	for range 2 + p.IntN(8) {
		switch p.IntN(10) {
		case 0:
			ctx = With(ctx, p.attrs()...)
		case 9:
			if len(spans) > 0 { // lines of it may be held
				s := spans[p.IntN(len(spans))]
				s.SetAttrs(p.attrs()...)
				s.SetOp(p.pick("renamed", "op"))
				if p.IntN(4) == 0 {
					s.End()
				}
			}
		case 1:
			key := strings.NewReplacer(" ", "-", "é", "e").Replace(p.secretKey())
			var err error
			if ctx, err = WithBaggage(ctx, key, planted); err != nil {
				t.Fatal(err)
			}
			p.note("baggage %s", key)
		case 2, 3:
			var s *Span
			ctx, s = tracer.Start(ctx, "op", p.attrs()...)
			spans = append(spans, s)
			if p.IntN(2) == 0 {
				s.SetAttrs(p.attrs()...)
			}
			if p.IntN(3) == 0 {
				s.Fail(p.err())
			}
		case 4:
			l = l.With(anys(p.attrsInGroup(named))...)
		case 5:
			name := p.pick("g", "trace", "token", "h")
			p.note("group %s", name)
			l = l.WithGroup(name)
			named = named || name == "token"
		default:
			l.LogAttrs(ctx, slog.LevelInfo, p.message(), p.attrsInGroup(named)...)
		}
	}
	l.LogAttrs(ctx, slog.LevelInfo, inTheOpen, p.attrs()...)
	for _, s := range spans {
		s.End()
	}
	for _, tail := range p.tails {
		if err := tail.Close(); err != nil {
			t.Fatal(err)
		}
	}
	out := b.String()
	for _, secret := range []string{planted, base64.StdEncoding.EncodeToString([]byte(planted))} {
		if strings.Contains(out, secret) {
			t.Fatalf("%s\n%s", strings.Join(p.trail, "\n"), out)
		}
	}
	if p.opts.Cards && (strings.Contains(out, plantedCard) || strings.Contains(out, strings.ReplaceAll(plantedCard, " ", ""))) {
		t.Fatalf("card: %s\n%s", strings.Join(p.trail, "\n"), out)
	}
	if !strings.Contains(out, inTheOpen) {
		t.Fatalf("nothing: %s\n%s", strings.Join(p.trail, "\n"), out)
	}
}

func anys(attrs []slog.Attr) (list []any) {
	for _, a := range attrs {
		list = append(list, a)
	}
	return list
}

func (p *planter) pick(list ...string) string { return list[p.IntN(len(list))] }

func (p *planter) message() string {
	if p.opts.Cards && p.IntN(3) == 0 {
		return "paid with " + plantedCard
	}
	return "m"
}

// chain returns handlers in a random order, a redact handler among them.
func (p *planter) chain(w io.Writer) slog.Handler {
	var h slog.Handler
	switch p.IntN(4) {
	case 0:
		h = NewJSONHandler(w, nil)
		p.note("JSONHandler")
	case 1:
		f := p.format()
		h = f.NewJSONHandler(w, nil)
		p.note("JSONHandler of %+v", f)
	case 2:
		h = slog.NewJSONHandler(w, nil)
		p.note("slog.JSONHandler")
	default:
		h = slog.NewTextHandler(w, nil)
		p.note("slog.TextHandler")
	}
	n := p.IntN(4)
	at := p.IntN(n + 1)
	for i := range n + 1 {
		if i == at {
			opts := p.opts
			h = NewRedactHandler(h, &opts)
			p.note("redact %+v", p.opts)
			continue
		}
		switch p.IntN(8) {
		case 0, 1:
			h = NewHandler(h)
			p.note("Handler")
		case 2:
			f := p.format()
			h = f.NewHandler(h)
			p.note("Handler of %+v", f)
		case 5, 6:
			opts := TailOptions{Share: []float64{0, 0.5, 1}[p.IntN(3)], MaxRootBytes: []int{0, 1, 2000}[p.IntN(3)]}
			tail := NewTailHandler(h, &opts)
			h, p.tails = tail, append([]*TailHandler{tail}, p.tails...)
			p.note("tail %+v", opts)
		case 3:
			h = &stampHandler{h}
			p.note("stamp")
		case 4:
			h = &rebuildHandler{h}
			p.note("rebuild")
		default:
			h = slog.NewMultiHandler(h)
			p.note("multi")
		}
	}
	return h
}

func (p *planter) format() Format {
	return []Format{OTel, Datadog, GoogleCloud("p"), ECS, Honeycomb, NewRelic, Axiom, VictoriaLogs, AWSXRay}[p.IntN(9)]
}

func (p *planter) secretKey() string {
	return p.pick("password", "Password", "api_key", "X-Api-Key", "apiKey", "access_token", "Authorization", "SET-COOKIE", "clientSecret", "db.password", "card_number", "CVV")
}

func (p *planter) attrs() []slog.Attr {
	var attrs []slog.Attr
	for range p.IntN(4) {
		attrs = append(attrs, p.attr(0))
	}
	p.note("attrs %#v", attrs)
	return attrs
}

// attrsInGroup is attrs for a logger; in a group that is secret by its name there is a secret under any key.
func (p *planter) attrsInGroup(named bool) []slog.Attr {
	attrs := p.attrs()
	if named {
		attrs = append(attrs, slog.String("note", planted), slog.Group("", slog.Any("a", []string{planted})))
	}
	return attrs
}

// attr returns an attribute that has the secret somewhere, or none.
func (p *planter) attr(depth int) slog.Attr {
	open := p.pick("user", "amount", "trace", "op", "error", "note", "booking_reference")
	if depth > 3 || p.IntN(4) == 0 {
		return slog.String(open, inTheOpen)
	}
	switch p.IntN(9) {
	case 0:
		return slog.String(p.secretKey(), planted)
	case 1:
		return slog.Any(p.secretKey(), p.value(depth))
	case 2:
		return slog.Group(p.pick("g", "", "trace"), p.attr(depth+1), p.attr(depth+1))
	case 3:
		a := p.attr(depth + 1)
		return slog.Any(a.Key, valuerOf(a.Value))
	case 4:
		a := p.attr(depth + 1)
		return slog.Any(p.pick("g", "", "span"), valuerOf(slog.GroupValue(a)))
	case 5:
		if p.opts.Cards {
			return slog.String(open, "card "+plantedCard)
		}
	case 6:
		return slog.Any(p.pick("err", "cause"), p.err())
	case 7:
		return slog.Any("x", Secret(planted))
	}
	return slog.Any(open, p.value(depth+1))
}

func (p *planter) err() error {
	text := "failed"
	if p.opts.Errors {
		text += " " + p.pick("password=", "api key: ", `{"token":"`, "?secret=", "postgres://u:", "Authorization: Bearer ") + planted + p.pick("@h", `" x`, "\" @", "&\"@x")
		if strings.Contains(text, "://") {
			text = "failed postgres://u:" + planted + "@h/x"
		}
	}
	if p.opts.Cards {
		text += " " + plantedCard
	}
	return fmt.Errorf("wrapped: %w", errors.New(text))
}

type plantedStruct struct {
	Name   string
	Inner  any
	Token  string
	Hidden Secret
	Other  []string `json:"api_key,omitempty"`
}

type plantedQuiet struct {
	Name     string
	password string
	inner    any
	secrets  []Secret
}

type plantedText struct{ password string }

func (plantedText) MarshalText() ([]byte, error) { return []byte(inTheOpen), nil }

// value returns a value with the secret under a key.
func (p *planter) value(depth int) any {
	if depth > 4 {
		return inTheOpen
	}
	switch p.IntN(14) {
	case 0:
		return map[string]any{p.secretKey(): planted, "a": p.value(depth + 1)}
	case 1:
		return map[string]string{p.secretKey(): planted, "a": inTheOpen}
	case 2:
		return plantedStruct{inTheOpen, p.value(depth + 1), planted, planted, []string{planted}}
	case 3:
		return &plantedStruct{Name: inTheOpen, Inner: p.value(depth + 1), Token: planted}
	case 4:
		return plantedQuiet{Name: inTheOpen, password: planted, inner: p.value(depth + 1), secrets: []Secret{planted}}
	case 5:
		return []any{p.value(depth + 1), p.value(depth + 1)}
	case 6:
		return http.Header{p.secretKey(): {planted}, "Accept": {inTheOpen}}
	case 7:
		return json.RawMessage(fmt.Sprintf(`{"a":[{%q:{"b":%q}}]}`, p.secretKey(), planted))
	case 8:
		return []plantedQuiet{{password: planted}}
	case 9:
		return map[string]any{p.secretKey(): []byte(planted)}
	case 10:
		return []any{slog.String(p.secretKey(), planted), slog.GroupValue(slog.String(p.secretKey(), planted)), plantedText{planted}}
	case 11:
		return map[any]any{p.secretKey(): planted}
	case 12:
		if p.opts.Cards {
			return []any{plantedCard, map[string]any{plantedCard: []byte(plantedCard)}, struct{ c string }{plantedCard}}
		}
	}
	return p.err()
}
