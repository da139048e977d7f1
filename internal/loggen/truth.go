package loggen

import (
	"cmp"
	"fmt"
	"hash/fnv"
	"slices"
)

const maxLookups = 5

// A Truth is what a reader must find in a log.
type Truth struct {
	Bytes      int64 `json:"bytes"`
	Lines      int   `json:"lines"`      // all lines, including junk and duplicates
	Junk       int   `json:"junk"`       // lines that are not a record
	Duplicates int   `json:"duplicates"` // lines that were written twice
	Traces     int   `json:"traces"`

	SpanEnds      int `json:"span_ends"`      // without duplicates
	DuplicateEnds int `json:"duplicate_ends"` // number of Duplicates that are span ends

	// FailedHash is the sum, modulo 1<<64, of the FNV-1a hashes of the failed traces' ids, in hex.
	FailedTraces int    `json:"failed_traces"`
	FailedHash   string `json:"failed_hash"`

	Ops     []Op     `json:"ops"`     // by name
	Lookups []Lookup `json:"lookups"` // some traces

	micros map[string][]uint32
	errors map[string]int
	failed uint64
}

// An Op describes the spans of one operation. Quantiles are interpolated linearly,
// as in SQL's percentile_cont.
type Op struct {
	Op     string  `json:"op"`
	Count  int     `json:"count"`
	Errors int     `json:"errors"`
	P50    float64 `json:"p50_ms"`
	P95    float64 `json:"p95_ms"`
	P99    float64 `json:"p99_ms"`
	Max    float64 `json:"max_ms"`
}

// A Lookup is the number of lines of a trace, without duplicates, how many of those are span ends,
// and how many are neither a span's start nor its end.
type Lookup struct {
	Trace string `json:"trace"`
	Lines int    `json:"lines"`
	Spans int    `json:"spans"`
	Logs  int    `json:"logs"`
}

func (t *Truth) init() {
	t.micros, t.errors = make(map[string][]uint32), make(map[string]int)
}

func (t *Truth) end(r *record) {
	t.SpanEnds++
	t.micros[r.op] = append(t.micros[r.op], uint32(r.micros))
	if r.failed != "" {
		t.errors[r.op]++
	}
}

func (t *Truth) fail(id string) {
	t.FailedTraces++
	t.failed += Hash(id)
}

func (t *Truth) look(id string, lines []*record) {
	l := Lookup{Trace: id, Lines: len(lines)}
	for _, r := range lines {
		switch r.msg {
		case "span end":
			l.Spans++
		case "span start":
		default:
			l.Logs++
		}
	}
	t.Lookups = append(t.Lookups, l)
}

// Hash returns the hash of id for the sum in [Truth.FailedHash].
func Hash(id string) uint64 {
	h := fnv.New64a()
	h.Write([]byte(id))
	return h.Sum64()
}

func (t *Truth) finish() {
	t.FailedHash = fmt.Sprintf("%016x", t.failed)
	for op, micros := range t.micros {
		slices.Sort(micros)
		at := func(q float64) float64 {
			x := q * float64(len(micros)-1)
			i := int(x)
			low := float64(micros[i])
			if i+1 < len(micros) {
				low += (x - float64(i)) * (float64(micros[i+1]) - low)
			}
			return low / 1000
		}
		t.Ops = append(t.Ops, Op{op, len(micros), t.errors[op], at(0.5), at(0.95), at(0.99), at(1)})
	}
	slices.SortFunc(t.Ops, func(a, b Op) int { return cmp.Compare(a.Op, b.Op) })
	t.micros, t.errors = nil, nil
}
