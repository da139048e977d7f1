package tracelog

// What a fastLine cannot read, lineParser reads. These functions find out whether there may be something on a line that
// fastLine has read otherwise.

// mayHaveContext reports whether openContext may find something on a line that a fastLine has read.
func (f *fastLine) mayHaveContext(b []byte) bool {
	if !f.nested {
		return false // nearly always
	}
	notes, ok := f.all(b)
	for i := range notes {
		if n := &notes[i]; (n.kind == '{' || n.kind == '[') && contextNames[string(plain(b[n.key:n.keyEnd]))] {
			return true
		}
	}
	return !ok
}

// hasLateTime reports whether lateTime may find something on a line that a fastLine has read.
func (f *fastLine) hasLateTime(b []byte) bool {
	notes, ok := f.all(b)
	for i := range notes {
		n := &notes[i]
		switch string(plain(b[n.key:n.keyEnd])) {
		case "instant", "timeMillis", "date", "datetime", "eventTime":
			return true
		}
	}
	return !ok
}
