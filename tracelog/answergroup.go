package tracelog

import (
	"encoding/json"
	"slices"
	"strings"
	"time"
)

// Attr returns the first attribute of the span that has the key; where there is none the key is a path, as for [Entry.Attr].
func (s *Span) Attr(key string) (json.RawMessage, bool) {
	members := make([]member, 0, 16)
	for _, a := range s.Attrs {
		members = append(members, member{key: []byte(a.Key), value: a.Value})
	}
	return lookup(members, key)
}

// GroupBy returns what spans are grouped by: "op", "service" and "kind" ("internal" where a span has none)
// mean those; any other name an attribute, see [Span.Attr], as [Attr.Text] has it. An attribute that is called "op",
// "service" or "kind" is meant by "attr.op" and so on. What a span does not have is "".
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

// A StatGroup is the statistics of the spans with one key.
type StatGroup struct {
	Key  string
	Stat Stat
}

// GroupStats returns statistics of the spans of traces that have ended, a group for each key, in order of the keys.
// What is measured of a span is up to the caller: its Duration, or its [SelfTime]; nil is Duration.
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
			g.Stat.Add(d, s.Failed, s.Weight())
		}
	}
	groups := make([]*StatGroup, 0, len(byKey))
	for _, g := range byKey {
		groups = append(groups, g)
	}
	slices.SortFunc(groups, func(a, b *StatGroup) int { return strings.Compare(a.Key, b.Key) })
	return groups
}
