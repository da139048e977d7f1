package query

import (
	"fmt"
	"math"
	"regexp"
	"strconv"
	"strings"
	"sync"

	"github.com/slogtrace/slogtrace/tracelog"
)

var (
	xrayPrefix  = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`^1-([0-9a-f]{1,8})(?:-([0-9a-f]{0,24}))?$`) })
	traceparent = sync.OnceValue(func() *regexp.Regexp {
		return regexp.MustCompile(`^[0-9a-f]{2}-([0-9a-f]{32})-[0-9a-f]{16}-[0-9a-f]{2}$`)
	})
)

// IsResource reports whether text is the name that Google Cloud has for a trace: projects/P/traces/ID.
func IsResource(text string) bool {
	project, id, ok := strings.Cut(text, "/traces/")
	return ok && strings.HasPrefix(project, "projects/") && strings.Count(project, "/") == 1 && !strings.Contains(id, "/")
}

// A Wanted is an id, or the beginning of one, as the user typed it. It may have the form that a backend shows.
type Wanted struct {
	Text  string
	Forms []string // in lower case: the whole id, or its beginning
	Half  string   // the last 16 digits, if the user typed the decimal number that Datadog shows; else ""
}

// NewWanted reads an id in any of its forms.
func NewWanted(text string) Wanted {
	w := Wanted{Text: text}
	lower := strings.ToLower(text)
	for _, id := range tracelog.TraceIDs(text) {
		w.Forms = append(w.Forms, strings.ToLower(id))
	}
	if strings.Contains(lower, "-") { // to compile the expressions takes longer than to read a trace from a store
		if m := traceparent().FindStringSubmatch(lower); m != nil {
			w.Forms = append(w.Forms, m[1])
		}
		if m := xrayPrefix().FindStringSubmatch(lower); m != nil {
			w.Forms = append(w.Forms, m[1]+m[2])
		}
	}
	if n, err := strconv.ParseUint(text, 10, 64); err == nil && n > math.MaxUint32 { // less is more likely a beginning
		w.Half = fmt.Sprintf("%016x", n)
	}
	return w
}

// Match reports whether an id is the wanted one, and whether it can be.
func (w *Wanted) Match(id string) (is, may bool) {
	id = strings.ToLower(id)
	if w.Half != "" && (len(id) == 16 || len(id) == 32) && strings.HasSuffix(id, w.Half) {
		return true, true
	}
	for _, form := range w.Forms {
		is = is || id == form
		may = may || strings.HasPrefix(id, form)
	}
	return is, is || may
}
