package interop

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/slogtrace/slogtrace/interop/internal/victorialogs"
	"github.com/slogtrace/slogtrace/tracelog"
)

// The queries of docs/guide/victorialogs.md return whole traces, which tracelog reads as it reads the lines that were written.
func TestVictoriaLogsGuide(t *testing.T) {
	n := victorialogs.Start(t)
	guide, err := os.ReadFile("../docs/guide/victorialogs.md")
	if err != nil {
		t.Fatal(err)
	}
	queries := regexp.MustCompile(`-d 'query=(.*)' \| slogtrace`).FindAllStringSubmatch(string(guide), -1)
	if len(queries) != 2 { // and one with jq
		t.Fatalf("%d queries", len(queries))
	}
	for _, i := range []int{0, 2} { // as members, and with the line
		w, file := ship(t, n.URL+shipments[i].path, shipments[i].opts)
		shipRequests(t, io.MultiWriter(file, w), "guide", 2)
		if err := w.Shutdown(t.Context()); err != nil {
			t.Fatal(err)
		}
		want := readTraces(t, file.Bytes())
		if len(want) != 2 {
			t.Fatalf("%d traces", len(want))
		}
		ids := make([]string, 0, 2)
		for _, trace := range want {
			ids = append(ids, trace.ID)
			n.Flush(t)
			n.Await(t, "trace:="+trace.ID, len(trace.Spans))
		}
		for q, query := range queries {
			text := strings.Replace(query[1], "4bf92f3577b34da6a3ce929d0e0e4736", ids[0], 1)
			if (text != query[1]) != (q == 0) {
				t.Errorf("query %s", text)
			}
			resp, err := http.PostForm(n.URL+"/select/logsql/query", url.Values{"query": {text}})
			if err != nil {
				t.Fatal(err)
			}
			answer, err := io.ReadAll(resp.Body)
			resp.Body.Close()
			if err != nil || resp.StatusCode != http.StatusOK {
				t.Fatalf("%s: %s: %v %s", text, resp.Status, err, answer)
			}
			if line := shipments[i].line; line != "" {
				answer = keptLines(t, answer, line)
				for l := range bytes.Lines(answer) {
					if !bytes.Contains(file.Bytes(), l) {
						t.Errorf("never written: %s", l)
					}
				}
			}
			got := slices.DeleteFunc(readTraces(t, answer), func(s readTrace) bool { return !slices.Contains(ids, s.ID) }) // of this run
			if diff := cmp.Diff(want[:q+1], got); diff != "" {
				t.Errorf("%s, %s (-written +read):\n%s", shipments[i].name, text, diff)
			}
		}
	}
}

// keptLines returns the lines in a member, as jq -r does.
func keptLines(t *testing.T, answer []byte, member string) (lines []byte) {
	t.Helper()
	for l := range bytes.Lines(answer) {
		var members map[string]string
		if err := json.Unmarshal(l, &members); err != nil {
			t.Fatal(err)
		}
		if strings.HasPrefix(members[member], "{") { // one of those with the line
			lines = append(append(lines, members[member]...), '\n')
		}
	}
	return lines
}

// A readTrace is what tracelog reads of a trace.
type readTrace struct {
	ID    string
	Spans []string
}

func readTraces(t *testing.T, lines []byte) (traces []readTrace) {
	t.Helper()
	var entries []tracelog.Entry
	if _, err := tracelog.Scan(bytes.NewReader(lines), "", func(e tracelog.Entry) { entries = append(entries, e) }); err != nil {
		t.Fatal(err)
	}
	for _, trace := range tracelog.Assemble(entries) {
		r := readTrace{ID: trace.ID}
		for depth, s := range trace.All() {
			text := strings.Join([]string{strings.Repeat(".", depth) + s.Op, s.Kind, s.Service, s.Start.String(), s.Duration.String(), s.Error}, " ")
			for _, l := range s.Links {
				text += " " + l.Span
			}
			for _, l := range s.Logs {
				text += "\n" + l.Time.String() + " " + l.Level + " " + l.Message
			}
			r.Spans = append(r.Spans, text)
		}
		traces = append(traces, r)
	}
	slices.SortFunc(traces, func(a, b readTrace) int { return strings.Compare(strings.Join(a.Spans, ""), strings.Join(b.Spans, "")) })
	return traces
}
