package slogtrace

import (
	"log/slog"
	"slices"

	"github.com/slogtrace/slogtrace/internal/redact"
)

// An attrSet is a list of attributes, each key once, in the order in which the keys came.
// It may contain several attributes without a key.
type attrSet struct {
	attrs []slog.Attr
	index map[string]int // the index of each key; nil while there are few attributes
}

// maxUnindexed is the largest number of attributes that are searched one by one. Up to it that is faster than a map.
const maxUnindexed = 32

// add adds attrs. If a key appears more than once, the last one counts and takes the first one's place.
// Inline groups are flattened, and empty attributes are left out.
func (s *attrSet) add(attrs []slog.Attr) {
	for _, a := range attrs {
		if a.Key == "" {
			switch a.Value.Kind() {
			case slog.KindGroup:
				s.add(a.Value.Group())
				continue
			case slog.KindAny:
				if a.Value.Any() == nil {
					continue
				}
			}
		}
		if i := s.find(a.Key); i >= 0 {
			s.attrs[i] = a
			continue
		}
		if s.index != nil && a.Key != "" {
			s.index[a.Key] = len(s.attrs)
		}
		s.attrs = append(s.attrs, a)
	}
}

// find returns the index of the attribute with the given key, or -1.
func (s *attrSet) find(key string) int {
	if key == "" {
		return -1
	}
	if len(s.attrs) <= maxUnindexed {
		for i := range s.attrs {
			if s.attrs[i].Key == key {
				return i
			}
		}
		return -1
	}
	if s.index == nil {
		s.index = make(map[string]int, 2*len(s.attrs))
		for i, a := range s.attrs {
			if a.Key != "" {
				s.index[a.Key] = i
			}
		}
	}
	if i, ok := s.index[key]; ok {
		return i
	}
	return -1
}

// mergeAttrs adds attrs to dst. dst must have each key once; mergeAttrs may change it.
func mergeAttrs(dst, attrs []slog.Attr) []slog.Attr {
	s := attrSet{attrs: dst}
	s.add(attrs)
	return s.attrs
}

// appendRecord appends the attributes of r.
func appendRecord(attrs []slog.Attr, r *slog.Record) []slog.Attr {
	r.Attrs(func(a slog.Attr) bool {
		attrs = append(attrs, a)
		return true
	})
	return attrs
}

func isEmptyAttr(a slog.Attr) bool {
	switch a.Value.Kind() {
	case slog.KindAny:
		return a.Key == "" && a.Value.Any() == nil
	case slog.KindGroup:
		return !slices.ContainsFunc(a.Value.Group(), func(a slog.Attr) bool { return !isEmptyAttr(a) })
	}
	return false
}

// hasRootKey reports whether attrs contain key at the root of a line.
func hasRootKey(attrs []slog.Attr, key string) bool {
	for _, a := range attrs {
		if a.Key == key && key != "" && !isEmptyAttr(a) {
			return true
		}
		if a.Key == "" && a.Value.Kind() == slog.KindGroup && hasRootKey(a.Value.Group(), key) {
			return true
		}
	}
	return false
}

// appendRootKeys appends the keys that attrs have at the root of a line.
func appendRootKeys(keys []string, attrs []slog.Attr) []string {
	for _, a := range attrs {
		if isEmptyAttr(a) {
			continue
		}
		if a.Key != "" {
			if !slices.Contains(keys, a.Key) {
				keys = append(keys, a.Key)
			}
		} else if a.Value.Kind() == slog.KindGroup {
			keys = appendRootKeys(keys, a.Value.Group())
		}
	}
	return keys
}

// resolveInline returns attrs with those LogValuers resolved that may become inline groups,
// so that their root keys are known. It does not change attrs.
func resolveInline(attrs []slog.Attr) []slog.Attr {
	if !slices.ContainsFunc(attrs, hidesInline) {
		return attrs
	}
	// A copy, also so that attrs can stay off the heap.
	out := slices.Clone(attrs)
	resolveInlineInPlace(out)
	return out
}

func resolveInlineInPlace(attrs []slog.Attr) {
	for i := range attrs {
		a := &attrs[i]
		if isInlineValuer(*a) {
			a.Value = a.Value.Resolve()
		}
		if hidesInline(*a) {
			group := slices.Clone(a.Value.Group())
			resolveInlineInPlace(group)
			a.Value = slog.GroupValue(group...)
		}
	}
}

// hidesInline reports whether a is an inline LogValuer, or an inline group that contains one.
func hidesInline(a slog.Attr) bool {
	if a.Key == "" && a.Value.Kind() == slog.KindGroup {
		return slices.ContainsFunc(a.Value.Group(), hidesInline)
	}
	return isInlineValuer(a)
}

func isInlineValuer(a slog.Attr) bool {
	if a.Key != "" || a.Value.Kind() != slog.KindLogValuer {
		return false
	}
	_, stays := a.Value.Any().(unresolved)
	return !stays
}

// An unresolved is a LogValuer of ours that would lose its meaning if it were resolved before a handler sees it.
type unresolved interface{ unresolved() }

// A userAttr is the value of a span's attribute whose key is reserved. The attribute itself has its new key,
// for other handlers. Handlers of ours, which rename by their own Format, find the user's attribute in it.
type userAttr slog.Attr

func (a *userAttr) LogValue() slog.Value { return a.Value }

// Unwrap and Rewrap make a *userAttr a [redact.Wrapper].
func (a *userAttr) Unwrap(redact.Ours) slog.Attr { return slog.Attr(*a) }

// Rewrap returns a with another attribute in it.
func (a *userAttr) Rewrap(_ redact.Ours, inner slog.Attr) slog.LogValuer {
	u := userAttr(inner)
	return &u
}

// original returns a as the user wrote it.
func original(a slog.Attr) slog.Attr {
	if a.Value.Kind() == slog.KindLogValuer {
		if u, ok := a.Value.Any().(*userAttr); ok {
			return slog.Attr(*u)
		}
	}
	return a
}

// setRecordAttrs replaces the attributes of r with attrs. r may share memory with other records.
func setRecordAttrs(r *slog.Record, attrs ...[]slog.Attr) {
	*r = slog.NewRecord(r.Time, r.Level, r.Message, r.PC)
	for _, some := range attrs {
		r.AddAttrs(some...)
	}
}

// isNothing reports whether attrs contain only empty groups.
func isNothing(attrs []slog.Attr) bool {
	return !slices.ContainsFunc(attrs, func(a slog.Attr) bool {
		return a.Value.Kind() != slog.KindGroup || len(a.Value.Group()) > 0
	})
}

func sourceAttrs(src *slog.Source) []slog.Attr {
	attrs := make([]slog.Attr, 0, 3)
	if src.Function != "" {
		attrs = append(attrs, slog.String("function", src.Function))
	}
	if src.File != "" {
		attrs = append(attrs, slog.String("file", src.File))
	}
	if src.Line != 0 {
		attrs = append(attrs, slog.Int("line", src.Line))
	}
	return attrs
}
