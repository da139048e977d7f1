package tracelog

import "math"

// noTime is later than all times.
const noTime = math.MaxInt64

// An outlineRow is an Outline without pointers.
type outlineRow struct {
	id          [16]byte // if short; else its index in long, and its length
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

	// The tags of the first span ends, to detect duplicates. The span ends after those are in a recordSet.
	tags   [8]uint64
	tagged uint8

	root  rootRank
	flags rowFlags
}

// A rowFlags holds several booleans in one byte. With four bool fields, a row would be larger than 160 bytes.
type rowFlags uint8

const (
	rowShort    rowFlags = 1 << iota // the id is short
	rowFailed                        // the root has failed
	rowExternal                      // the root's parent is another tracing system's span
	rowWanted                        // wanted by Outlines.Traces
)

func (r *outlineRow) is(f rowFlags) bool { return r.flags&f != 0 }

func (r *outlineRow) set(f rowFlags, on bool) {
	r.flags &^= f
	if on {
		r.flags |= f
	}
}

// flagIf returns f if on, else no flag.
func flagIf(f rowFlags, on bool) rowFlags {
	if on {
		return f
	}
	return 0
}

// A failure describes a trace's failed spans.
type failure struct {
	errors, again uint32
	at            int64 // when the first of them ended
	text, op      uint32
	unkept        bool
}

// A rootRank is how likely the root that a row has is the trace's root.
type rootRank uint8

const (
	rootNone rootRank = iota
	rootLine
	rootSpan // with a parent
	rootRoot
)
