package tracesql

import (
	"strings"

	"github.com/slogtrace/slogtrace"
)

// commented returns query, with the traceparent of the span as a comment if Options.Comment is set.
func (c *call) commented(query string) string {
	if !c.config.opts.Comment {
		return query
	}
	return c.comment(query)
}

// comment returns query with the traceparent of the span as a comment in the form of sqlcommenter.
// The comment is before a final semicolon. If query may already contain a comment, it is returned unchanged.
func (c *call) comment(query string) string {
	traceparent := slogtrace.SpanContextFromContext(c.ctx).Traceparent()
	if traceparent == "" || strings.Contains(query, "/*") || strings.Contains(query, "--") || strings.Contains(query, "#") {
		return query
	}
	text := strings.TrimRight(query, "; \t\r\n")
	if text == "" {
		return query
	}
	return text + " /*traceparent='" + traceparent + "'*/" + query[len(text):]
}
