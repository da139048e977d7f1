package tracesql

import (
	"log/slog"
	"strings"
	"sync"
	"unicode/utf8"
)

// A statement is what spans of one text have in common.
type statement struct {
	op    string
	attrs []slog.Attr
}

const (
	maxCached    = 1024    // texts
	maxBytes     = 1 << 20 // of texts, cleaned and not
	maxCachedLen = 8 << 10 // of one text
	maxName      = 128     // of a table, a code, a name of an argument
	maxTables    = 256     // in ops
)

// A textCache keeps the statements of the texts that were used last, in two halves: when the young one is full it becomes
// the old one, whose texts are forgotten.
type textCache struct {
	mu         sync.RWMutex
	young, old map[string]*statement
	bytes      int // of young

	tables map[string]bool // in ops
}

// statementOf returns the statement of a query.
func (c *config) statementOf(query string) *statement {
	t := &c.texts
	t.mu.RLock()
	st := t.young[query]
	t.mu.RUnlock()
	if st != nil {
		return st
	}
	t.mu.Lock()
	st = t.old[query]
	t.mu.Unlock()
	if st == nil {
		st = c.newStatement(query)
	}
	if len(query) <= maxCachedLen {
		t.add(strings.Clone(query), st)
	}
	return st
}

// add adds the statement of a query to the young half.
func (t *textCache) add(query string, st *statement) {
	t.mu.Lock()
	defer t.mu.Unlock()
	size := len(query) + maxText
	if t.young == nil || len(t.young) >= maxCached/2 || t.bytes+size > maxBytes/2 {
		t.old, t.young, t.bytes = t.young, make(map[string]*statement), 0
	}
	if t.young[query] == nil {
		t.bytes += size
	}
	t.young[query] = st
}

// newStatement reads a query.
func (c *config) newStatement(query string) *statement {
	r := read(query, c.dialect)
	st := &statement{op: r.verb}
	if st.op == "" {
		st.op = "QUERY"
	}
	if r.table != "" && c.texts.allows(r.table) {
		st.op += " " + r.table
	}
	if c.opts.Op != nil {
		if op := c.opts.Op(query); op != "" {
			st.op = op
		}
	}
	st.attrs = make([]slog.Attr, len(c.fixed), len(c.fixed)+3)
	copy(st.attrs, c.fixed)
	if r.verb != "" {
		st.attrs = append(st.attrs, slog.String(operationKey, r.verb))
	}
	if r.table != "" && r.single {
		st.attrs = append(st.attrs, slog.String("db.collection.name", r.table))
	}
	if !c.opts.NoText {
		st.attrs = append(st.attrs, slog.String("db.query.text", r.text))
	}
	return st
}

// allows reports whether a table may be in an op: the first maxTables may.
func (t *textCache) allows(table string) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.tables[table] {
		return true
	}
	if len(t.tables) >= maxTables {
		return false
	}
	if t.tables == nil {
		t.tables = make(map[string]bool)
	}
	t.tables[table] = true
	return true
}

const ellipsis = "…"

// cut returns s, or as much of its beginning as, with an ellipsis, has at most limit bytes.
func cut(s string, limit int) string {
	if len(s) <= limit {
		return s
	}
	n := limit - len(ellipsis)
	for n > 0 && !utf8.RuneStart(s[n]) {
		n--
	}
	return s[:n] + ellipsis
}
