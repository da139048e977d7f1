package tracemetrics

import (
	"hash/maphash"
	"log/slog"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/slogtrace/slogtrace"
)

// A registry is what all handlers derived from one share.
type registry struct {
	labels      []Label
	wanted      []string // keys of attributes: those of labels, then the others
	lengths     uint64   // bit n: one of them has n bytes, or 63 or more
	timeouts    []string
	durations   bounds
	queues      bounds
	noExemplars bool
	maxSeries   int
	stripes     int // a power of two

	seed      maphash.Seed
	table     []atomic.Pointer[series] // by the hash of the key, its size a power of two
	unsampled atomic.Uint64            // spans that were not counted, since their trace is not sampled

	breakers breakers
	sources  sources

	mu         sync.Mutex
	n          int           // series in the table, without those for what overflows
	limits     []*limit      // of op, of each of labels
	errorTypes *limit        // of error_type
	errors     int           // counts by error type, of all series, without those for what overflows
	full       atomic.Uint64 // spans that found no room for their series
}

// Indices in registry.wanted after those of the labels.
const (
	wantErrorType = iota
	wantBreakerName
	wantBreakerState
)

func newRegistry(opts *Options) *registry {
	x := &registry{
		labels: withDefaults(opts.Labels), durations: newBounds(opts.Buckets, defaultBuckets),
		queues: newBounds(opts.QueueBuckets, defaultQueueBuckets), noExemplars: opts.NoExemplars,
		maxSeries: orDefault(opts.MaxSeries, defaultMaxSeries), seed: maphash.MakeSeed(), stripes: 1,
		errorTypes: newLimit(errorTypeLabel, maxErrorTypes),
	}
	x.timeouts = append(append(x.timeouts, defaultTimeouts...), opts.Timeouts...)
	x.limits = append(x.limits, newLimit(opLabel, orDefault(opts.MaxOps, defaultMaxOps)))
	for _, l := range x.labels {
		x.wanted = append(x.wanted, l.Attr)
		x.limits = append(x.limits, newLimit(l.Name, l.Max))
	}
	x.wanted = append(x.wanted, errorTypeKey, breakerNameKey, breakerStateKey)
	for _, w := range x.wanted {
		x.lengths |= 1 << min(len(w), 63)
	}
	for x.stripes < min(runtime.GOMAXPROCS(0), maxStripes) {
		x.stripes *= 2
	}
	size := 64
	for size < 2*min(x.maxSeries, 1<<20) {
		size *= 2
	}
	x.table = make([]atomic.Pointer[series], size)
	return x
}

func orDefault(n, def int) int {
	if n <= 0 {
		return def
	}
	return n
}

// A limit is the values that a label may have. registry.mu guards values.
type limit struct {
	name   string
	max    int
	values map[string]bool
	spans  atomic.Uint64 // that had another value
}

func newLimit(name string, most int) *limit {
	return &limit{name: name, max: most, values: make(map[string]bool)}
}

// admit returns value, or overflow if there are too many others. No value is the same as no label.
// If take, a new value takes a place, and one that has none is counted.
func (l *limit) admit(value string, take bool) string {
	if value == "" || l.values[value] {
		return value
	}
	full := len(l.values) >= l.max
	switch {
	case full && take:
		l.spans.Add(1)
	case take:
		l.values[strings.Clone(value)] = true
	}
	if full {
		return overflow
	}
	return value
}

// appendKey appends what tells a span's series from others: op, kind, and the values of the labels, each after its length.
func (x *registry) appendKey(b []byte, info *slogtrace.SpanInfo, values []slog.Value) []byte {
	b = appendPart(b, cut(info.Op))
	b = appendPart(b, info.Kind)
	for i := range x.labels {
		b = append(b, 0)
		at := len(b)
		if kind := x.labels[i].Kind; kind == anyKind || kind == info.Kind {
			b = appendValue(b, values[i])
		}
		b[at-1] = byte(len(b) - at)
	}
	return b
}

func appendPart(b []byte, text string) []byte {
	return append(append(b, byte(len(text))), text...) // maxText fits
}

func appendInt(b []byte, n int64) []byte { return strconv.AppendInt(b, n, 10) }

// parts appends what appendKey appended to list.
func parts(list []string, key string) []string {
	for len(key) > 0 {
		n := 1 + int(key[0])
		list = append(list, key[1:n])
		key = key[n:]
	}
	return list
}

// seriesOf returns the series of a key. It makes it if there is room, and otherwise returns one for what overflows.
func (x *registry) seriesOf(key []byte) *series {
	if s := x.find(key); s != nil {
		return s
	}
	var room [24]string
	list := parts(room[:0], string(key))
	for i, text := range list {
		list[i] = cut(strings.ToValidUTF8(text, "\ufffd"))
	}
	var mem [512]byte
	x.mu.Lock()
	defer x.mu.Unlock()
	// A value takes a place only together with a series.
	key = x.admitted(mem[:0], list, false)
	s := x.find(key)
	if s == nil && x.n >= x.maxSeries {
		x.full.Add(1)
		return x.rest(list[1])
	}
	if key = x.admitted(mem[:0], list, true); s != nil { // counts what overflows
		return s
	}
	x.n++
	return x.insert(key)
}

// rest returns the series of the spans of a kind that found no room. x.mu must be held.
func (x *registry) rest(kind string) *series {
	key := appendPart(appendPart(nil, overflow), kind)
	for range x.labels {
		key = appendPart(key, "")
	}
	if s := x.find(key); s != nil {
		return s
	}
	return x.insert(key)
}

