package tracemetrics

import (
	"log/slog"
	"strings"
	"sync"
	"sync/atomic"
)

// breakers are the last known states of circuit breakers.
type breakers struct {
	mu   sync.Mutex
	open map[string]bool // by name: the state is another one than closed
	lost atomic.Uint64   // spans with the name of another breaker than the first maxBreakers
}

// noteBreaker stores the state of the circuit breaker that a span went through, if it has one.
func (x *registry) noteBreaker(values []slog.Value) {
	values = values[len(x.labels):]
	if isNil(values[wantBreakerName]) || isNil(values[wantBreakerState]) {
		return
	}
	var mem, mem2 [maxText]byte
	name := appendValue(mem[:0], values[wantBreakerName])
	state := string(appendValue(mem2[:0], values[wantBreakerState]))
	b := &x.breakers
	b.mu.Lock()
	defer b.mu.Unlock()
	open, known := b.open[string(name)]
	switch is := state != "closed"; {
	case known && open == is:
	case known || len(b.open) < maxBreakers:
		if b.open == nil {
			b.open = make(map[string]bool)
		}
		b.open[string(name)] = is
	default:
		b.lost.Add(1)
	}
}

// snapshot returns the states by name, with names that are valid values of labels.
func (b *breakers) snapshot() map[string]bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	out := make(map[string]bool, len(b.open))
	for name, open := range b.open {
		name = cut(strings.ToValidUTF8(name, "\ufffd"))
		out[name] = out[name] || open
	}
	return out
}
