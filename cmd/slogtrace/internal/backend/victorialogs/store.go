// Package victorialogs reads the lines in VictoriaLogs, a single node or a cluster.
package victorialogs

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/slogtrace/slogtrace/cmd/slogtrace/internal/backend"
	"github.com/slogtrace/slogtrace/tracelog"
)

// A Store is VictoriaLogs at an address.
type Store struct {
	Query   string // in LogsQL, of the lines that are there at all; "": all
	Partial bool   // answer without the nodes that are away

	access *backend.Access
	tenant http.Header
	shape  *tracelog.Shape

	mu    sync.Mutex
	names *names // nil until asked for
}

var tenants = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`^([0-9]{1,10})(?::([0-9]{1,10}))?$`) })

// New returns the store at an address such as victorialogs://host:9428?tenant=1:2. Shape says under which names the lines
// have their members; it may be nil.
func New(address string, getenv func(string) string, shape *tracelog.Shape) (*Store, error) {
	a, err := backend.NewAccess(address, getenv)
	if err != nil {
		return nil, err
	}
	s := &Store{access: a, tenant: http.Header{}, shape: shape}
	u, _ := url.Parse(address)
	for key, values := range u.Query() {
		if key != "tenant" {
			return nil, fmt.Errorf("unknown parameter %q in the URL: want tenant=ACCOUNT:PROJECT", key)
		}
		m := tenants().FindStringSubmatch(values[0])
		if m == nil || len(values) > 1 {
			return nil, fmt.Errorf("tenant %q: want ACCOUNT:PROJECT, two numbers", values[0])
		}
		s.tenant.Set("AccountID", m[1])
		if m[2] != "" {
			s.tenant.Set("ProjectID", m[2])
		}
	}
	return s, nil
}

// Name is the address without parameters.
func (s *Store) Name() string { return "victorialogs://" + s.access.URL.Host + s.access.URL.Path }

// Text is the query that Lines sends.
func (s *Store) Text(ctx context.Context, q *backend.Query) (string, error) {
	text, _, err := s.text(ctx, q)
	return text, err
}

// text returns the query that Lines sends, and what names.fields reports.
func (s *Store) text(ctx context.Context, q *backend.Query) (text string, untimed bool, err error) {
	n, err := s.namesFor(ctx, q)
	if err != nil {
		return "", false, err
	}
	text = n.filter(q)
	if q.Fields != nil {
		var pipes string
		pipes, untimed = n.fields(q.Fields)
		text += pipes
	}
	if q.Limit > 0 {
		text += fmt.Sprintf(" | limit %d", q.Limit)
	}
	return text, untimed, nil
}

// asked is the form of a query.
func asked(text string) url.Values { return url.Values{"query": {text}} }

// post sends a query.
func (s *Store) post(ctx context.Context, path string, form url.Values) (io.ReadCloser, error) {
	if s.Partial {
		form.Set("allow_partial_response", "1")
	}
	body, err := s.access.Post(ctx, path, form, s.tenant)
	if cut := new(backend.CutError); errors.As(err, &cut) && strings.Contains(err.Error(), busy) {
		err = &backend.AwayError{Err: cut.Err}
	}
	return body, err
}

// busy is in the answer to a query that had to wait too long for others. It has the same status as one that took too long.
const busy = "couldn't start executing the request"

const queryPath = "/select/logsql/query"

// Lines writes lines of the record schema.
func (s *Store) Lines(ctx context.Context, q *backend.Query, w io.Writer) (backend.Sum, error) {
	text, untimed, err := s.text(ctx, q)
	if err != nil {
		return backend.Sum{}, err
	}
	return s.lines(ctx, text, &converter{w: w, untimed: untimed}, q.Cond)
}

// lines writes the rows of the answer to a query.
func (s *Store) lines(ctx context.Context, text string, c *converter, cond backend.Cond) (backend.Sum, error) {
	body, err := s.post(ctx, queryPath, asked(text))
	if err != nil {
		return backend.Sum{}, err
	}
	defer body.Close()
	c.batch = backend.NewBatch(cond, s.shape, func(line []byte, at time.Time) error { return c.write(line, []byte(instant(at))) })
	err = c.rows(body)
	switch {
	case ctx.Err() != nil:
		err = ctx.Err()
	case err == errUntimed: // ask again at once, with times
		s.mu.Lock()
		timed := *s.names
		timed.timed = true
		s.names = &timed
		s.mu.Unlock()
		err = &backend.AwayError{Err: err}
	}
	return c.sum, err
}

// eachRow calls fn with each row of the answer to a query, until fn returns an error.
func (s *Store) eachRow(ctx context.Context, form url.Values, fn func(row []byte) error) error {
	body, err := s.post(ctx, queryPath, form)
	if err != nil {
		return err
	}
	defer body.Close()
	err = backend.EachRow(body, fn)
	if ctx.Err() != nil {
		return ctx.Err()
	}
	return err
}

// eachRowOf calls fn with each row of the answer to a query, until fn returns an error.
func eachRowOf[Row any](ctx context.Context, s *Store, text string, fn func(r Row) error) error {
	return s.eachRow(ctx, asked(text), func(row []byte) error {
		var r Row
		if err := json.Unmarshal(row, &r); err != nil {
			return endedError(row)
		}
		return fn(r)
	})
}

