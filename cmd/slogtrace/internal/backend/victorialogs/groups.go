package victorialogs

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/slogtrace/slogtrace/cmd/slogtrace/internal/backend"
)

// groups are the ends of spans that match a query. VictoriaLogs counts those that are alike in much less time than it writes them.
type groups struct {
	store *Store
	names *names
	query *backend.Query
	by    []string // the members in which they may differ, besides ids and times

	// A span certainly began in time if its start is between these. They are whole seconds, because the texts of other times in
	// UTC need not be in order: "01.5Z" is before "01Z".
	since, until string
}

const (
	endRecord   = `"_msg":="span end"`
	startRecord = `"_msg":="span start"`

	// identified holds for lines with the ids of a span. An id whose digits are all 0 is none. Only that of a UUID has other characters.
	identified = `"trace":* "span":* !(("trace":="0"* "trace":~"^(0+|0[0-]{35})$") or ("span":="0"* "span":~"^(0+|0[0-]{35})$"))`

	// whenKey is the member of a row with the start and the time of an end that is not certain.
	whenKey = "slogtrace.when"
)

// different are the members in which spans differ that are otherwise alike.
var different = []string{"trace", "span", "start", "time", "_time", "_msg"}

// Groups returns nil if there are lines whose text only is kept, or with ids, times or messages under other names than the record
// schema's.
func (s *Store) Groups(ctx context.Context, q *backend.Query, since, until time.Time) (backend.Groups, error) {
	n, err := s.namesFor(ctx, q)
	if err != nil || n.text || n.there == nil {
		return nil, err
	}
	named := *n
	named.own, named.timed = true, true
	g := &groups{store: s, names: &named, query: q, since: seconds(since.Add(time.Second - 1)), until: seconds(until)}
	one := func(name string) bool { return slices.Contains(different, name) }
	g.by = slices.DeleteFunc(n.members(slices.DeleteFunc(slices.Clone(q.Fields), one)), one)
	for _, name := range slices.Concat(n.members([]string{"trace", "span", "start"}), n.of("msg"), n.traceIDs) {
		if !one(name) && !slices.Contains(g.by, name) { // these, too, could be what tells spans apart
			return nil, nil
		}
	}
	_, copies := n.there[backend.CopiesKey]
	_, when := n.there[whenKey]
	if copies || when || g.since >= g.until || len(n.of("msg")) != 1 || len(n.traceIDs) != 1 {
		return nil, nil
	}
	return g, nil
}

