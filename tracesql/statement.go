package tracesql

import (
	"log/slog"
	"strings"
	"sync"

	"github.com/slogtrace/slogtrace/internal/sqltext"
)

const operationKey = "db.operation.name"

// A statement is the op and the attributes that all spans of one text share.
type statement struct {
	op    string
	attrs []slog.Attr
}

const (
	maxCached    = 1024    // number of texts
	maxBytes     = 1 << 20 // bytes of all texts, original and cleaned
	maxCachedLen = 8 << 10 // bytes of one text
	maxTables    = 256     // number of tables in ops
)

// A textCache keeps the statements of the texts that were used last, in two halves.
// When the young half is full, it becomes the old half, and the texts of the former old half are forgotten.
type textCache struct {
	fixed   []slog.Attr // on every span
	dialect sqltext.Dialect
	op      func(query string) string // Options.Op
	noText  bool

	mu         sync.RWMutex
	young, old map[string]*statement
	bytes      int // bytes in young

	tables map[string]bool // the tables in ops
}

// statementOf returns the statement of a query, from the cache if it is there.
func (t *textCache) statementOf(query string) *statement {
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
		st = t.newStatement(query)
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
	size := len(query) + sqltext.MaxText
	if t.young == nil || len(t.young) >= maxCached/2 || t.bytes+size > maxBytes/2 {
		t.old, t.young, t.bytes = t.young, make(map[string]*statement), 0
	}
	if t.young[query] == nil {
		t.bytes += size
	}
	t.young[query] = st
}

// newStatement reads the text of a query.
func (t *textCache) newStatement(query string) *statement {
	r := sqltext.Read(query, t.dialect)
	st := &statement{op: r.Verb}
	if st.op == "" {
		st.op = "QUERY"
	}
	if r.Table != "" && t.allows(r.Table) {
		st.op += " " + r.Table
	}
	if t.op != nil {
		if op := t.op(query); op != "" {
			st.op = op
		}
	}
	st.attrs = make([]slog.Attr, len(t.fixed), len(t.fixed)+3)
	copy(st.attrs, t.fixed)
	if r.Verb != "" {
		st.attrs = append(st.attrs, slog.String(operationKey, r.Verb))
	}
	if r.Table != "" && r.Single {
		st.attrs = append(st.attrs, slog.String("db.collection.name", r.Table))
	}
	if !t.noText {
		st.attrs = append(st.attrs, slog.String("db.query.text", r.Text))
	}
	return st
}

// allows reports whether a table may be in an op. Only the first maxTables tables may.
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
