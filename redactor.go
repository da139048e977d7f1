package slogtrace

import (
	"context"
	"log/slog"
	"reflect"
	"slices"
	"sync"

	"github.com/slogtrace/slogtrace/internal/errtype"
	"github.com/slogtrace/slogtrace/internal/jsontext"
	"github.com/slogtrace/slogtrace/internal/w3c"
)

// A redactor knows what to replace, and by what.
type redactor struct {
	keys        *keyNames
	errorKeys   *keyNames // of strings that are the texts of errors; nil unless those are read
	text        string    // the replacement
	replacement []byte    // it, as JSON
	cardNumbers bool
	reads       bool // strings
	minds       bool // what errors say
	hidesErrors bool // the errors of spans, as a whole
	hidesStacks bool
	types       sync.Map // the typeInfo of a reflect.Type
}

func newRedactor(opts *RedactOptions) *redactor {
	x := &redactor{keys: newKeyNames(opts.Keys), text: opts.Replacement, cardNumbers: opts.Cards}
	if !opts.NoDefaults {
		x.keys.add(defaultRedactKeys, keyName{hides: hidesAll})
		x.keys.add(defaultStringKeys, keyName{hides: hidesStrings})
		x.keys.add(defaultWholeKeys, keyName{hides: hidesStrings, whole: true})
	}
	if x.text == "" {
		x.text = redactedText
	}
	x.replacement = jsontext.AppendString(nil, x.text)
	if opts.Errors {
		x.errorKeys = newKeyNames([]string{"error", "err"})
	}
	x.reads = opts.Errors || opts.Cards
	x.hidesErrors = x.keys.judge(defaultFormat.Error) != shown
	x.hidesStacks = x.keys.judge(defaultFormat.Stack) != shown
	x.minds = x.reads || x.hidesErrors || x.hidesStacks
	return x
}

// passes reports whether it is plain that there is nothing to replace in attrs.
func (x *redactor) passes(attrs []slog.Attr) bool {
	for i := range attrs {
		if a := &attrs[i]; !x.isPlainAttr(a) && !x.passesAttr(a) {
			return false
		}
	}
	return true
}

// passesRecord is passes for the attributes of r.
func (x *redactor) passesRecord(r *slog.Record) bool {
	passes := true
	r.Attrs(func(a slog.Attr) bool {
		passes = x.passesAttr(&a)
		return passes
	})
	return passes
}

// isPlainRecord reports whether each attribute of r has a key that is known to be plain and a value that may be passed on,
// where no strings are read. Most records are such, and this is the least work: the compiler makes it one loop.
func (x *redactor) isPlainRecord(r *slog.Record) bool {
	plain := true
	r.Attrs(func(a slog.Attr) bool {
		plain = x.keys.isPlain(a.Key) && isScalar(a.Value.Kind())
		return plain
	})
	return plain
}

// isPlainAttr reports whether a is one of those that passesAttr says yes to with the least work, which are most.
func (x *redactor) isPlainAttr(a *slog.Attr) bool {
	return x.keys.isPlain(a.Key) && isScalar(a.Value.Kind()) && !x.reads
}

// isScalar reports whether a value of this kind is nothing but itself: a string, a number, a boolean or a time.
func isScalar(k slog.Kind) bool { return slog.KindBool <= k && k <= slog.KindUint64 }

// isNumber reports whether a value of this kind is a number, a boolean or a time.
func isNumber(k slog.Kind) bool { return isScalar(k) && k != slog.KindString }

func (x *redactor) passesEnv(e *env) bool {
	if e == nil {
		return true
	}
	if b := e.baggage(); b != nil {
		for i := range b.members { // some of them may stand on no record
			if x.keys.has(b.members[i].Key()) {
				return false
			}
		}
	}
	return x.passes(e.attrs)
}

func (x *redactor) passesAttr(a *slog.Attr) bool {
	if h := x.keys.of(a.Key); h != shown {
		return h == hidesStrings && isNumber(a.Value.Kind())
	}
	switch a.Value.Kind() {
	case slog.KindString:
		return !x.reads || !x.cardNumbers && !x.errorKeys.has(a.Key)
	case slog.KindGroup:
		if !x.passes(a.Value.Group()) {
			return false
		}
	case slog.KindLogValuer:
		return false
	case slog.KindAny:
		if v := a.Value.Any(); v != nil && x.typeInfo(reflect.TypeOf(v)).has(mayHold) {
			return false
		}
	}
	return true
}

// eachAttr returns what one makes of attrs, which it does not change, and whether that is anything else.
func eachAttr(attrs []slog.Attr, one func(slog.Attr) (slog.Attr, bool)) (_ []slog.Attr, changed bool) {
	for i, a := range attrs {
		a, c := one(a)
		if !c {
			continue
		}
		if !changed {
			attrs, changed = slices.Clone(attrs), true
		}
		attrs[i] = a
	}
	return attrs, changed
}

