package tracelog

import "slices"

// hasCompanion reports whether the line has an object that may be the attributes of a record whose message and time are
// beside it.
func (p *lineParser) hasCompanion() bool { return slices.ContainsFunc(p.members, isCompanion) }

func isCompanion(m member) bool {
	return m.value[0] == '{' && m.outer == 0 && companions[string(m.key)]
}

// companions are the names of such objects.
var companions = map[string]bool{"attributes": true, "Attributes": true, "fields": true, "properties": true, "Properties": true, "extra": true, "context": true}
