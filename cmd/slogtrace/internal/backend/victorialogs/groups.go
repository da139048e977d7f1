package victorialogs

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
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

	simple bool // Distinct has found that all ends have ids, and no two the same span id
}

const (
	endRecord   = `"_msg":="span end"`
	startRecord = `"_msg":="span start"`

	// identified holds for lines with the ids of a span. An id whose digits are all 0 is none.
	identified = `"trace":* "span":* !(("trace":="0"* "trace":~"^[0-]+$") or ("span":="0"* "span":~"^[0-]+$"))`

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

// Texts has a … where names of operations are put in.
func (g *groups) Texts() []string {
	return []string{g.alike(g.query), g.distinct("span"), g.operations(), g.begun([]string{"…"}), g.unfinished()}
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

func (g *groups) distinct(ids string) string {
	return g.ends(g.query) + fmt.Sprintf(" | stats count() all, count() if (%s) identified, count_uniq_hash(%s) spans", identified, ids)
}

// Distinct asks for the ids of spans alone at first, which takes half of the time. It must not be called by several goroutines.
func (g *groups) Distinct(ctx context.Context) (ends int, distinct bool, err error) {
	for _, ids := range []string{"span", "trace, span"} {
		err = eachRowOf(ctx, g.store, g.distinct(ids), func(r struct{ All, Identified, Spans string }) error {
			ends, err = strconv.Atoi(r.All)
			distinct = r.Identified == r.All && r.Spans == r.All
			return err
		})
		if err != nil || distinct {
			g.simple = distinct && ids == "span" && g.query.Cond == nil
			break
		}
	}
	return ends, distinct, err
}

// operations returns a query for the operations whose spans have starts.
func (g *groups) operations() string {
	return g.names.filter(g.query) + " " + startRecord + ` "trace":* | uniq by ("op")`
}

// spans returns a query for the starts and the ends of all spans: a condition need not hold for both.
func (g *groups) spans() string {
	return g.names.filter(&backend.Query{From: g.query.From, To: g.query.To}) + fmt.Sprintf(` (%s or %s) "trace":*`, startRecord, endRecord)
}

// begun counts the spans of operations that have an end, and those that have a start or an end.
func (g *groups) begun(ops []string) string {
	ended, spans := "count_uniq_hash(trace, span)", "count_uniq_hash(trace, span)"
	if g.simple {
		ended, spans = "count()", "count_uniq_hash(span)"
	}
	return g.spans() + fmt.Sprintf(` "op":in(%s) | stats %s if (%s) ended, %s spans`, list(ops), ended, endRecord, spans)
}

// unfinished returns the starts of spans without an end.
func (g *groups) unfinished() string {
	var b strings.Builder
	fmt.Fprintf(&b, `%s | stats by (trace, span) count() if (%s) ends, min(_time) if (%s) as "time"`, g.spans(), endRecord, startRecord)
	names := []string{"trace", "span", "time", "_msg"}
	for _, name := range append([]string{"start"}, g.by...) {
		fmt.Fprintf(&b, ", max(%s) if (%s) %[1]s", quote(name), startRecord)
		names = append(names, name)
	}
	fmt.Fprintf(&b, ` | filter ends:=0 | format "span start" as "_msg" | fields %s`, quoteNames(names))
	return b.String()
}

// maxOperations is how many a query names, which must not be longer than VictoriaLogs reads.
const maxOperations = 100

// Unfinished asks first whether there are any, which takes much less time.
func (g *groups) Unfinished(ctx context.Context, w io.Writer) (backend.Sum, error) {
	var ops []string
	err := eachRowOf(ctx, g.store, g.operations(), func(r struct{ Op string }) error {
		ops = append(ops, r.Op)
		return nil
	})
	if err != nil || len(ops) == 0 {
		return backend.Sum{}, err
	}
	none := false
	if len(ops) <= maxOperations {
		err = eachRowOf(ctx, g.store, g.begun(ops), func(r struct{ Ended, Spans string }) error {
			none = r.Ended == r.Spans
			return nil
		})
	}
	if err != nil || none {
		return backend.Sum{}, err
	}
	return g.store.lines(ctx, g.unfinished(), &converter{w: w}, nil)
}
