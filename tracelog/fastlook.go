package tracelog

// What a fastLine cannot read, lineParser reads. These functions find out whether there may be something on a line that
// fastLine has read otherwise.

// mayHaveContext reports whether openContext may find something on a line that a fastLine has read.
func (f *fastLine) mayHaveContext(b []byte) bool {
	if !f.nested {
		return false // nearly always
	}
	if f.noted < 0 {
		return true
	}
	for i := range f.notes[:f.noted] {
		if n := &f.notes[i]; (n.kind == '{' || n.kind == '[') && contextNames[string(plain(b[n.key:n.keyEnd]))] {
			return true
		}
	}
	return false
}

// hasLateTime reports whether lateTime may find something on a line that a fastLine has read.
func (f *fastLine) hasLateTime(b []byte) bool {
	if f.noted < 0 {
		return true
	}
	for i := range f.notes[:f.noted] {
		n := &f.notes[i]
		switch string(plain(b[n.key:n.keyEnd])) {
		case "instant", "timeMillis", "date", "datetime", "eventTime":
			return true
		}
	}
	return false
}
