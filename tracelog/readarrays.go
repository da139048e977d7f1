package tracelog

import "bytes"

// Elasticsearch answers a query for fields with an array for each of them, also where it has one value:
//
//	{"_index":"logs-1","fields":{"@timestamp":["2026-03-01T09:15:00Z"],"trace":["4bf9…"],"msg":["booked"]}}
//
// Such an object is a record if it is one without these arrays.

// isArrays reports whether the members are arrays, and their first elements make a record.
func isArrays(ms []member) bool {
	for i := range ms {
		if ms[i].outer == 0 && ms[i].value[0] != '[' {
			return false
		}
	}
	if len(ms) < 2 {
		return false
	}
	s := signsOf(withoutArrays(ms))
	return s.isRecord(false)
}

// withoutArrays returns the members with the element of each array that has one. Other arrays stay. A member of text that
// Elasticsearch has indexed a second time, as KEY.keyword, is left out if the member KEY has the same values.
func withoutArrays(ms []member) []member {
	values := make(map[string][]byte, len(ms))
	for i := range ms {
		values[string(ms[i].key)] = ms[i].value
	}
	var all []member
	for i := range ms {
		m := ms[i]
		if m.outer != 0 {
			continue
		}
		if key, ok := bytes.CutSuffix(m.key, []byte(".keyword")); ok && bytes.Equal(values[string(key)], m.value) {
			continue
		}
		n, first := 0, []byte(nil)
		eachElement(m.value, func(element []byte) bool {
			first = element
			n++
			return n < 2
		})
		if n == 1 {
			m.value = first
		}
		all = append(all, m)
	}
	return all
}

// arrays appends the line of the record whose members are in arrays.
func (p *lineParser) arrays(ms []member, beside []byte) {
	w := &foreignLine{b: []byte{'{'}, seen: make(map[string]bool)}
	for _, m := range withoutArrays(ms) {
		w.raw(string(m.key), m.value)
	}
	w.b = append(w.b, beside...)
	p.many = append(p.many, w.done())
}