// admitted appends the key of list, with overflow in place of values that have no room. If take, new values take theirs,
// and those without room are counted. x.mu must be held.
func (x *registry) admitted(b []byte, list []string, take bool) []byte {
	for i, text := range list {
		if i != 1 { // the kind
			text = x.limits[max(i-1, 0)].admit(text, take)
		}
		b = appendPart(b, text)
	}
	return b
}

// find returns the series of a key, or nil. It needs no lock: a series stays where it is.
func (x *registry) find(key []byte) *series {
	for s := x.slot(key).Load(); s != nil; s = s.next {
		if s.key == string(key) {
			return s
		}
	}
	return nil
}

func (x *registry) slot(key []byte) *atomic.Pointer[series] {
	return &x.table[maphash.Bytes(x.seed, key)&uint64(len(x.table)-1)]
}

// insert adds a series. x.mu must be held.
func (x *registry) insert(key []byte) *series {
	slot := x.slot(key)
	s := &series{key: string(key), next: slot.Load(), cells: make([]cell, x.stripes)}
	list := parts(nil, s.key)
	s.op, s.kind, s.values = list[0], list[1], list[2:]
	if s.kind == noKind {
		s.kind = internalKind
	}
	n := len(x.durations.limits) + 1
	stride := (n + 7) &^ 7 // cells of different processors have no cache line in common
	counts := make([]float64, stride*x.stripes)
	for i := range s.cells {
		s.cells[i].buckets = counts[i*stride : i*stride+n : (i+1)*stride]
	}
	if !x.noExemplars {
		s.exemplars = make([]exemplar, n+int(outcomes))
	}
	slot.Store(s)
	return s
}

const maxStripes = 8

// A series is the counts of the spans with one combination of label values.
type series struct {
	key    string
	next   *series // in the same slot of the table
	op     string
	kind   string
	values []string // of the registry's labels
	cells  []cell   // their sum counts

	exemplarMu sync.Mutex
	exemplars  []exemplar // one for each bucket, then for each outcome; nil: none

	errorMu sync.Mutex
	errors  []*errorCount
}

// A cell has a part of a series' counts, so that processors seldom wait for each other.
type cell struct {
	mu sync.Mutex
	counts
	_ [56]byte // up to the end of the cache line
}

type counts struct {
	outcomes [outcomes]float64
	roots    [outcomes]float64 // of those, the spans without a parent
	buckets  []float64         // of durations, each bucket's own
	seconds  float64
	queued   []float64 // as buckets; nil if no span waited
	waited   float64   // seconds
}

// An errorCount is the number of a series' spans that failed with one type of error.
type errorCount struct {
	errorType string
	n         float64
	exemplar  exemplar
}

// An exemplar is the last span that was counted somewhere. Its end is 0 if there is none.
type exemplar struct {
	trace slogtrace.TraceID
	span  slogtrace.SpanID
	value float64
	end   int64 // Unix time in milliseconds
}

// add counts a span.
func (s *series) add(x *registry, sp *span) {
	seconds := sp.duration.Seconds()
	bucket := x.durations.bucket(sp.duration)
	c := &s.cells[int(sp.id[7])&(len(s.cells)-1)]
	c.mu.Lock()
	c.outcomes[sp.outcome] += sp.weight
	if sp.root {
		c.roots[sp.outcome] += sp.weight
	}
	c.buckets[bucket] += sp.weight
	c.seconds += seconds * sp.weight
	if sp.queued >= 0 {
		if c.queued == nil {
			c.queued = make([]float64, len(x.queues.limits)+1)
		}
		c.queued[x.queues.bucket(sp.queued)] += sp.weight
		c.waited += sp.queued.Seconds() * sp.weight
	}
	c.mu.Unlock()
	if sp.outcome != succeeded {
		s.addError(x, sp)
	}
	// Another processor that is here at the same time has an exemplar too.
	if s.exemplars != nil && s.exemplarMu.TryLock() {
		e := exemplar{sp.trace, sp.id, seconds, sp.end.UnixMilli()}
		s.exemplars[bucket] = e
		if sp.outcome != succeeded {
			e.value = 1
			s.exemplars[len(x.durations.limits)+1+int(sp.outcome)] = e
		}
		s.exemplarMu.Unlock()
	}
}

// addError counts a span's error by its type.
func (s *series) addError(x *registry, sp *span) {
	s.errorMu.Lock()
	defer s.errorMu.Unlock()
	e := s.errorOf(sp.errorType)
	if e == nil {
		e = s.newError(x, cut(strings.ToValidUTF8(string(sp.errorType), "\ufffd")))
	}
	e.n += sp.weight
	if !x.noExemplars {
		e.exemplar = exemplar{sp.trace, sp.id, 1, sp.end.UnixMilli()}
	}
}

// errorOf returns the count of an error type, or nil. s.errorMu must be held.
func (s *series) errorOf(errorType []byte) *errorCount {
	for _, e := range s.errors {
		if e.errorType == string(errorType) {
			return e
		}
	}
	return nil
}

// newError makes the count of an error type, or that of all that found no room. s.errorMu must be held.
func (s *series) newError(x *registry, errorType string) *errorCount {
	x.mu.Lock()
	defer x.mu.Unlock()
	if errorType = x.errorTypes.admit(errorType, true); errorType != overflow && x.errors >= x.maxSeries {
		x.errorTypes.spans.Add(1)
		errorType = overflow
	}
	if e := s.errorOf([]byte(errorType)); e != nil {
		return e
	}
	if errorType != overflow {
		x.errors++
	}
	e := &errorCount{errorType: errorType}
	s.errors = append(s.errors, e)
	return e
}
