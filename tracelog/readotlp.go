package tracelog

import "strings"

// otlp appends the lines of a request of OTLP (its protocol's JSON, as the collector's file exporter writes it, a
// request on each line), or of a part of one: the exporters for logs of OpenTelemetry for Java write the spans of a
// resource, and Tempo answers with batches of them.
func (p *lineParser) otlp(ms []member, c foreignContext) {
	if resource := pick(ms, []string{"resource"}); resource != nil {
		c.resource, c.service = foreignMembers(resource), nil
		for i := range c.resource {
			if r := &c.resource[i]; string(r.key) == "service.name" {
				c.service = r.value
			}
		}
	}
	for i := range ms {
		m := &ms[i]
		if m.value[0] != '[' {
			continue
		}
		switch key := strings.ReplaceAll(string(m.key), "_", ""); strings.ToLower(key) {
		case "resourcespans", "resourcelogs":
			for _, v := range elementsOf(m.value) {
				p.otlp(foreignFields(v), c)
			}
		case "scopespans", "scopelogs", "instrumentationlibraryspans":
			for _, v := range elementsOf(m.value) {
				in := foreignFields(v)
				below := c
				if name := pick(in, []string{"scope.name", "instrumentationLibrary.name"}); len(name) > len(`""`) {
					below.scope = []member{{key: []byte("otel.scope.name"), value: name}}
				}
				p.otlp(in, below)
			}
		case "spans":
			for _, v := range elementsOf(m.value) {
				if v[0] == '{' {
					p.foreignSpan(foreignFields(v), nil, c)
				}
			}
		case "logrecords":
			for _, v := range elementsOf(m.value) {
				if v[0] == '{' {
					p.foreignLog(foreignFields(v), c)
				}
			}
		}
	}
}
