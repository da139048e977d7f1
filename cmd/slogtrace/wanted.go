package main

import (
	"fmt"
	"math"
	"regexp"
	"strconv"
	"strings"

	"github.com/slogtrace/slogtrace/tracelog"
)

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
