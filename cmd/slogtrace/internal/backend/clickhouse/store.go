// Package clickhouse reads the lines in a table of ClickHouse, over HTTP. The table has the members of lines as columns, or
// whole lines as text. All versions from 18.16 on are spoken to in SQL that they have in common.
package clickhouse

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/slogtrace/slogtrace/cmd/slogtrace/internal/backend"
	"github.com/slogtrace/slogtrace/tracelog"
)

// A Store is a table of ClickHouse at an address.
type Store struct {
	Query   string // a condition in SQL, of the lines that are there at all; "": all
	Partial bool   // answer without the shards that are away

	access   *backend.Access
	database string // "": the user's default
	name     string // of the table
	options  options
	shape    *tracelog.Shape

	mu    sync.Mutex
	known *table // nil until asked for
}

// options are the parameters of an address: the names of columns.
type options struct{ line, time string }

// errAddress says what an address looks like.
var errAddress = errors.New("want clickhouse://host:8123/DATABASE/TABLE or clickhouse://host:8123/TABLE")

// New returns the store at an address such as clickhouse://host:8123/default/logs?line=body. Shape says under which names
// the lines have their members; it may be nil.
func New(address string, getenv func(string) string, shape *tracelog.Shape) (*Store, error) {
	s := &Store{shape: shape}
	base := address
	if u, err := url.Parse(address); err == nil && u.User == nil {
		if u.Host == "" {
			return nil, errAddress
		}
		segments := strings.Split(strings.Trim(u.EscapedPath(), "/"), "/")
		for _, name := range []*string{&s.name, &s.database} { // the last ones
			if n := len(segments) - 1; n >= 0 {
				*name, _ = url.PathUnescape(segments[n])
				segments = segments[:n]
			}
		}
		if s.name == "" {
			return nil, errAddress
		}
		if err := s.options.read(u.Query()); err != nil {
			return nil, err
		}
		prefix := *u
		prefix.Path, prefix.RawPath, prefix.RawQuery = strings.Join(append([]string{""}, segments...), "/"), "", ""
		base = prefix.String()
	}
	var err error
	s.access, err = backend.NewAccess(base, getenv)
	return s, err
}

func (o *options) read(params url.Values) error {
	for key, values := range params {
		if len(values) > 1 {
			return fmt.Errorf("%s is given %d times in the URL", key, len(values))
		}
		switch key {
		case "line":
			o.line = values[0]
		case "time":
			o.time = values[0]
		default:
			return fmt.Errorf("unknown parameter %q in the URL: want line=COLUMN or time=COLUMN", key)
		}
	}
	return nil
}

// Name is the address without parameters.
func (s *Store) Name() string {
	name := "clickhouse://" + s.access.URL.Host + s.access.URL.Path + "/"
	if s.database != "" {
		name += s.database + "/"
	}
	return name + s.name
}

// from is the table in SQL.
func (s *Store) from() string {
	if s.database == "" {
		return ident(s.name)
	}
	return ident(s.database) + "." + ident(s.name)
}

// Text is the query that Lines sends.
func (s *Store) Text(ctx context.Context, q *backend.Query) (string, error) {
	t, err := s.table(ctx)
	if err != nil {
		return "", err
	}
	return s.text(t, t.wanted(q.Fields), q), nil
}

func (s *Store) text(t *table, columns []column, q *backend.Query) string {
	selected := make([]string, len(columns))
	for i, c := range columns {
		selected[i] = c.selected() + " as " + alias(i)
	}
	text := "select " + strings.Join(selected, ", ") + " from " + s.from() + " where " + t.where(q)
	if q.Limit > 0 {
		text += " limit " + strconv.Itoa(q.Limit)
	}
	return text
}

// alias is the name of a column in an answer. It is hardly the name of a column in a table: in a condition, ClickHouse takes
// a name for that of what is selected.
func alias(i int) string { return "`" + strconv.Itoa(i) + "`" }

// wanted returns the columns to ask for.
func (t *table) wanted(fields []string) []column {
	if t.line != nil {
		return []column{*t.line, t.time}
	}
	names := map[string]bool{t.time.key: true}
	for _, f := range append([]string{"msg"}, fields...) {
		for _, name := range backend.FieldNames(f, t.mapped) {
			names[name] = true
		}
	}
	var all []column
	for _, c := range t.columns {
		inside := slices.ContainsFunc(fields, func(f string) bool { return strings.HasPrefix(f, c.key+".") })
		if fields == nil || names[c.key] || c.kind == texts || c.kind == other && inside {
			all = append(all, c)
		}
	}
	return all
}

