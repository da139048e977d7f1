package sqltext

import (
	"slices"
	"strings"
	"unicode"
)

// A shape finds the operation of a statement and its tables from the words of its text.
type shape struct {
	verb      string
	verbDepth int
	with      bool     // WITH was read, and the verb follows later
	names     []string // the names that WITH defines
	last      string   // the previous word, in upper case
	before    string   // the previous name outside parentheses
	distinct  bool     // the previous words are IS [NOT] DISTINCT: the FROM after them belongs to a comparison

	awaits  bool // the next name at depth is a table
	depth   int
	parts   []string // the parts of its name that have been read
	reading bool     // a part has been read
	dotted  bool     // a dot follows it

	tables []string // at most maxNames
	main   int      // 1 + index of the verb's table; -1 if WITH defines it
	many   bool     // FROM has a list, or a table's name could not be read
	done   bool     // a semicolon was read

	// by depth of parentheses
	selects [maxDepth]bool // SELECT or DELETE was read, so a FROM belongs to it
	from    [maxDepth]bool // the list of tables after FROM is being read
}

const maxNames = 8

// word notes a word that is not in quotes. upper is the word in upper case, or "" if it is too long for a keyword.
func (s *shape) word(w, upper string, depth int) {
	if s.done {
		return
	}
	before, distinct := s.last, s.distinct
	s.last, s.distinct = upper, upper == "DISTINCT" && (s.last == "IS" || s.last == "NOT")
	if s.awaits && depth == s.depth && !s.reading && beforeTable[upper] {
		return
	}
	if s.awaits && depth == s.depth && (!s.reading || s.dotted) && !isClause[upper] {
		s.part(w)
		return
	}
	s.flush()
	verb := s.verb
	switch {
	case s.verb == "" && !s.with && upper == "WITH":
		s.with = true
	case s.verb == "" && s.with:
		if upper == "AS" && depth == 0 && len(s.names) < maxNames {
			s.names = append(s.names, s.before)
		}
		if depth == 0 && afterWith[upper] {
			s.verb, s.verbDepth = upper, depth
		}
	case s.verb == "" && before == "" && len(s.tables) == 0 && verbs[upper]:
		s.verb, s.verbDepth = upper, depth
	}
	if depth == 0 {
		s.before = w
	}
	inside := depth < maxDepth
	switch upper {
	case "SELECT", "DELETE":
		if inside {
			s.selects[depth], s.from[depth] = true, false
		}
	case "FROM":
		isUpdate := s.verb == "UPDATE" && depth == s.verbDepth
		if !distinct && (inside && s.selects[depth] || isUpdate) {
			s.await(depth)
			if inside {
				s.from[depth] = true
			}
		}
	case "JOIN", "INTO", "TABLE", "TRUNCATE":
		s.await(depth)
	case "UPDATE", "COPY":
		if verb == "" && s.verb == upper {
			s.await(depth)
		}
	case "USING":
		s.many = true
	case "WHERE", "SET", "GROUP", "ORDER", "HAVING", "LIMIT", "UNION", "EXCEPT", "INTERSECT", "WINDOW", "RETURNING", "FOR":
		if inside {
			s.from[depth] = false
		}
	}
}

// isClause contains words that are not the name of a table although they are where one is expected.
var isClause = setOf("SELECT VALUES WHERE SET FROM JOIN USING ON AS UNNEST OUTFILE DUMPFILE")

// name notes an identifier in quotes.
func (s *shape) name(w string, depth int) {
	if s.done {
		return
	}
	s.last = "\""
	if s.awaits && depth == s.depth && (!s.reading || s.dotted) {
		s.part(w)
		return
	}
	s.flush()
	if depth == 0 {
		s.before = w
	}
}

func (s *shape) await(depth int) {
	s.awaits, s.reading, s.dotted, s.depth, s.parts = true, false, false, depth, nil
}

// part notes a part of a table's name.
func (s *shape) part(w string) {
	s.parts = append(s.parts, w)
	s.reading, s.dotted = true, false
}

// flush ends the name of a table.
func (s *shape) flush() {
	if !s.awaits {
		return
	}
	s.awaits = false
	name := strings.Join(s.parts, ".")
	isNew := !slices.Contains(s.tables, name)
	switch {
	case len(s.parts) == 0:
	case len(s.tables) == maxNames || len(name) > MaxName || !isName(name):
		s.many = true
	case slices.ContainsFunc(s.names, func(n string) bool { return strings.EqualFold(n, name) }):
		if s.main == 0 && s.verb != "" && s.depth == s.verbDepth {
			s.main = -1 // WITH defines it
		}
	default:
		if isNew {
			s.tables = append(s.tables, name)
		}
		if s.main == 0 && s.verb != "" && s.depth == s.verbDepth {
			s.main = slices.Index(s.tables, name) + 1
		}
	}
}

// isName reports whether s may be the name of a table in an op.
func isName(s string) bool {
	for _, r := range s {
		if !unicode.IsLetter(r) && !unicode.IsDigit(r) && !strings.ContainsRune("_.$-", r) {
			return false
		}
	}
	return s != ""
}

func (s *shape) comma(depth int) {
	s.flush()
	if depth < maxDepth && s.from[depth] {
		s.many = true
	}
}

func (s *shape) open(depth int) {
	if s.awaits && s.reading && s.verb != "INSERT" && s.verb != "REPLACE" && s.verb != "CREATE" && s.verb != "COPY" {
		s.awaits, s.many = false, true // the name is that of a function
	}
	s.flush()
	if depth < maxDepth {
		s.selects[depth], s.from[depth] = false, false
	}
}

func (s *shape) close(int) { s.flush() }

func (s *shape) end() {
	s.flush()
	s.done = true
}

// other notes any other token.
func (s *shape) other() { s.flush() }

// dot notes a dot.
func (s *shape) dot() {
	if s.awaits && s.reading {
		s.dotted = true
	} else {
		s.flush()
	}
}

// subject returns the table of the verb, and whether the statement has no other table.
func (s *shape) subject() (table string, single bool) {
	s.flush()
	if s.main <= 0 {
		return "", false
	}
	return s.tables[s.main-1], len(s.tables) == 1 && !s.many
}
