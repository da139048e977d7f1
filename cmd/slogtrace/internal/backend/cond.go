package backend

// A Cond is a condition on a line: All, Any, Not, Test, Trace, Grep or Unread. A store may accept more lines than a condition
// does, because what it returns is examined again, but never fewer. So it negates only what it can express exactly.
type Cond interface{ cond() }

type (
	// All holds if each of its conditions does.
	All []Cond
	// Any holds if one of its conditions does.
	Any []Cond
	// Not holds if its condition does not.
	Not struct{ Cond }

	// Trace holds for the lines of some traces.
	Trace struct {
		IDs    []string // as they are in the store
		Prefix bool     // they are the beginnings of ids
		Suffix bool     // they are the ends of ids
	}

	// TracesOf holds for the lines of the traces that have a line that a query matches. Only a [Subqueries] knows it.
	TracesOf struct{ Query *Query }

	// Test compares one member of a line. Key is a name of the record schema, which may have other names in the store, or
	// that of an attribute. A store keeps neither empty texts nor null.
	Test struct {
		Key    string
		Op     Op
		Values []string // of In
		Value  string   // of the others
	}

	// Grep holds if the regular expression matches the value of a member, or a member's name.
	Grep struct{ Regexp string }

	// Unread holds for lines whose members the store does not know, because it keeps the line as text.
	Unread struct{}
)

// An Op is how Test compares.
type Op uint8

const (
	Present Op = iota // it is there, and not empty
	In                // it is one of Values
	Matches           // it matches the regular expression Value somewhere
	AtLeast           // it is a number, and not less than Value
	AtMost            // likewise
)

func (All) cond()      {}
func (Any) cond()      {}
func (Not) cond()      {}
func (Trace) cond()    {}
func (TracesOf) cond() {}
func (Test) cond()     {}
func (Grep) cond()     {}
func (Unread) cond()   {}
