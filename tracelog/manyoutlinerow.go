package tracelog

import "math"

// noTime is after all times.
const noTime = math.MaxInt64

// An outlineRow is an Outline without pointers.
type outlineRow struct {
	id          [16]byte // if short; else where in long it is, and its length
	hash        uint64
	first, last int64 // first is noTime if there is none
	rootStart   int64
	rootLasted  int64
	lines       uint32
	starts      uint32
	spans       uint32
	again       uint32 // spans that are duplicates
	matched     uint32
	op, service uint32 // of names
	services    uint32 // of sets
	failure     uint32 // one more than the number of a failure; 0 if no span failed

	// What is known of the first span ends, so that one that comes again can be told. Those of further ones
	// are in a recordSet.
	tags   [8]uint32
	tagged uint8

	root  rootRank
	flags rowFlags
}

// A rowFlags says yes or no to some questions in one byte: with three, a row would have more than 128.
type rowFlags uint8

const (
	rowShort  rowFlags = 1 << iota // the id is
	rowFailed                      // the root has
	rowWanted                      // by Outlines.Traces
)

func (r *outlineRow) is(f rowFlags) bool { return r.flags&f != 0 }

func (r *outlineRow) set(f rowFlags, on bool) {
	r.flags &^= f
	if on {
		r.flags |= f
	}
}

// A failure is what is known of a trace's failed spans.
type failure struct {
	errors, again uint32
	at            int64 // when the first of them ended
	text, op      uint32
	unkept        bool
}

// A rootRank says how much speaks for the root that a row has.
type rootRank uint8

const (
	rootNone rootRank = iota
	rootLine
	rootSpan // with a parent
	rootRoot
)
