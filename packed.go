package slogtrace

// A packed holds the texts of a span in one string: trace id, span id, parent id (zeros on a root) and start,
// which is a JSON string. None of them change. For a remote parent it holds only the ids.
// So a handler needs memory for one string, and the one made for a span's first line also serves its end.
type packed string

func (p packed) trace() string  { return string(p[:32]) }
func (p packed) span() string   { return string(p[32:48]) }
func (p packed) parent() string { return string(p[48:64]) }
func (p packed) start() string  { return string(p[64+1 : len(p)-1]) } // without the quotes
