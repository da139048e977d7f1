package tracelog

import "time"

// Printable returns untrusted text as one line that may be shown on a terminal. Shown as escapes are control characters,
// escape sequences, newlines, invalid UTF-8, and what hides or fakes text: marks that change its direction, runes without
// a form (U+034F, U+3164, U+2800 and their like), variation selectors, and combining marks beyond the fourth on one base
// or on none. An emoji keeps its selector U+FE0F, and the joiners U+200D between it and the next one.
// What is longer than limit runes ends in an ellipsis; below 1 there is no limit.
func Printable(s string, limit int) string {
	if limit < 1 {
		limit = unbounded
	}
	return visible(s, limit)
}

// FormatDuration writes d for people, as WriteTree does: with four digits at most where it is under a minute.
func FormatDuration(d time.Duration) string { return formatDuration(d) }

// Printable is the attribute's value as WriteTree shows it: a string without its quotes where it stands as one word,
// all else as JSON. What is longer than limit runes ends in an ellipsis; below 1 there is no limit.
func (a Attr) Printable(limit int) string {
	if limit < 1 {
		limit = unbounded
	}
	return a.value(limit)
}
