package slogtrace

// hexIDs are a trace id and a span id in the form in which they are written most: as text.
type hexIDs [48]byte

func (h *hexIDs) set(t TraceID, s SpanID) {
	b := appendHex(h[:0], t[:])
	appendHex(b, s[:])
}

func (h *hexIDs) traceText() []byte { return h[:32] }
func (h *hexIDs) spanText() []byte  { return h[32:] }

func (h *hexIDs) trace() (t TraceID) { decodeHex(t[:], h[:32]); return t }
func (h *hexIDs) span() (s SpanID)   { decodeHex(s[:], h[32:]); return s }

// decodeHex is parseHex for digits of our own making.
func decodeHex(dst, src []byte) {
	for i := range dst {
		dst[i] = hexValues[src[2*i]]<<4 | hexValues[src[2*i+1]]
	}
}
