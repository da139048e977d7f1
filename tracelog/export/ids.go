package export

import (
	"crypto/sha256"
	"encoding/hex"
	"strings"
)

// traceID returns a trace id in binary form. An id of 8 bytes becomes the second half of one of 16. If the text is no such id, it
// returns a hash of the text, and ok is false.
func traceID(text string) (id [16]byte, ok bool) {
	if len(text) == 16 {
		text = strings.Repeat("0", 16) + text
	}
	if len(text) == 32 {
		if _, err := hex.Decode(id[:], []byte(text)); err == nil && id != [16]byte{} {
			return id, true
		}
	}
	sum := sha256.Sum256([]byte(text))
	return [16]byte(sum[:16]), false
}

// spanID is traceID for the id of a span, which has 8 bytes. The id of "" is zero.
func spanID(text string) (id [8]byte, ok bool) {
	if text == "" {
		return id, true
	}
	if len(text) == 16 {
		if _, err := hex.Decode(id[:], []byte(text)); err == nil && id != [8]byte{} {
			return id, true
		}
	}
	sum := sha256.Sum256([]byte(text))
	return [8]byte(sum[:8]), false
}
