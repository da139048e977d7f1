package tracelog

import "unicode/utf8"

// maxNameBytes is how many bytes of a name are kept.
const maxNameBytes = 256

// names numbers strings.
type names struct {
	numbers map[string]uint32
	texts   []string
	recent  [16]recentName // by length and last byte: most lines have names that previous lines had
}

type recentName struct {
	text string
	next uint32 // one more than its number
}

func (n *names) number(b []byte) uint32 {
	recent := &n.recent[0]
	if len(b) > 0 {
		recent = &n.recent[(len(b)^int(b[len(b)-1]))%len(n.recent)]
	}
	if recent.next != 0 && recent.text == string(b) {
		return recent.next - 1
	}
	i, ok := n.numbers[string(b)]
	if !ok {
		if n.numbers == nil {
			n.numbers = make(map[string]uint32)
		}
		s := string(b)
		i = uint32(len(n.texts))
		n.numbers[s] = i
		n.texts = append(n.texts, s)
	}
	*recent = recentName{n.texts[i], i + 1}
	return i
}

func (n *names) text(i uint32) string {
	if int(i) < len(n.texts) {
		return n.texts[i]
	}
	return ""
}

// shorten cuts a name between characters.
func shorten(b []byte) []byte {
	if len(b) <= maxNameBytes {
		return b
	}
	n := maxNameBytes
	for n > 0 && n > maxNameBytes-utf8.UTFMax && !utf8.RuneStart(b[n]) {
		n--
	}
	return b[:n]
}