// seconds is a time without the fraction of its second, and without a zone.
func seconds(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05") }

// certain holds for spans that certainly began in time. A start with a Z is taken for a time in UTC: to look at the rest of it takes
// VictoriaLogs as long as to read the ids.
func (g *groups) certain() string {
	return fmt.Sprintf(`"start":string_range(%q, %q) "start":~"Z"`, g.since, g.until)
}

// Texts has a … where ids are put in.
func (g *groups) Texts() []string {
	times := backend.IDs{From: g.query.From, To: g.query.To}
	starts := times
	starts.Starts = true
	return []string{g.alike(g.query), g.ids(&times), g.ids(&starts), g.unfinished([]string{"…"})}
}

// ends returns a query for the ends of spans that match.
func (g *groups) ends(q *backend.Query) string { return g.names.filter(q) + " " + endRecord }

// alike returns a query for groups. Ends that are not certain differ in when they were.
func (g *groups) alike(q *backend.Query) string {
	return g.ends(q) + fmt.Sprintf(` | format if (!(%s)) "<start> <_time>" as %q | stats by (%s) count() %q`, g.certain(), whenKey, quoteNames(append(g.by, whenKey)), backend.CopiesKey)
}

// Ends sends one query.
func (g *groups) Ends(ctx context.Context, from, to time.Time, w io.Writer) (backend.Sum, error) {
	q := *g.query
	q.From, q.To = from, to
	return g.store.lines(ctx, g.alike(&q), &converter{w: w, began: g.since + "Z"}, nil)
}

// errDuration means that it counts when spans ended, in which those differ that are alike.
var errDuration = errors.New("a duration that is no number of milliseconds")

// group appends the members of the line for a row of alike that it does not have itself, with a comma behind each.
func (c *converter) group(b, row []byte) ([]byte, error) {
	copies, err := strconv.Atoi(string(c.textOf(row, isCopies)))
	if err != nil {
		return b, endedError(row)
	}
	c.sum.Ends += copies - 1 // and one for the line
	b = append(append(append(b, `"`+backend.CopiesKey+`":"`...), c.textOf(row, isCopies)...), `",`...)
	b = append(b, `"trace":"00000000000000000000000000000001","span":"0000000000000001",`...)
	when := c.textOf(row, isWhen)
	if len(when) == 0 {
		if !isDuration(c.textOf(row, durationMS)) {
			return b, errDuration
		}
		return append(append(append(b, `"start":"`...), c.began...), `",`...), nil
	}
	at := bytes.LastIndexByte(when, ' ')
	if at > 0 {
		b = append(append(append(b, `"start":"`...), when[:at]...), `",`...)
	}
	return append(append(append(b, `"time":"`...), when[at+1:]...), `",`...), nil
}

// noID is in the place of a span's id if a line does not have ids. No id is like it.
const noID = "0"

// columns are the members that IDs asks for.
func columns(want *backend.IDs) string {
	if want.Traces {
		return "span,trace"
	}
	return "span"
}

func (g *groups) ids(want *backend.IDs) string {
	q := *g.query
	q.From, q.To = want.From, want.To
	record := endRecord
	if want.Starts {
		record = startRecord
	}
	return g.names.filter(&q) + fmt.Sprintf(` %s | format if (!(%s)) %q as "span" | fields %s`, record, identified, noID, columns(want))
}

// IDs reads them as CSV, which takes VictoriaLogs less than objects, and much less than to find out whether they are distinct. Ids
// that are quoted there are taken for an error: no usual id is.
func (g *groups) IDs(ctx context.Context, want *backend.IDs, fn func(id []byte) error) error {
	head := columns(want)
	return g.store.eachRow(ctx, url.Values{"query": {g.ids(want)}, "format": {"csv"}}, func(row []byte) error {
		switch {
		case head != "":
			if string(row) != head {
				return endedError(row)
			}
			head = ""
			return nil
		case bytes.IndexByte(row, ' ') >= 0 || bytes.IndexByte(row, '"') >= 0:
			return endedError(row)
		case string(row) == noID || bytes.HasPrefix(row, []byte(noID+",")):
			return fn(nil)
		}
		return fn(row)
	})
}

// unfinished returns the starts of spans without an end. A query's condition need not hold for both.
func (g *groups) unfinished(spans []string) string {
	var b strings.Builder
	b.WriteString(g.names.filter(&backend.Query{From: g.query.From, To: g.query.To}))
	if spans != nil {
		fmt.Fprintf(&b, ` "span":in(%s)`, list(spans)) // first: few blocks have one
	}
	fmt.Fprintf(&b, ` (%s or %s) "trace":* | stats by (trace, span) count() if (%[2]s) ends, min(_time) if (%[1]s) as "time"`, startRecord, endRecord)
	names := []string{"trace", "span", "time", "_msg"}
	for _, name := range append([]string{"start"}, g.by...) {
		fmt.Fprintf(&b, ", max(%s) if (%s) %[1]s", quote(name), startRecord)
		names = append(names, name)
	}
	fmt.Fprintf(&b, ` | filter ends:=0 | format "span start" as "_msg" | fields %s`, quoteNames(names))
	return b.String()
}

func (g *groups) Unfinished(ctx context.Context, spans []string, w io.Writer) (backend.Sum, error) {
	return g.store.lines(ctx, g.unfinished(spans), &converter{w: w}, nil)
}
