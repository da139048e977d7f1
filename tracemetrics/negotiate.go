package tracemetrics

import (
	"mime"
	"strconv"
	"strings"
)

// prefersOpen reports whether a client whose Accept lines these are wants OpenMetrics 1.0 rather than text 0.0.4
// (RFC 9110, 12.5.1). If it wants both equally, or neither, it gets text 0.0.4, which all know.
func prefersOpen(accept []string) bool {
	var open, text quality
	for part := range elements(accept) {
		typ, params, err := mime.ParseMediaType(part)
		if err != nil {
			continue
		}
		q, ok := weight(params["q"])
		if !ok {
			continue
		}
		open.take(q, typ, params["version"], "application/openmetrics-text", "1.0.0")
		text.take(q, typ, params["version"], "text/plain", "0.0.4")
	}
	return open.q > text.q
}

// A quality is the weight that a client gives to one offer: that of the most specific range that has it.
type quality struct {
	q        float64
	specific int
}

// take considers a range of the Accept header. Of parameters only the version counts: a range of another version is another format.
func (x *quality) take(q float64, typ, version, offer, offered string) {
	main, _, _ := strings.Cut(offer, "/")
	specific := 0
	switch {
	case typ == offer && version == offered:
		specific = 4
	case typ == offer && version == "":
		specific = 3
	case typ == main+"/*":
		specific = 2
	case typ == "*/*":
		specific = 1
	}
	if specific > x.specific || specific > 0 && specific == x.specific && q > x.q {
		*x = quality{q, specific}
	}
}

// allowsGzip reports whether a client whose Accept-Encoding lines these are wants gzip (RFC 9110, 12.5.3).
func allowsGzip(accept []string) bool {
	var gzip quality
	for part := range elements(accept) {
		coding, rest, _ := strings.Cut(part, ";")
		key, value, _ := strings.Cut(strings.TrimSpace(rest), "=")
		if !strings.EqualFold(strings.TrimSpace(key), "q") {
			value = ""
		}
		q, ok := weight(strings.TrimSpace(value))
		if !ok {
			continue
		}
		switch coding = strings.ToLower(strings.TrimSpace(coding)); {
		case coding == "gzip", coding == "x-gzip":
			gzip = quality{q, 2}
		case coding == "*" && gzip.specific < 2:
			gzip = quality{q, 1}
		}
	}
	return gzip.q > 0
}

// weight returns a qvalue (RFC 9110, 12.4.2). Without one it is 1.
func weight(text string) (q float64, ok bool) {
	if text == "" {
		return 1, true
	}
	q, err := strconv.ParseFloat(text, 64)
	return q, err == nil && q >= 0 && q <= 1
}

// elements returns the elements of lists in header lines. None of what is read here has quoted commas.
func elements(lines []string) func(yield func(string) bool) {
	return func(yield func(string) bool) {
		n := 0
		for _, line := range lines {
			for part := range strings.SplitSeq(line, ",") {
				if part = strings.TrimSpace(part); part == "" {
					continue
				}
				if n++; n > maxElements || !yield(part) {
					return
				}
			}
		}
	}
}

const maxElements = 100
