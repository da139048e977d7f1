package main

import (
	"errors"
	"fmt"
	"iter"
	"math"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/slogtrace/slogtrace/tracelog"
	"github.com/slogtrace/slogtrace/tracelog/draw"
)

// shortest is how many characters of a trace's id are shown at least.
const shortest = 8

var (
	xrayPrefix  = regexp.MustCompile(`^1-([0-9a-f]{1,8})(?:-([0-9a-f]{0,24}))?$`)
	traceparent = regexp.MustCompile(`^[0-9a-f]{2}-([0-9a-f]{32})-[0-9a-f]{16}-[0-9a-f]{2}$`)
)

// A wanted is an id, or the beginning of one, as the user gives it: also in a form that a backend shows.
type wanted struct {
	text  string
	forms []string // in small letters: of the whole id, or of its beginning
	half  string   // the last 16 digits, of which Datadog shows the decimal number; else ""
}

func newWanted(text string) wanted {
	w := wanted{text: text}
	lower := strings.ToLower(text)
	for _, id := range tracelog.TraceIDs(text) {
		w.forms = append(w.forms, strings.ToLower(id))
	}
	if m := traceparent.FindStringSubmatch(lower); m != nil {
		w.forms = append(w.forms, m[1])
	}
	if m := xrayPrefix.FindStringSubmatch(lower); m != nil {
		w.forms = append(w.forms, m[1]+m[2])
	}
	if n, err := strconv.ParseUint(text, 10, 64); err == nil && n > math.MaxUint32 { // less is more likely a beginning
		w.half = fmt.Sprintf("%016x", n)
	}
	return w
}

// match says whether an id is the one wanted, or may be.
func (w *wanted) match(id string) (is, may bool) {
	id = strings.ToLower(id)
	if w.half != "" && (len(id) == 16 || len(id) == 32) && strings.HasSuffix(id, w.half) {
		return true, true
	}
	for _, form := range w.forms {
		is = is || id == form
		may = may || strings.HasPrefix(id, form)
	}
	return is, is || may
}

// An ambiguousError lists the traces that an id's beginning may mean.
type ambiguousError struct {
	text   string
	ids    []string          // of all of them, in order
	traces []*tracelog.Trace // the first of them
}

func (e ambiguousError) Error() string {
	return fmt.Sprintf("trace %s: ambiguous, %d begin so", e.text, len(e.ids))
}

// mostCandidates is how many traces are listed that an id may mean.
const mostCandidates = 20

// tell tells of an error of find.
func (s *session) tell(err error) {
	s.Fail("%v", err)
	var ambiguous ambiguousError
	if !errors.As(err, &ambiguous) {
		return
	}
	short := shortIDs(ambiguous.ids, slices.Values(ambiguous.ids))
	for _, t := range ambiguous.traces {
		fmt.Fprintf(s.stderr, "  %s  %s  %s\n", draw.Text(short(t.ID), 80), s.timestamp(t.Start), draw.Text(rootOp(t), 80))
	}
	if more := len(ambiguous.ids) - len(ambiguous.traces); more > 0 {
		fmt.Fprintf(s.stderr, "  … and %d more\n", more)
	}
}

// shortIDs returns a function that shortens one of ids, which are in order: to its shortest beginning, of eight characters
// at least, that no other one of all has.
func shortIDs(ids []string, all iter.Seq[string]) func(id string) string {
	lengths := make([]int, len(ids))
	tell := func(i int, other string) {
		lengths[i] = max(lengths[i], common(ids[i], other)+1)
	}
	for id := range all {
		// What has most in common with an id stands next to it.
		i, ok := slices.BinarySearch(ids, id)
		next := i
		if ok {
			next++
		}
		if i > 0 {
			tell(i-1, id)
		}
		if next < len(ids) {
			tell(next, id)
		}
	}
	return func(id string) string {
		n := len(id)
		if i, ok := slices.BinarySearch(ids, id); ok {
			n = max(shortest, lengths[i])
		}
		return cut(id, n)
	}
}

// cut returns the first n bytes of an id, and the rest of a rune that would be torn.
func cut(id string, n int) string {
	for n < len(id) && !utf8.RuneStart(id[n]) {
		n++
	}
	return id[:min(n, len(id))]
}

func common(a, b string) int {
	n := 0
	for n < len(a) && n < len(b) && a[n] == b[n] {
		n++
	}
	return n
}
