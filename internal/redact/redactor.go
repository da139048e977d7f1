// Package redact replaces secrets in attributes and in values of any type. A handler deals with contexts, spans and
// groups, and passes their attributes to a [Redactor].
package redact

import (
	"log/slog"
	"reflect"
	"slices"
	"sync"

	"github.com/slogtrace/slogtrace/internal/errtype"
	"github.com/slogtrace/slogtrace/internal/jsontext"
)

// Options are options for [New].
type Options struct {
	Keys       []string // names of keys whose values are replaced, in addition to the default ones
	NoDefaults bool     // leaves out the default names
	Cards      bool     // replaces card numbers too
	Errors     bool     // also replaces the values of named keys in the texts of errors

	Replacement string // what is written in place of a secret

	ErrorKey, StackKey string // the keys under which a span's record has its error and its stack

	// Secret is a type of strings that are always replaced, whatever their key is. No method of it is called. It may
	// be nil.
	Secret reflect.Type

	// Reserved reports whether the next handler reserves a key for itself. IsPlain returns false for such a key. It
	// may be nil.
	Reserved func(key string) bool
}

// A Redactor holds what to replace, and the replacement. It is safe for concurrent use.
type Redactor struct {
	keys            *keyNames
	errorKeys       *keyNames // of strings that are the texts of errors; nil unless those are inspected
	text            string    // the replacement
	replacement     []byte    // the replacement as JSON
	cardNumbers     bool
	inspectsStrings bool // under any key
	inspectsErrors  bool // errors and their stacks
	hidesErrors     bool // the errors of spans are replaced as a whole
	hidesStacks     bool
	secretType      reflect.Type
	types           sync.Map // the typeInfo of a reflect.Type
}

// New returns a Redactor with these options.
func New(opts Options) *Redactor {
	x := &Redactor{keys: newKeyNames(opts.Keys), text: opts.Replacement, cardNumbers: opts.Cards, secretType: opts.Secret}
	if !opts.NoDefaults {
		x.keys.add(defaultKeys, keyName{hides: hidesAll})
		x.keys.add(defaultStringKeys, keyName{hides: hidesStrings})
		x.keys.add(defaultWholeKeys, keyName{hides: hidesStrings, whole: true})
	}
	x.keys.reserved = opts.Reserved
	x.replacement = jsontext.AppendString(nil, x.text)
	if opts.Errors {
		x.errorKeys = newKeyNames([]string{"error", "err"})
	}
	x.inspectsStrings = opts.Errors || opts.Cards
	x.hidesErrors = x.keys.judge(opts.ErrorKey) != Shown
	x.hidesStacks = x.keys.judge(opts.StackKey) != Shown
	x.inspectsErrors = x.inspectsStrings || x.hidesErrors || x.hidesStacks
	return x
}

// InspectsStrings reports whether a string with a plain key may contain something to replace.
func (x *Redactor) InspectsStrings() bool { return x.inspectsStrings }

// InspectsMessages reports whether a message may contain something to replace.
func (x *Redactor) InspectsMessages() bool { return x.cardNumbers }

// InspectsErrors reports whether an error, or the stack beside it, may contain something to replace.
func (x *Redactor) InspectsErrors() bool { return x.inspectsErrors }

// Hides returns the Hiding of the value under key.
func (x *Redactor) Hides(key string) Hiding { return x.keys.of(key) }

// Passes reports whether there is certainly nothing to replace in attrs.
func (x *Redactor) Passes(attrs []slog.Attr) bool {
	for i := range attrs {
		if a := &attrs[i]; !x.isPlainAttr(a) && !x.PassesAttr(a) {
			return false
		}
	}
	return true
}

// PassesRecord is Passes for the attributes of r.
func (x *Redactor) PassesRecord(r *slog.Record) bool {
	passes := true
	r.Attrs(func(a slog.Attr) bool {
		passes = x.PassesAttr(&a)
		return passes
	})
	return passes
}

// IsPlainRecord reports whether each attribute of r has a key that is known to be plain and a value that may be
// passed on. Strings must not be inspected. Most records are such, and this is the fastest check: the compiler makes
// it one loop.
func (x *Redactor) IsPlainRecord(r *slog.Record) bool {
	plain := true
	r.Attrs(func(a slog.Attr) bool {
		plain = x.keys.isPlain(a.Key) && IsScalar(a.Value.Kind())
		return plain
	})
	return plain
}

// IsPlain reports whether key is known to be neither empty nor reserved, and not to affect its value.
func (x *Redactor) IsPlain(key string) bool { return x.keys.isPlain(key) }

// IsPlainWord is IsPlain for keys of 4 to 8 bytes. It returns false for others, and is inlined.
func (x *Redactor) IsPlainWord(key string) bool { return x.keys.isPlainWord(key) }

// MinKey returns the length of the shortest key that may affect its value.
func (x *Redactor) MinKey() int { return x.keys.min }

// isPlainAttr reports whether a is one of the attributes, which are most, that PassesAttr accepts with the least
// work.
func (x *Redactor) isPlainAttr(a *slog.Attr) bool {
	return x.keys.isPlain(a.Key) && IsScalar(a.Value.Kind()) && !x.inspectsStrings
}

// IsScalar reports whether a value of this kind has no parts: a string, a number, a boolean or a time.
func IsScalar(k slog.Kind) bool { return slog.KindBool <= k && k <= slog.KindUint64 }

// isNumber reports whether a value of this kind is a number, a boolean or a time.
func isNumber(k slog.Kind) bool { return IsScalar(k) && k != slog.KindString }

