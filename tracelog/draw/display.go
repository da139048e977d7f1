package draw

import (
	"time"

	"github.com/slogtrace/slogtrace/tracelog"
)

// Text returns untrusted text as one line that is safe to show on a terminal. It shows these as escapes: control
// characters, escape sequences, newlines, invalid UTF-8, and characters that hide or fake text. The last are marks
// that change its direction, runes without a form (such as U+034F, U+3164, U+2800), variation selectors, and
// combining marks beyond the fourth on one base or on none. An emoji keeps its selector U+FE0F, and the joiners
// U+200D between it and the next emoji. Text of more than limit columns ends in an ellipsis. A limit below 1 means no
// limit.
func Text(s string, limit int) string {
	if limit < 1 {
		limit = unbounded
	}
	return visible(s, limit)
}

// Duration formats d for people, as [Tree] does: with at most four digits if it is under a minute.
func Duration(d time.Duration) string { return formatDuration(d) }

// Value returns an attribute's value as [Tree] shows it: a string without its quotes if it is one word, any other
// value as JSON. A value longer than limit ends in an ellipsis. A limit below 1 means no limit.
func Value(a tracelog.Attr, limit int) string {
	if limit < 1 {
		limit = unbounded
	}
	return value(a, limit)
}
