package tracelog

import "bytes"

// If a query names fields, Elasticsearch answers with an array of values for each of them, even if there is only one:
//
//	{"_index":"logs-1","fields":{"@timestamp":["2026-03-01T09:15:00Z"],"trace":["4bf9…"],"msg":["booked"]}}
//
// Such an object is a record if it is one with the first value in place of each array.

// isArrays reports whether all members are arrays and their first elements make a record.
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

// withoutArrays replaces each array of one element by the element. Other arrays stay. Elasticsearch indexes text a second
// time, as KEY.keyword: that member is left out if the member KEY has the same values.
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

// arrays appends the line of a record whose values are in arrays.
func (p *lineParser) arrays(ms []member, beside []byte) {
	w := &foreignLine{b: []byte{'{'}, seen: make(map[string]bool)}
	for _, m := range withoutArrays(ms) {
		w.raw(string(m.key), m.value)
	}
	w.b = append(w.b, beside...)
	p.many = append(p.many, w.done())
}
