package tracelog

import (
	"slices"
)

// A Shape says where the records are in the lines of a log, and what their members are called, for logs of which that
// cannot be told from the lines themselves. Lines that have nothing of it are read as if there were no Shape.
//
// The [Entry.Raw] of a record that was read with a Shape is a line of the record schema, which has all members of the
// record and of what is around it.
type Shape struct {
	// Record is the path of the record in the object of each line: keys with dots between them, as in "result._raw". It
	// may lead through arrays. At its end is an object, or a string with a line. If it is "", the record is the outermost
	// object that has one of the Names.
	Record string

	// Names are paths in the record, or else in the line, by the names of the record schema: "trace": "ctx.tid". Besides
	// the schema's names there are duration_s, duration_us and duration_ns. A line with a trace, a span and a duration is
	// the end of a span, whatever its message is.
	Names map[string]string
}

// ShapeNames are the names that [Shape.Names] can have, in the order in which they are written.
func ShapeNames() []string { return slices.Clone(shapeNames[:]) }

var shapeNames = [...]string{
	"time", "level", "msg", "trace", "span", "op", "service", "parent", "kind", "start",
	"duration_ms", "duration_s", "duration_us", "duration_ns", "error",
}