// attr returns a without secrets, and whether that is something else. a is nested depth deep.
func (x *redactor) attr(a slog.Attr, depth int) (_ slog.Attr, changed bool) {
	if h := x.keys.of(a.Key); h != shown {
		return x.hide(a, h, depth)
	}
	if depth > maxRedactDepth {
		return slog.Attr{Key: a.Key, Value: tooDeep}, true
	}
	switch a.Value.Kind() {
	case slog.KindString:
		s := a.Value.String()
		clean := s
		if x.errorKeys != nil && x.errorKeys.has(a.Key) {
			clean = x.pairs(clean)
		}
		if x.cardNumbers {
			clean, _ = x.cards(clean)
		}
		if clean != s {
			return slog.String(a.Key, clean), true
		}
	case slog.KindGroup:
		if group, changed := eachAttr(a.Value.Group(), func(a slog.Attr) (slog.Attr, bool) { return x.attr(a, depth+1) }); changed {
			return slog.Attr{Key: a.Key, Value: slog.GroupValue(group...)}, true
		}
	case slog.KindLogValuer:
		switch v := a.Value.Any().(type) {
		case link:
			return a, false
		case *userAttr:
			// Handlers of ours will look for it.
			if inner, changed := x.attr(slog.Attr(*v), depth+1); changed {
				u := userAttr(inner)
				return slog.Attr{Key: a.Key, Value: slog.AnyValue(&u)}, true
			}
			return a, false
		}
		a.Value = a.Value.Resolve()
		a, _ = x.attr(a, depth+1)
		return a, true
	case slog.KindAny:
		if v, changed := x.any(a.Value.Any(), depth); changed {
			return slog.Attr{Key: a.Key, Value: v}, true
		}
	}
	return a, false
}

// hide returns a, whose key says h, with its value replaced: each of them, where a is a group without a name.
// An empty group stays one. Of a value that is not a string hidesStrings replaces the strings in it.
func (x *redactor) hide(a slog.Attr, h hiding, depth int) (_ slog.Attr, changed bool) {
	if depth > maxRedactDepth {
		return slog.Attr{Key: a.Key, Value: tooDeep}, true
	}
	switch kind := a.Value.Kind(); kind {
	case slog.KindLogValuer:
		if v, ok := a.Value.Any().(*userAttr); ok {
			inner, changed := x.hide(slog.Attr(*v), max(h, x.keys.of(v.Key)), depth+1)
			if !changed {
				return a, false
			}
			u := userAttr(inner)
			return slog.Attr{Key: a.Key, Value: slog.AnyValue(&u)}, true
		}
		if a.Key == "" || h == hidesStrings {
			a.Value = a.Value.Resolve()
			a, _ = x.hide(a, h, depth+1)
			return a, true
		}
	case slog.KindGroup:
		if a.Key == "" || h == hidesStrings {
			group, changed := eachAttr(a.Value.Group(), func(a slog.Attr) (slog.Attr, bool) {
				return x.hide(a, max(h, x.keys.of(a.Key)), depth+1)
			})
			return slog.Attr{Key: a.Key, Value: slog.GroupValue(group...)}, changed
		}
		if len(a.Value.Group()) == 0 {
			return a, false
		}
	case slog.KindString:
		if a.Value.String() == x.text {
			return a, false
		}
	case slog.KindAny:
		v := a.Value.Any()
		if v == nil && (a.Key == "" || h == hidesStrings) {
			return a, false
		}
		if h == hidesStrings {
			return x.hideStrings(a, v, depth)
		}
	default:
		if h == hidesStrings {
			return a, false
		}
	}
	return slog.String(a.Key, x.text), true
}

// hideStrings returns a, whose value v is, with the strings in it replaced.
func (x *redactor) hideStrings(a slog.Attr, v any, depth int) (_ slog.Attr, changed bool) {
	switch t := reflect.TypeOf(v); {
	case isNumberKind(t.Kind()) && !x.typeInfo(t).printer && !x.typeInfo(t).marshals:
		return a, false
	case t.Implements(errorType): // handlers print its text
		return slog.String(a.Key, x.text), true
	}
	clean, _ := x.rewrite(v, true, hidesStrings, depth)
	if clean.Kind() == slog.KindString && clean.String() != x.text && clean.String() != tooDeep.String() { // what went wrong
		return slog.String(a.Key, x.text), true
	}
	return slog.Attr{Key: a.Key, Value: clean}, true
}

// errorText returns what err says without secrets, and whether that is something else.
func (x *redactor) errorText(err error) (_ string, changed bool) {
	if !x.reads {
		return "", false
	}
	text := errtype.Text(err)
	clean := text
	if x.errorKeys != nil {
		clean = x.pairs(clean)
	}
	if x.cardNumbers {
		clean, _ = x.cards(clean)
	}
	return clean, clean != text
}

// context returns ctx, of which c is what it says, with the attributes of With and the baggage without secrets.
func (x *redactor) context(ctx context.Context, c *current) context.Context {
	if e := x.env(c.env); e != c.env {
		return &scopeContext{Context: ctx, env: e, span: c.span, remote: c.remote}
	}
	return ctx
}

// env returns e, or a copy of it without secrets.
func (x *redactor) env(e *env) *env {
	if e == nil {
		return nil
	}
	one := func(a slog.Attr) (slog.Attr, bool) { return x.attr(a, 0) }
	attrs, changed := eachAttr(e.attrs, one)
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
func (x *redactor) baggage(b *baggage) (_ *baggage, changed bool) {
	if b == nil {
		return nil, false
	}
	members := b.members
	for i, m := range b.members {
		a, c := x.attr(slog.String(m.Key(), m.Value), 0)
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
func (x *redactor) span(s *Span) *Span {
	whole := s
	if !s.is(ended) { // somebody else's handler may have kept the record of its beginning for a while
		s = s.snapshot()
	}
	attrs, changed := eachAttr(s.attrs, func(a slog.Attr) (slog.Attr, bool) { return x.attr(a, 0) })
	e := x.env(s.env)
	r := s.rare.Load()
	err, stack := error(nil), ""
	if r != nil && s.is(ended) {
		var c bool
		err, c = x.spanError(r.err)
		if stack = r.stack; stack != "" && x.hidesStacks {
			stack = x.text
		}
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

// spanError returns err, or what is to be said instead of it.
func (x *redactor) spanError(err error) (_ error, changed bool) {
	if err == nil {
		return nil, false
	}
	if x.hidesErrors {
		return &redactedError{x.text}, true
	}
	if text, changed := x.errorText(err); changed {
		return &redactedError{text}, true
	}
	return err, false
}