// Lines writes lines of the record schema.
func (s *Store) Lines(ctx context.Context, q *backend.Query, w io.Writer) (backend.Sum, error) {
	t, err := s.table(ctx)
	if err != nil {
		return backend.Sum{}, err
	}
	columns := t.wanted(q.Fields)
	c := converter{w: bufio.NewWriterSize(w, 256<<10), columns: columns, line: -1, message: -1}
	c.time = slices.IndexFunc(columns, func(c column) bool { return c.name == t.time.name })
	if t.line != nil {
		c.line = 0
		c.batch = backend.NewBatch(q.Cond, s.shape, c.write)
	} else {
		messages := backend.Names("msg", t.mapped)
		c.message = slices.IndexFunc(columns, func(c column) bool { return slices.Contains(messages, c.key) })
	}
	if err = s.ask(ctx, s.text(t, columns, q), s.Partial, c.row); err == nil {
		err = c.end()
	}
	return c.sum, err
}

// Count counts lines.
func (s *Store) Count(ctx context.Context, q *backend.Query, step time.Duration) ([]backend.Bucket, error) {
	t, err := s.table(ctx)
	if err != nil {
		return nil, err
	}
	type row struct {
		Step  json.Number `json:"0"` // may be in quotes
		Lines json.Number `json:"1"`
	}
	var buckets []backend.Bucket
	var bad error
	sql := fmt.Sprintf("select intDiv(%s - %d, %d) as %s, count() as %s from %s where %s group by %[4]s",
		t.time.nanoseconds(), q.From.UnixNano(), step.Nanoseconds(), alias(0), alias(1), s.from(), t.where(q))
	err = rowsOf(ctx, s, sql, s.Partial, func(r row) bool {
		at, err := strconv.ParseInt(string(r.Step), 10, 64)
		lines, err2 := strconv.Atoi(string(r.Lines))
		if bad = errors.Join(err, err2); bad != nil {
			return false
		}
		buckets = append(buckets, backend.Bucket{From: q.From.Add(time.Duration(at) * step), Lines: lines})
		return true
	})
	return buckets, errors.Join(bad, err)
}

// Traces finds the ids of lines that are kept as text in the lines themselves.
func (s *Store) Traces(ctx context.Context, q *backend.Query, fn func(id string) bool) error {
	t, err := s.table(ctx)
	if err != nil {
		return err
	}
	if t.line != nil {
		return backend.TracesInLines(ctx, s, q, s.shape, fn)
	}
	for _, sql := range s.ids(t, q) {
		more := true
		err := rowsOf(ctx, s, sql, s.Partial, func(r struct {
			ID string `json:"0"`
		}) bool {
			more = r.ID == "" || fn(r.ID)
			return more
		})
		if err != nil || !more {
			return err
		}
	}
	return nil
}

// ids returns a query for the ids in each column that has some.
func (s *Store) ids(t *table, q *backend.Query) (list []string) {
	columns, _ := t.named(backend.Traced)
	for _, e := range columns {
		sql := "select distinct " + e.sql + " as " + alias(0) + " from " + s.from() + " where " + t.where(q)
		if q.Limit > 0 {
			sql += " limit " + strconv.Itoa(q.Limit+1) // one may be that of lines without an id
		}
		list = append(list, sql)
	}
	return list
}

// TracesText has a query for each column with ids. Ids in lines that are text are found in the lines.
func (s *Store) TracesText(ctx context.Context, q *backend.Query) (string, error) {
	t, err := s.table(ctx)
	switch {
	case err != nil:
		return "", err
	case t.line != nil:
		return s.Text(ctx, q)
	}
	return strings.Join(s.ids(t, q), "; "), nil
}

// MaxIDs returns how many ids a query may have. ClickHouse refuses a query of more than 256 KiB, and searches text for each.
func (s *Store) MaxIDs(ctx context.Context, _ *backend.Query) (int, error) {
	t, err := s.table(ctx)
	if err != nil {
		return 0, err
	}
	if t.line != nil {
		return 100, nil
	}
	return 1000, nil
}

// Subqueries reports whether all ids are in one column: those in text are found by reading it.
func (s *Store) Subqueries(ctx context.Context, _ *backend.Query) (bool, error) {
	t, err := s.table(ctx)
	if err != nil {
		return false, err
	}
	columns, exact := t.named(backend.Traced)
	return t.line == nil && exact && len(columns) == 1 && columns[0].kind == text, nil
}

// Missing asks for nothing, of all shards.
func (s *Store) Missing(ctx context.Context) error {
	t, err := s.table(ctx)
	if err != nil {
		return err
	}
	now := time.Now()
	sql := "select count() as " + alias(0) + " from " + s.from() + " where " + t.time.between(now, now.Add(1))
	return s.ask(ctx, sql, false, func([]byte) error { return nil })
}