// PassesAttr is Passes for one attribute.
func (x *Redactor) PassesAttr(a *slog.Attr) bool {
	if h := x.keys.of(a.Key); h != Shown {
		return h == hidesStrings && isNumber(a.Value.Kind())
	}
	switch a.Value.Kind() {
	case slog.KindString:
		return !x.inspectsStrings || !x.cardNumbers && !x.errorKeys.has(a.Key)
	case slog.KindGroup:
		if !x.Passes(a.Value.Group()) {
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

// EachAttr applies one to each of attrs, and returns the results and whether any differs. It does not change attrs.
func EachAttr(attrs []slog.Attr, one func(slog.Attr) (slog.Attr, bool)) (_ []slog.Attr, changed bool) {
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

// Ours is an argument of methods that only this module can have, since users cannot name it. So none of their types
// is mistaken for one of ours.
type Ours struct{}

// A Kept is a LogValuer without secrets. It is kept as it is, since an inner handler looks for it.
type Kept interface {
	slog.LogValuer
	KeptByRedact(Ours)
}

// A Wrapper is a LogValuer that holds an attribute. An inner handler looks for it, so it is wrapped again if
// something is replaced in the attribute.
type Wrapper interface {
	slog.LogValuer
	Unwrap(Ours) slog.Attr
	Rewrap(Ours, slog.Attr) slog.LogValuer
}

// Attr returns a without secrets, and whether that differs from a.
func (x *Redactor) Attr(a slog.Attr) (_ slog.Attr, changed bool) { return x.attr(a, 0) }

// Hide returns a with its value replaced, and whether that differs from a. h is the Hiding of the names around a. It
// must not be [Shown].
func (x *Redactor) Hide(a slog.Attr, h Hiding) (_ slog.Attr, changed bool) {
	return x.hide(a, max(h, x.keys.of(a.Key)), 0)
}

// Message returns the message of a record without secrets.
func (x *Redactor) Message(s string) string {
	if x.cardNumbers {
		s, _ = x.cards(s)
	}
	return s
}

// Stack returns the replacement for the stack of a span, whose text is given.
func (x *Redactor) Stack(stack string) string {
	if stack != "" && x.hidesStacks {
		return x.text
	}
	return stack
}

// A redactedError replaces an error whose text had a secret in it. It does not unwrap to that error.
type redactedError struct{ text string }

func (e *redactedError) Error() string { return e.text }

// Error returns the error of a span, or its replacement, and whether that differs from err.
func (x *Redactor) Error(err error) (_ error, changed bool) {
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

// attr is Attr for an attribute at nesting depth depth.
func (x *Redactor) attr(a slog.Attr, depth int) (_ slog.Attr, changed bool) {
	if h := x.keys.of(a.Key); h != Shown {
		return x.hide(a, h, depth)
	}
	if depth > maxDepth {
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
		if group, changed := EachAttr(a.Value.Group(), func(a slog.Attr) (slog.Attr, bool) { return x.attr(a, depth+1) }); changed {
			return slog.Attr{Key: a.Key, Value: slog.GroupValue(group...)}, true
		}
	case slog.KindLogValuer:
		switch v := a.Value.Any().(type) {
		case Kept:
			return a, false
		case Wrapper:
			if inner, changed := x.attr(v.Unwrap(Ours{}), depth+1); changed {
				return slog.Attr{Key: a.Key, Value: slog.AnyValue(v.Rewrap(Ours{}, inner))}, true
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

// hide returns a with its value replaced. h is the Hiding of its key. In a group without a name each value is
// replaced. An empty group stays empty. With hidesStrings only the strings in a value are replaced.
func (x *Redactor) hide(a slog.Attr, h Hiding, depth int) (_ slog.Attr, changed bool) {
	if depth > maxDepth {
		return slog.Attr{Key: a.Key, Value: tooDeep}, true
	}
	switch kind := a.Value.Kind(); kind {
	case slog.KindLogValuer:
		if v, ok := a.Value.Any().(Wrapper); ok {
			inner := v.Unwrap(Ours{})
			inner, changed := x.hide(inner, max(h, x.keys.of(inner.Key)), depth+1)
			if !changed {
				return a, false
			}
			return slog.Attr{Key: a.Key, Value: slog.AnyValue(v.Rewrap(Ours{}, inner))}, true
		}
		if a.Key == "" || h == hidesStrings {
			a.Value = a.Value.Resolve()
			a, _ = x.hide(a, h, depth+1)
			return a, true
		}
	case slog.KindGroup:
		if a.Key == "" || h == hidesStrings {
			group, changed := EachAttr(a.Value.Group(), func(a slog.Attr) (slog.Attr, bool) {
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

// hideStrings returns a with the strings in its value v replaced.
func (x *Redactor) hideStrings(a slog.Attr, v any, depth int) (_ slog.Attr, changed bool) {
	switch t := reflect.TypeOf(v); {
	case isNumberKind(t.Kind()) && !x.typeInfo(t).printer && !x.typeInfo(t).marshals:
		return a, false
	case t.Implements(errorType): // handlers print its text
		return slog.String(a.Key, x.text), true
	}
	clean, _ := x.rewrite(v, true, hidesStrings, depth)
	if clean.Kind() == slog.KindString && clean.String() != x.text && clean.String() != tooDeep.String() { // an error text
		return slog.String(a.Key, x.text), true
	}
	return slog.Attr{Key: a.Key, Value: clean}, true
}

// errorText returns the text of err without secrets, and whether that differs from it.
func (x *Redactor) errorText(err error) (_ string, changed bool) {
	if !x.inspectsStrings {
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
