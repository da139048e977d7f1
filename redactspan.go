package slogtrace

import (
	"context"
	"log/slog"
	"reflect"
	"slices"

	"github.com/slogtrace/slogtrace/internal/redact"
	"github.com/slogtrace/slogtrace/internal/w3c"
)

// A redactor is an engine that knows contexts and spans too.
type redactor struct{ *redact.Redactor }

var (
	_ redact.Kept    = link{}
	_ redact.Wrapper = (*userAttr)(nil)
)

// newRedactor returns a redactor for a handler that takes the reserved keys for itself.
func newRedactor(opts *RedactOptions, reserved func(key string) bool) redactor {
	o := redact.Options{
		Keys: opts.Keys, NoDefaults: opts.NoDefaults, Cards: opts.Cards, Errors: opts.Errors, Replacement: opts.Replacement,
		ErrorKey: defaultFormat.Error, StackKey: defaultFormat.Stack, Secret: reflect.TypeFor[Secret](), Reserved: reserved,
	}
	if o.Replacement == "" {
		o.Replacement = redactedText
	}
	return redactor{redact.New(o)}
}

// passesEnv reports whether it is plain that there is nothing to replace in e.
func (x redactor) passesEnv(e *env) bool {
	if e == nil {
		return true
	}
	if b := e.baggage(); b != nil {
		for i := range b.members { // some of them may stand on no record
			if x.Hides(b.members[i].Key()) != redact.Shown {
				return false
			}
		}
	}
	return x.Passes(e.attrs)
}

// context returns ctx, of which c is what it says, with the attributes of With and the baggage without secrets.
func (x redactor) context(ctx context.Context, c *current) context.Context {
	if e := x.env(c.env); e != c.env {
		return &scopeContext{Context: ctx, env: e, span: c.span, remote: c.remote}
	}
	return ctx
}

// env returns e, or a copy of it without secrets.
func (x redactor) env(e *env) *env {
	if e == nil {
		return nil
	}
	attrs, changed := redact.EachAttr(e.attrs, x.Attr)
	b, bagChanged := x.baggage(e.baggage())
	if !changed && !bagChanged {
		return e
	}
	e2 := *e
	e2.attrs = attrs
	if e.bag != nil {
		e2.bag = &bag{b, e.bag.with}
	}
	return &e2
}

// baggage returns b, or a copy of it without secrets.
func (x redactor) baggage(b *baggage) (_ *baggage, changed bool) {
	if b == nil {
		return nil, false
	}
	members := b.members
	for i, m := range b.members {
		a, c := x.Attr(slog.String(m.Key(), m.Value))
		if !c {
			continue
		}
		if !changed {
			members, changed = slices.Clone(members), true
		}
		clean, err := w3c.NewMember(m.Key(), a.Value.String())
		if err != nil { // a Replacement that is no text
			clean, _ = w3c.NewMember(m.Key(), redactedText)
		}
		members[i] = clean
	}
	if !changed {
		return b, false
	}
	return newBaggage(members, w3c.JoinMembers(members)), true
}

// span returns s, or a copy of it without secrets, to take its place in s's own record.
func (x redactor) span(s *Span) *Span {
	whole := s
	if !s.is(ended) { // somebody else's handler may have kept the record of its beginning for a while
		s = s.snapshot()
	}
	attrs, changed := redact.EachAttr(s.attrs, x.Attr)
	e := x.env(s.env)
	r := s.rare.Load()
	err, stack := error(nil), ""
	if r != nil && s.is(ended) {
		var c bool
		err, c = x.Error(r.err)
		stack = x.Stack(r.stack)
		changed = changed || c || stack != r.stack
	}
	if !changed && e == s.env {
		return whole
	}
	clean := s
	if clean == whole {
		clean = s.snapshot()
	}
	clean.env, clean.attrs = e, attrs
	if x := clean.rare.Load(); x != nil {
		x.err, x.stack = err, stack
	}
	return clean
}
