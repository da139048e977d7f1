package w3c

import (
	"fmt"
	"iter"
	"slices"
	"strings"
	"unicode/utf8"
)

const (
	// MaxMembers and MaxBaggage, in bytes over all lines, limit what is propagated.
	// The standard requires at least that much (W3C Baggage, 3.3.2).
	MaxMembers = 64
	MaxBaggage = 8192

	// maxBaggageInput limits what is read. It leaves room for white space, and for counting what is left out.
	maxBaggageInput = 32 << 10
)

// ParseBaggage parses the lines of a baggage header, in order (W3C Baggage, 3.3).
// It returns the members, and one header line with them.
//
//   - Members keep their order and their properties. White space and empty parts between separators are left out.
//     If several members have one key, all are kept.
//   - A member is left out if it breaks the grammar, has a % without two hex digits,
//     or would make more than 64 members or 8,192 bytes. It is always left out whole, and later members may still be kept.
//   - Nothing behind 32 KiB is read.
//
// The error, one short line, counts what was left out. The members and the header can be used all the same.
func ParseBaggage(lines ...string) (kept []Member, header string, err error) {
	if len(lines) == 0 {
		return nil, "", nil // the usual case; the memory below would have to be cleared
	}
	var array [MaxMembers]Member
	members := array[:0]
	var left baggageError
	seen := 0
	used := 0   // bytes of the lines so far, joined
	length := 0 // of members, joined
	for _, line := range lines {
		room := maxBaggageInput - used
		used += len(line) + 1
		if len(line) > room {
			left.unread = true
			if room < 0 {
				break
			}
			// The member that ends at a comma at room is within the limit.
			// The line is copied, because otherwise the rest would stay in memory as long as the baggage.
			line = strings.Clone(line[:max(0, strings.LastIndexByte(line[:room+1], ','))])
		}
		for more := true; more; {
			var text string
			text, line, more = strings.Cut(line, ",")
			if text = TrimOWS(text); text == "" {
				continue
			}
			seen++
			m, err := parseBaggageMember(text)
			if err.want != "" {
				if left.invalid++; left.invalid == 1 {
					left.first, left.number = err, seen
				}
				continue
			}
			n := len(m.Text)
			if len(members) > 0 {
				n++
			}
			switch {
			case len(members) == MaxMembers:
				left.members++
			case length+n > MaxBaggage:
				left.bytes++
			default:
				members = append(members, m)
				length += n
			}
		}
	}
	if len(members) > 0 {
		kept = slices.Clone(members) // so that array can stay off the heap
		// Members are parts of the input, in its order. So the same length means the same list.
		if len(lines) == 1 && len(lines[0]) == length {
			header = lines[0]
		} else {
			header = JoinMembers(kept)
		}
	}
	if left == (baggageError{}) {
		return kept, header, nil
	}
	e := left // not left itself, which would then always be on the heap
	return kept, header, &e
}

// A baggageFault is the reason why a member is not valid. An empty want means no fault.
type baggageFault struct{ want, got string }

const (
	wantBaggageKey      = "a token as key"
	wantBaggageProperty = "a token as property key"
	wantBaggageValue    = "a percent-encoded value"
	wantPercent         = "two hex digits behind %"
)

// NewMember returns the member key=value.
func NewMember(key, value string) (Member, error) {
	if !isToken(key) {
		return Member{}, fmt.Errorf("slogtrace: baggage: want a key of letters, digits and !#$%%&'*+-.^_`|~, got %s", QuoteShort(key))
	}
	n := len(key) + 1 + len(value)
	if n > MaxBaggage { // before anything slow
		return Member{}, fmt.Errorf("slogtrace: baggage: want at most %d bytes, got %d", MaxBaggage, n)
	}
	for i, r := range value {
		if r == utf8.RuneError && !strings.HasPrefix(value[i:], "\ufffd") {
			return Member{}, fmt.Errorf("slogtrace: baggage: want a value in UTF-8, got 0x%02x at byte %d", value[i], i)
		}
	}
	b := make([]byte, 0, n)
	b = append(append(b, key...), '=')
	for i := range len(value) {
		if c := value[i]; isBaggageOctet(c) && c != '%' {
			b = append(b, c)
		} else {
			b = append(b, '%', upperHex[c>>4], upperHex[c&15])
		}
	}
	return Member{string(b), len(key), value}, nil
}

const upperHex = "0123456789ABCDEF"

// parseBaggageMember parses text, which must not be empty or have white space around it.
func parseBaggageMember(text string) (Member, baggageFault) {
	key, rest, ok := strings.Cut(text, "=")
	if !ok {
		return Member{}, baggageFault{"key=value", text}
	}
	if key = TrimOWS(key); !isToken(key) {
		return Member{}, baggageFault{wantBaggageKey, key}
	}
	value, props, _ := strings.Cut(rest, ";")
	value = TrimOWS(value)
	if fault := checkBaggageValue(value); fault.want != "" {
		return Member{}, fault
	}
	length := len(key) + 1 + len(value)
	for p := range baggageProperties(props) {
		if !isToken(p.key) {
			return Member{}, baggageFault{wantBaggageProperty, p.key}
		}
		if fault := checkBaggageValue(p.value); fault.want != "" {
			return Member{}, fault
		}
		length += p.len() + 1
	}
	if length < len(text) {
		var b strings.Builder
		b.Grow(length)
		b.WriteString(key)
		b.WriteByte('=')
		b.WriteString(value)
		for p := range baggageProperties(props) {
			b.WriteByte(';')
			b.WriteString(p.key)
			if p.hasValue {
				b.WriteByte('=')
				b.WriteString(p.value)
			}
		}
		text = b.String()
	}
	return Member{text, len(key), percentDecode(value)}, baggageFault{}
}

