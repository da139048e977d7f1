package tracelog

import (
	"cmp"
	"slices"
	"strings"
	"time"
)

// An ErrorGroup groups failures with the same op and the same folded message.
type ErrorGroup struct {
	Op      string
	Message string // folded, see [Fold]
	Example string // the first failure's error, cut off after 1000 bytes

	Count    int     // how many spans
	Weighted float64 // the sum of their [Span.Weight]: an estimate of how many there were before sampling

	// First and Last are when the first and the last of them ended. They are zero if none has a time.
	First time.Time
	Last  time.Time

	// Peers are the services that failed client spans called, see [Span.Peer]: the first 3 that were added.
	Peers []string

	// Traces are the ids of traces with such a failure: the first 3 that were added.
	Traces []string
}

const (
	maxErrorGroups = 10_000 // of an [ErrorGrouper]
	maxExamples    = 3      // of [ErrorGroup.Traces]
	maxExample     = 1000   // bytes of [ErrorGroup.Example]
	maxRepeated    = 4000   // bytes of an error that are searched for another error
)

// An ErrorGrouper groups the failures of traces that are added one by one. The zero value is empty. It keeps at most
// 10,000 groups. Failures that would make more are only counted in Dropped. It is not safe for concurrent use.
//
// A failure counts once, where it happened. A failed span does not count if its error repeats that of a failed span
// below it, as "charge: card declined" repeats "card declined". An error repeats another if it contains all of its
// text (in its last or its first 4000 bytes), or if it has no text. "Below" means the next failed span on a way down,
// whatever is between. An ancestor with a different error counts as well: it failed in its own way.
type ErrorGrouper struct {
	Dropped int

	groups map[[2]string]*ErrorGroup
}

// Add adds a trace's failures. The order in which traces are added affects the examples only.
func (g *ErrorGrouper) Add(t *Trace) {
	if t.Errors == 0 {
		return
	}
	repeats := repeating(t)
	for _, s := range t.All() {
		if s.Failed && !repeats[s] {
			g.add(t, s)
		}
	}
}

// repeating returns the failed spans whose error repeats that of a span below.
func repeating(t *Trace) map[*Span]bool {
	repeats := make(map[*Span]bool)
	var above []*Span // by depth: the span there if it failed, else the nearest failed one above it
	for depth, s := range t.All() {
		above = above[:depth]
		var nearest *Span
		if depth > 0 {
			nearest = above[depth-1]
		}
		if s.Failed {
			if nearest != nil && repeatsError(nearest.Error, s.Error) {
				repeats[nearest] = true
			}
			nearest = s
		}
		above = append(above, nearest)
	}
	return repeats
}

func repeatsError(above, below string) bool {
	switch {
	case above == "":
		return true
	case below == "" || len(below) > len(above):
		return false
	case strings.HasSuffix(above, below): // as wrapped errors do
		return true
	case len(above) > maxRepeated:
		return len(below) <= maxRepeated &&
			(strings.Contains(above[:maxRepeated], below) || strings.Contains(above[len(above)-maxRepeated:], below))
	}
	return strings.Contains(above, below)
}

func (g *ErrorGrouper) add(t *Trace, s *Span) {
	key := [2]string{s.Op, Fold(s.Error)}
	group := g.groups[key]
	if group == nil {
		if len(g.groups) >= maxErrorGroups {
			g.Dropped++
			return
		}
		if g.groups == nil {
			g.groups = make(map[[2]string]*ErrorGroup)
		}
		// A copy, so that the rest of a long error is not kept in memory.
		example := strings.Clone(s.Error[:min(len(s.Error), maxExample)])
		group = &ErrorGroup{Op: s.Op, Message: key[1], Example: strings.ToValidUTF8(example, "")}
		g.groups[key] = group
	}
	group.Count++
	group.Weighted += s.Weight
	at := s.End
	switch {
	case !at.IsZero():
	case s.EndRecord != nil:
		at = s.EndRecord.Time
	case s.StartRecord != nil:
		at = s.StartRecord.Time
	default:
		if e := s.errorLine(); e != nil {
			at = e.Time
		}
	}
	if !at.IsZero() {
		if group.First.IsZero() || at.Before(group.First) {
			group.First = at
		}
		if at.After(group.Last) {
			group.Last = at
		}
	}
	if peer := s.Peer(); peer != "" && len(group.Peers) < maxExamples && !slices.Contains(group.Peers, peer) {
		group.Peers = append(group.Peers, strings.Clone(peer[:min(len(peer), maxExample)]))
	}
	if len(group.Traces) < maxExamples && !slices.Contains(group.Traces, t.ID) {
		group.Traces = append(group.Traces, t.ID)
	}
}

// Groups returns the groups so far, ordered by number of failures, most first, then by op and message.
func (g *ErrorGrouper) Groups() []ErrorGroup {
	all := make([]ErrorGroup, 0, len(g.groups))
	for _, group := range g.groups {
		all = append(all, *group)
		all[len(all)-1].Traces = slices.Clone(group.Traces)
		all[len(all)-1].Peers = slices.Clone(group.Peers)
	}
	slices.SortFunc(all, func(a, b ErrorGroup) int {
		return cmp.Or(cmp.Compare(b.Count, a.Count), strings.Compare(a.Op, b.Op), strings.Compare(a.Message, b.Message))
	})
	return all
}
