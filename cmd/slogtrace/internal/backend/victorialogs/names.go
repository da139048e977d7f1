package victorialogs

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/slogtrace/slogtrace/cmd/slogtrace/internal/backend"
)

// names are those under which lines have the members of the record schema.
type names struct {
	traceIDs []string            // of the trace's id
	text     bool                // there may be lines of which only the text is kept
	mapped   map[string]string   // by --map
	query    string              // Store.Query
	timed    bool                // all lines are wanted with their times
	own      bool                // only lines whose trace id is called "trace" are wanted
	there    map[string]struct{} // the members that lines have; nil if not known
}

// around is how far before and after a query's time the names of members are looked for: whole traces are read from there, too.
const around = 24 * time.Hour

// namesFor returns the names. A query for the lines of traces alone does not ask the store for them, nor does one that will be
// asked again for later lines.
func (s *Store) namesFor(ctx context.Context, q *backend.Query) (*names, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.names != nil && !q.Live {
		return s.names, nil
	}
	n := &names{text: true, query: s.Query}
	if s.shape != nil {
		n.mapped = s.shape.Names
	}
	n.traceIDs = n.of(backend.Traced)
	if _, alone := q.Cond.(backend.Trace); alone || q.Live {
		return n, nil
	}
	wide := &backend.Query{From: q.From.Add(-around), To: q.To.Add(around)}
	there, err := s.fieldNames(ctx, n.filter(wide))
	if err != nil {
		return nil, err
	}
	n.there = there
	n.traceIDs = n.of(backend.Traced)
	if _, ok := there["_msg"]; ok {
		wide.Cond = backend.Unread{}
		n.text = false
		err := eachRowOf(ctx, s, n.filter(wide)+" | fields _time | limit 1", func(map[string]string) error {
			n.text = true
			return nil
		})
		if err != nil {
			return nil, err
		}
	} else {
		n.text = false
	}
	s.names = n
	return n, nil
}

// fieldNames returns the names of all members.
func (s *Store) fieldNames(ctx context.Context, text string) (map[string]struct{}, error) {
	body, err := s.post(ctx, "/select/logsql/field_names", asked(text))
	if err != nil {
		return nil, err
	}
	defer body.Close()
	var answer struct {
		Values []struct {
			Value string `json:"value"`
		} `json:"values"`
	}
	if err := json.NewDecoder(io.LimitReader(body, maxAnswer)).Decode(&answer); err != nil {
		return nil, fmt.Errorf("names of members: %w", err)
	}
	there := make(map[string]struct{})
	for _, v := range answer.Values {
		there[v.Value] = struct{}{}
	}
	return there, nil
}

// of returns the names of a member, those that lines have if that is known.
func (n *names) of(key string) []string {
	all := backend.Names(key, n.mapped)
	if n.there == nil {
		return all
	}
	kept := slices.DeleteFunc(slices.Clone(all), func(name string) bool {
		_, ok := n.there[name]
		return !ok
	})
	if len(kept) == 0 {
		return all[:1]
	}
	return kept
}

// fields returns pipes for the members that are named, and those that every line needs. Untimed reports that lines with a start and
// a duration come without the time: to write that takes VictoriaLogs as long as to write half of a span's other members.
func (n *names) fields(keys []string) (pipes string, untimed bool) {
	list := []string{"_time", "_msg"}
	_, own := n.there["time"]
	untimed = !n.timed && n.there != nil && !own && !slices.Contains(keys, "time") && slices.Contains(keys, "start") && slices.Contains(keys, "duration_ms")
	if untimed {
		list[0] = "time"
		pipes = ` | format if ("start":"" or "duration_ms":"") "<_time>" as "time"`
	}
	for _, name := range n.members(keys) {
		if untimed && name == "_time" { // it tells whose names a line has, but is called time then
			continue
		}
		if !slices.Contains(list, name) {
			list = append(list, name)
		}
	}
	return pipes + " | fields " + quoteNames(list), untimed
}

// members returns the names under which lines have some members.
func (n *names) members(keys []string) []string {
	var list []string
	for _, key := range keys {
		for _, name := range backend.FieldNames(key, n.mapped) {
			if _, ok := n.there[name]; (ok || n.there == nil) && !slices.Contains(list, name) {
				list = append(list, name)
			}
		}
	}
	return list
}

func quoteNames(list []string) string {
	quoted := make([]string, len(list))
	for i, name := range list {
		quoted[i] = quote(name)
	}
	return strings.Join(quoted, ",")
}