// A baggageProperty is a property of a member. Its value is still encoded.
type baggageProperty struct {
	key, value string
	hasValue   bool
}

func (p *baggageProperty) len() int {
	if !p.hasValue {
		return len(p.key)
	}
	return len(p.key) + 1 + len(p.value)
}

// baggageProperties returns the properties in text, unchecked. It skips empty ones.
func baggageProperties(text string) iter.Seq[baggageProperty] {
	return func(yield func(baggageProperty) bool) {
		for part := range strings.SplitSeq(text, ";") {
			if part = TrimOWS(part); part == "" {
				continue
			}
			var p baggageProperty
			p.key, p.value, p.hasValue = strings.Cut(part, "=")
			p.key, p.value = TrimOWS(p.key), TrimOWS(p.value)
			if !yield(p) {
				return
			}
		}
	}
}

// checkBaggageValue checks s, an encoded value, against W3C Baggage, 3.3.1.3.
// The grammar there permits a single %, the text does not.
func checkBaggageValue(s string) baggageFault {
	for i := 0; i < len(s); i++ {
		if c := s[i]; c == '%' {
			if i+2 >= len(s) || hexDigit(s[i+1]) < 0 || hexDigit(s[i+2]) < 0 {
				return baggageFault{wantPercent, s}
			}
		} else if !isBaggageOctet(c) {
			return baggageFault{wantBaggageValue, s}
		}
	}
	return baggageFault{}
}

// percentDecode decodes s once. s must have been checked.
func percentDecode(s string) string {
	i := strings.IndexByte(s, '%')
	if i < 0 {
		return s
	}
	b := append(make([]byte, 0, len(s)), s[:i]...)
	for ; i < len(s); i++ {
		c := s[i]
		if c == '%' {
			c = byte(hexDigit(s[i+1])<<4 | hexDigit(s[i+2]))
			i += 2
		}
		b = append(b, c)
	}
	if !utf8.Valid(b) {
		return string([]rune(string(b)))
	}
	return string(b)
}

// hexDigit returns the value of a hex digit in either case, or -1.
func hexDigit(c byte) int {
	switch {
	case '0' <= c && c <= '9':
		return int(c - '0')
	case 'a' <= c && c <= 'f':
		return int(c-'a') + 10
	case 'A' <= c && c <= 'F':
		return int(c-'A') + 10
	}
	return -1
}

// isBaggageOctet reports whether c is allowed in an encoded value: W3C Baggage, 3.3.1.3, baggage-octet.
func isBaggageOctet(c byte) bool {
	return '!' <= c && c <= '~' && c != '"' && c != ',' && c != ';' && c != '\\'
}

// isToken reports whether s is a token of RFC 9110, 5.6.2.
func isToken(s string) bool {
	for i := range len(s) {
		switch c := s[i]; {
		case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9':
		case strings.IndexByte("!#$%&'*+-.^_`|~", c) >= 0:
		default:
			return false
		}
	}
	return s != ""
}

// A baggageError counts what was left out of a header.
type baggageError struct {
	invalid        int // members that are not valid
	members, bytes int // valid, but beyond the limit of members, or of bytes
	unread         bool
	first          baggageFault // the first that is not valid
	number         int          // its number, counted from 1 without empty ones
}

func (e *baggageError) Error() string {
	b := []byte("slogtrace: baggage: left out ")
	sep := ""
	add := func(format string, args ...any) {
		b = fmt.Appendf(append(b, sep...), format, args...)
		sep = ", "
	}
	if e.members > 0 {
		add("%d beyond %d members", e.members, MaxMembers)
	}
	if e.bytes > 0 {
		add("%d beyond %d bytes", e.bytes, MaxBaggage)
	}
	if e.unread {
		add("all behind byte %d", maxBaggageInput)
	}
	if e.invalid > 0 {
		add("%d not valid: member %d: want %s, got %s", e.invalid, e.number, e.first.want, QuoteShort(e.first.got))
	}
	return string(b)
}

// A Member is a list-member (W3C Baggage, 3.3.1).
type Member struct {
	Text   string // key=value;properties, encoded, without white space
	keyLen int
	Value  string // decoded
}

// Key returns the key.
func (m *Member) Key() string { return m.Text[:m.keyLen] }

// MembersLen returns the length of members as a header.
func MembersLen(members []Member) int {
	n := max(0, len(members)-1)
	for i := range members {
		n += len(members[i].Text)
	}
	return n
}

func JoinMembers(members []Member) string {
	if len(members) == 1 {
		return members[0].Text
	}
	var b strings.Builder
	b.Grow(MembersLen(members))
	for i := range members {
		if i > 0 {
			b.WriteByte(',')
		}
		b.WriteString(members[i].Text)
	}
	return b.String()
}
