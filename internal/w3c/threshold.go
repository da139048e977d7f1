package w3c

import (
	"encoding/binary"
	"strconv"
	"strings"
)

// OpenTelemetry's form of a sampling decision in a tracestate ("TraceState Handling", "TraceState: Probability Sampling"):
// the member "ot" is a list key:value;key:value. Its th is the threshold, in hex without trailing zeros.
// A trace whose random number is below the threshold is not sampled. Its rv, 14 digits, is that number
// if the trace id is not random.

const (
	otKey = "ot"

	// randomDigits is the number of hex digits of the 56 random bits.
	randomDigits = 14

	// NoRandomness is one more than the largest random number: as a threshold, it lets nothing through.
	NoRandomness = 1 << 56
)

// Randomness returns the random number of a trace: rv if the tracestate has one, otherwise the last 56 bits of the id.
func Randomness(id [16]byte, state string) uint64 {
	if rv := otValue(otMember(state), "rv"); len(rv) == randomDigits {
		if n, ok := ParseThreshold(rv); ok {
			return n
		}
	}
	return binary.BigEndian.Uint64(id[8:]) & (NoRandomness - 1)
}

// RemoteRate returns the rate at which a trace from elsewhere was sampled, according to its tracestate.
// It is 0, which means 1, if the tracestate has no threshold, or has one with which the trace would not be sampled.
func RemoteRate(ids *IDs, sampled bool, state string) float64 {
	th := Threshold(state)
	if th == "" || !sampled {
		return 0
	}
	n, ok := ParseThreshold(th)
	if !ok || n == 0 || Randomness(ids.Trace(), state) < n {
		return 0
	}
	// The sender's number mostly had few digits, such as 0.01. 56 bits after the point only come close to it.
	rate, _ := strconv.ParseFloat(strconv.FormatFloat(float64(NoRandomness-n)/NoRandomness, 'g', 12, 64), 64)
	if rate >= 1 {
		return 0
	}
	return rate
}

// ThresholdText returns n as th. It is "" if n lets everything or nothing through.
func ThresholdText(n uint64) string {
	if n == 0 || n >= NoRandomness {
		return ""
	}
	return strings.TrimRight(strconv.FormatUint(NoRandomness|n, 16)[1:], "0")
}

// Threshold returns the th of a valid tracestate, or "".
func Threshold(state string) string { return otValue(otMember(state), "th") }

// ParseThreshold parses 1 to 14 lower-case hex digits, the first digits of 14.
func ParseThreshold(s string) (n uint64, ok bool) {
	if s == "" || len(s) > randomDigits {
		return 0, false
	}
	for i := range len(s) {
		v := hexValues[s[i]]
		if v == notHex {
			return 0, false
		}
		n = n<<4 | uint64(v)
	}
	return n << (4 * (randomDigits - len(s))), true
}

// otMember returns the value of the member "ot" of a valid tracestate, or "".
// It must be fast: most tracestates have none, and it is called for every message with a tracestate.
func otMember(state string) string {
	for i := 0; ; i += len(otKey) {
		at := strings.Index(state[i:], otKey+"=")
		if at < 0 {
			return ""
		}
		if i += at; i == 0 || state[i-1] == ',' {
			value, _, _ := strings.Cut(state[i+len(otKey+"="):], ",")
			return value
		}
	}
}

// otValue returns the value of key in list, the value of "ot", or "".
func otValue(list, key string) string {
	for list != "" {
		var item string
		item, list, _ = strings.Cut(list, ";")
		if k, value, ok := strings.Cut(item, ":"); ok && k == key {
			return value
		}
	}
	return ""
}

// WithThreshold returns a valid tracestate with th as the threshold, or without one if th is "". Everything else stays,
// but "ot" moves to the front if it changes (W3C Trace Context Level 2, 3.5). If there is no room for th, it is left out.
func WithThreshold(state, th string) string {
	old := otMember(state)
	if otValue(old, "th") == th {
		return state
	}
	var items []string
	if th != "" {
		items = append(items, "th:"+th)
	}
	for item := range strings.SplitSeq(old, ";") {
		// No key or value contains a space, and a trailing one would be lost on the way.
		if item = TrimOWS(item); item != "" && !strings.HasPrefix(item, "th:") {
			items = append(items, item)
		}
	}
	var members []string
	for member := range strings.SplitSeq(state, ",") {
		if member != "" && !strings.HasPrefix(member, otKey+"=") {
			members = append(members, member)
		}
	}
	rest := strings.Join(members, ",")
	value := strings.Join(items, ";")
	if len(value) > maxTracestateValue {
		value = strings.Join(items[1:], ";")
	}
	if value == "" {
		return rest
	}
	if rest == "" {
		return otKey + "=" + value
	}
	changed, err := ParseTracestate(otKey + "=" + value + "," + rest)
	if err != nil {
		return rest
	}
	return changed
}
