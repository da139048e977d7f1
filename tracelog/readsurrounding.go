package tracelog

const (
	// maxWrap is how many objects and arrays may be around a record.
	maxWrap = 8
	// maxStrings is how many strings of JSON may be around it.
	maxStrings = 2
)

// A surrounding is what is around the record of a line.
type surrounding struct {
	depth, strings int      // how many objects and arrays, and how many strings, have been entered
	members        []member // of those objects, except the ones that were entered
	path           []byte   // the keys that were entered, each with a dot after it
	level          string
	used           [numFields]bool // fields of the record that come from these objects
	trace, span    string          // for a record without ids
	op, schema     string
	structured     bool   // the ids are those of a line of syslog
	severity       string // likewise
}

func (s *surrounding) reset() {
	clear(s.members)
	*s = surrounding{members: s.members[:0], path: s.path[:0]}
}
