package tracelog

import (
	"bytes"
	"strconv"
	"strings"
)

// An idForm is how a backend writes ids. Entries have them in one form, so that a trace through services of several
// backends has one id; see [TraceIDs].
type idForm uint8

const (
	idPlain   idForm = iota // as found
	idDatadog               // 32 hex digits, or a 64-bit decimal number
	idGoogle                // as found: the presets' own form is read under all keys
)

// TraceIDs returns the possible values of [Entry.Trace] for a trace id found in a backend, a header or a log: the id
// itself first, then its other forms.
//
//   - X-Ray's 1-<8 hex>-<24 hex>, also within Root=…, is the 32 hex digits.
//   - Google's projects/P/traces/<hex> is the hex digits, and so is 0x<hex>.
//   - Datadog's decimal number is 32 hex digits, the first 16 of which are 0. If Datadog shows the number for a 128-bit
//     id, it is the lower half of it: the number and the trace's id have the last 16 digits in common.
func TraceIDs(id string) []string {
	for _, form := range [...]idForm{idPlain, idDatadog} {
		if other, _ := traceID(form, id); other != id {
			return []string{id, other}
		}
	}
	return []string{id}
}

// traceID returns the id that a line has under a key of a preset with that form. The forms of X-Ray and Google, a
// traceparent, and Python's 0x are unambiguous, so they are read under all keys. They may include the span's id.
func traceID(form idForm, id string) (trace, span string) {
	if trace, span, ok := xrayID(id); ok {
		return trace, span
	}
	if trace, span, ok := traceparentID(id); ok {
		return trace, span
	}
	if strings.HasPrefix(id, googlePrefix) {
		if i := strings.Index(id, "/traces/"); i > 0 {
			return cutHex(id[i+len("/traces/"):]), ""
		}
	}
	if form == idDatadog {
		if n, ok := decimalID(id); ok {
			return hexID(n, 32), ""
		}
		return strings.ToLower(cutHex(id)), ""
	}
	return cutHex(id), ""
}

// googlePrefix is what Google's form of a trace id begins with.
const googlePrefix = "projects/"

// cutHex cuts the 0x before the hex digits of an id.
func cutHex(id string) string {
	if isHexPrefixed(id) && isHex(id[2:]) {
		return id[2:]
	}
	return id
}

// isHexPrefixed reports whether an id may have 0x before its digits.
func isHexPrefixed[T string | []byte](id T) bool {
	return (len(id) == len("0x")+32 || len(id) == len("0x")+16) && id[0] == '0' && id[1] == 'x'
}

// hasOtherForm reports whether traceID may read an id of more than the usual length as another one.
func hasOtherForm(id []byte) bool {
	switch {
	case len(id) < len("0x4bf92f3577b34da6"):
		return false
	case isHexPrefixed(id):
		return true
	case id[0] == '1', id[0] == 'R', id[0] == 'S':
		return len(id) >= len("1-5759e988-bd862e3fe1be46a994272793")
	case id[0] == googlePrefix[0]:
		return bytes.HasPrefix(id, []byte(googlePrefix))
	}
	return len(id) == len("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01") && id[2] == '-'
}

// spanID is traceID for spans.
func spanID(form idForm, id string) string {
	if form == idDatadog {
		if n, ok := decimalID(id); ok {
			return hexID(n, 16)
		}
	}
	return cutHex(id)
}

// decimalID reads a 64-bit decimal number. A number with as many digits as a 128-bit id has in hex is too long.
func decimalID(id string) (uint64, bool) {
	if id == "" || id[0] == '+' {
		return 0, false
	}
	n, err := strconv.ParseUint(id, 10, 64)
	return n, err == nil
}

func hexID(n uint64, digits int) string {
	s := strconv.FormatUint(n, 16)
	return strings.Repeat("0", digits-len(s)) + s
}

// xrayID reads 1-<8 hex>-<24 hex>, alone, followed by an @ and the segment's id, or as the Root of an X-Amzn-Trace-Id
// header, whose Parent is the segment.
func xrayID(id string) (trace, segment string, ok bool) {
	if len(id) < 35 || id[0] != '1' && id[0] != 'R' && id[0] != 'S' {
		return "", "", false
	}
	id, segment, _ = strings.Cut(id, "@")
	for part := range strings.SplitSeq(id, ";") {
		if root, ok := strings.CutPrefix(part, "Root="); ok {
			id = root
		} else if parent, ok := strings.CutPrefix(part, "Parent="); ok {
			segment = parent
		}
	}
	if len(id) != 35 || id[:2] != "1-" || id[10] != '-' || !isHex(id[2:10]) || !isHex(id[11:]) {
		return "", "", false
	}
	return strings.ToLower(id[2:10] + id[11:]), segment, true
}

// traceparentID reads a whole traceparent, which .NET's Activity.Id is (W3C Trace Context Level 2, 3.2).
func traceparentID(id string) (trace, span string, ok bool) {
	if !isTraceparent(id) {
		return "", "", false
	}
	id = strings.ToLower(id)
	return id[3:35], id[36:52], true
}

func isTraceparent[T string | []byte](id T) bool {
	return len(id) == 55 && id[2] == '-' && id[35] == '-' && id[52] == '-' &&
		isHex(string(id[:2])) && isHex(string(id[3:35])) && isHex(string(id[36:52])) && isHex(string(id[53:]))
}

// isZeroID reports whether an id means that there is none: all of its digits are 0, whether one or many. W3C Trace
// Context, OpenTelemetry and Datadog write an absent id this way.
func isZeroID[T string | []byte](id T) bool {
	if len(id) == 0 || id[0] != '0' {
		return false // nearly always
	}
	if isHexPrefixed(id) {
		id = id[len("0x"):]
	}
	for i := range len(id) {
		if id[i] != '0' && (id[i] != '-' || len(id) != len("00000000-0000-0000-0000-000000000000")) {
			return false
		}
	}
	return true
}

// idOrNone returns the id, or "" if it is a zero id.
func idOrNone(id string) string {
	if isZeroID(id) {
		return ""
	}
	return id
}
