package slogtrace

// A packed has what is text about a span in one string: trace id, span id, parent id (zeros on a root) and start,
// a JSON string. None of it changes. Of a remote parent it has the ids only.
// So a handler needs memory for one string, and what it made for a span's first line serves the span's end too.
type packed string

func (p packed) trace() string  { return string(p[:32]) }
func (p packed) span() string   { return string(p[32:48]) }
func (p packed) parent() string { return string(p[48:64]) }
func (p packed) start() string  { return string(p[64+1 : len(p)-1]) } // without the quotes