// Count counts lines.
func (s *Store) Count(ctx context.Context, q *backend.Query, step time.Duration) ([]backend.Bucket, error) {
	n, err := s.namesFor(ctx, q)
	if err != nil {
		return nil, err
	}
	type row struct {
		Time  *time.Time `json:"_time"`
		Lines string     `json:"lines"`
	}
	by := ""
	if step < q.To.Sub(q.From) { // else VictoriaLogs need not look at the times of the lines
		by = fmt.Sprintf("by (_time:%dns) ", step.Nanoseconds())
	}
	var buckets []backend.Bucket
	err = eachRowOf(ctx, s, n.filter(q)+" | stats "+by+"count() lines", func(r row) error {
		lines, err := strconv.Atoi(r.Lines)
		if err != nil {
			return fmt.Errorf("a count that is no number: %.100q", r.Lines)
		}
		b := backend.Bucket{From: q.From, Lines: lines}
		if r.Time != nil {
			b.From = *r.Time
		}
		buckets = append(buckets, b)
		return nil
	})
	return buckets, err
}

// errEnough ends an answer of which the rest is not wanted.
var errEnough = errors.New("enough")

// TracesText is the query for ids that are members.
func (s *Store) TracesText(ctx context.Context, q *backend.Query) (string, error) {
	n, err := s.namesFor(ctx, q)
	if err != nil {
		return "", err
	}
	return n.ids(q), nil
}

// ids returns a query for the ids of the lines that match.
func (n *names) ids(q *backend.Query) string {
	text := fmt.Sprintf("%s | uniq by (%s)", n.filter(q), quoteNames(n.traceIDs))
	if q.Limit > 0 && len(n.traceIDs) == 1 {
		text += fmt.Sprintf(" limit %d", q.Limit+1) // one may be that of lines without an id
	}
	return text
}

// Traces finds the ids of lines that are kept as text in the lines themselves.
func (s *Store) Traces(ctx context.Context, q *backend.Query, fn func(id string) bool) error {
	n, err := s.namesFor(ctx, q)
	if err != nil {
		return err
	}
	enough := false
	var c converter // json.Unmarshal takes longer than VictoriaLogs for the ids
	err = s.eachRow(ctx, asked(n.ids(q)), func(row []byte) error {
		if !c.cut(row) {
			return endedError(row)
		}
		for i := range c.members {
			if c.unquote(c.members[i].text(row)) && !fn(string(c.text)) {
				enough = true
				return errEnough
			}
		}
		return nil
	})
	if enough {
		return nil
	}
	if err != nil || !n.text {
		return err
	}
	unread := *q
	unread.Cond = backend.Unread{}
	unread.Fields = []string{"msg"}
	return backend.TracesInLines(ctx, s, &unread, s.shape, fn)
}

// maxIDBytes is how much of a query ids may fill: VictoriaLogs refuses a query of more than 16 KiB.
const maxIDBytes = 12 << 10

// MaxIDs returns how many ids of 32 digits fit.
func (s *Store) MaxIDs(ctx context.Context, q *backend.Query) (int, error) {
	n, err := s.namesFor(ctx, q)
	if err != nil {
		return 0, err
	}
	places := len(n.traceIDs)
	if n.text {
		places++
	}
	return max(1, (maxIDBytes-len(s.Query))/((32+len(`"",`))*places)), nil
}

// Subqueries reports whether all ids are members: those in text are found here only. Ids of one trace under several names are
// not found by one another.
func (s *Store) Subqueries(ctx context.Context, q *backend.Query) (bool, error) {
	n, err := s.namesFor(ctx, q)
	return err == nil && !n.text && len(n.traceIDs) == 1, err
}

// Missing asks for nothing, of all nodes.
func (s *Store) Missing(ctx context.Context) error {
	begin := time.Unix(0, 0) // always the same, so that the same error has the same text
	form := url.Values{"query": {fmt.Sprintf("_time:[%s, %s) | stats count() lines", instant(begin), instant(begin.Add(1)))}}
	body, err := s.access.Post(ctx, queryPath, form, s.tenant)
	if err != nil {
		return err
	}
	defer body.Close()
	_, err = io.Copy(io.Discard, io.LimitReader(body, maxAnswer))
	return err
}

// maxAnswer limits what is read of a short answer, which is no list of rows.
const maxAnswer = 16 << 20

// endedError returns the error for text in the place of a row: VictoriaLogs writes there why it ended a query.
func endedError(text []byte) error {
	const most = 500
	if i := bytes.LastIndexByte(text, '}'); i >= 0 { // behind a row
		text = text[i+1:]
	}
	if len(bytes.TrimSpace(text)) == 0 {
		return &backend.CutError{Err: errors.New("the answer was cut off")}
	}
	why := unescape(strings.ToValidUTF8(string(text[:min(len(text), most)]), "?"))
	return &backend.CutError{Err: errors.New(why)}
}

// unescape replaces what VictoriaLogs escapes as in HTML.
func unescape(s string) string {
	return strings.NewReplacer("&#34;", `"`, "&#39;", "'", "&lt;", "<", "&gt;", ">", "&quot;", `"`, "&amp;", "&").Replace(s)
}
