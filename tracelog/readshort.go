package tracelog

// An arrayPlace is where an array is, and what lineParser adds to the records in it.
type arrayPlace struct {
	beside         beside
	depth, strings int
	timed          bool
}

// A shortened is a short copy of a line, or of an element, in which arrays have only their first two elements. What lineParser
// does with the rest does not depend on the other elements, as long as the first has a record and the array is in no table:
// an array has records if one of its elements has, and each element is read for itself.
type shortened struct {
	text   []byte
	starts []int   // of its arrays in text
	arrays []*byte // likewise; each but the first is in the one before it, or in a sibling of that

	place  arrayPlace // of the first array
	walked int        // how often the first array was reached
	odd    bool       // the result may not be that of the whole text
}

// has reports whether a value is one of the arrays. The receiver may be nil.
func (s *shortened) has(v []byte) bool {
	if s != nil {
		for _, array := range s.arrays {
			if array == &v[0] {
				return true
			}
		}
	}
	return false
}

// walk reports whether lineParser must not walk through an array.
func (s *shortened) walk(v []byte, pl arrayPlace) bool {
	if !s.has(v) {
		return false
	}
	s.place = pl
	s.walked++
	s.odd = s.odd || s.arrays[0] != &v[0]
	return true
}

// look notes whether the first element of an array has a record.
func (s *shortened) look(v []byte, first bool) {
	if !first && s.has(v) {
		s.odd = true
	}
}

// table notes that an object with an array of these may be a table.
func (s *shortened) table(ms []member) {
	if s == nil {
		return
	}
	has, onlyArrays := false, len(ms) > 1
	for i := range ms {
		m := &ms[i]
		has = has || s.has(m.value)
		onlyArrays = onlyArrays && m.value[0] == '['
	}
	if has && (onlyArrays || hasColumns(ms)) {
		s.odd = true
	}
}
