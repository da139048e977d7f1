package tracelog

// isJaeger reports whether an object with these members, which must not be a record, is a trace of Jaeger:
//
//	{"traceID":"4bf9…","spans":[{"traceID":"4bf9…","spanID":"00f0…",…,"processID":"p1"}],"processes":{"p1":{"serviceName":"shop","tags":[…]}}}
//
// Its API and its page write a trace like this.
func isJaeger(ms []member) bool {
	if s := signsOf(ms); s.message || s.level || s.time {
		return false
	}
	found := false
	eachElement(pick(ms, []string{"spans"}), func(span []byte) bool {
		in := foreignFields(span)
		found = pickText(in, []string{"spanID"}) != "" && pick(in, []string{"operationName"}) != nil && pick(in, []string{"startTime"}) != nil
		return false
	})
	return found
}

// jaeger appends the lines of a trace's spans. Each has the service and the tags of its process.
func (p *lineParser) jaeger(ms []member, c foreignContext) {
	processes := make(map[string][]member)
	for _, m := range foreignFields(pick(ms, []string{"processes"})) {
		processes[string(m.key)] = foreignMembers(m.value)
	}
	for _, v := range elementsOf(pick(ms, []string{"spans"})) {
		span := foreignFields(v)
		below := c
		below.resource = processes[pickText(span, []string{"processID"})]
		for i := range below.resource {
			if m := &below.resource[i]; string(m.key) == "service.name" {
				below.service = m.value
			}
		}
		p.foreignSpan(span, nil, below)
	}
}
