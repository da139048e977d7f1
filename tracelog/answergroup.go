package tracelog

import (
	"encoding/json"
	"slices"
	"strings"
	"time"
)

// Attr returns the first attribute of the span that has the key. If there is none, the key is a path, as for
// [Entry.Attr].
func (s *Span) Attr(key string) (json.RawMessage, bool) {
	members := make([]member, 0, 16)
	for _, a := range s.Attrs {
		members = append(members, member{key: []byte(a.Key), value: a.Value})
	}
	return lookup(members, key)
}

// GroupBy returns a function that returns the group of a span. The names "op", "service" and "kind" group by those; a
// span without a kind is in "internal". Any other name groups by an attribute, see [Span.Attr], as in [Attr.Text].
// For an attribute that is called "op", "service" or "kind", use "attr.op" and so on. A missing value is "".
func GroupBy(name string) func(*Span) string {
	switch name {
	case "op":
		return func(s *Span) string { return s.Op }
	case "service":
		return func(s *Span) string { return s.Service }
	case "kind":
		return func(s *Span) string {
			if s.Kind == "" {
				return "internal"
			}
			return s.Kind
		}
	}
	plainName, isAttr := strings.CutPrefix(name, "attr.")
	return func(s *Span) string {
		v, ok := s.Attr(name)
		if !ok && isAttr {
			v, _ = s.Attr(plainName)
		}
		return Attr{Value: v}.Text()
	}
}

// A StatGroup holds the statistics of the spans with one key.
type StatGroup struct {
	Key  string
	Stat Stat

	// Start is when the group's interval begins, if [GroupOptions.Every] is set. It is zero without Every, and for the spans
	// whose start is not known.
	Start time.Time
}

// GroupStats returns statistics of the spans of traces that have ended, a group for each key, in order of the keys.
// The function measure returns what to measure of a span: its Duration or its [SelfTime]. Nil means Duration.
func GroupStats(traces []*Trace, key func(*Span) string, measure func(*Span) time.Duration) []*StatGroup {
	byKey := make(map[string]*StatGroup)
	for _, t := range traces {
		for _, s := range t.All() {
			if s.State != Ended {
				continue
			}
			k := key(s)
			g := byKey[k]
			if g == nil {
				g = &StatGroup{Key: k}
				byKey[k] = g
			}
			d := s.Duration
			if measure != nil {
				d = measure(s)
			}
			g.Stat.Add(d, s.Failed, s.Weight)
		}
	}
	groups := make([]*StatGroup, 0, len(byKey))
	for _, g := range byKey {
		groups = append(groups, g)
	}
	slices.SortFunc(groups, func(a, b *StatGroup) int { return strings.Compare(a.Key, b.Key) })
	return groups
}
