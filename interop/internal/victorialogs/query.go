package victorialogs

import (
	"bufio"
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"
)

// A Line is the members of a line. VictoriaLogs keeps all values as strings, and objects as members with dotted names.
// It adds _stream and _stream_id; Query removes both.
type Line map[string]string

// Query returns the lines of a query in LogsQL, such as `service:=api`. They are in no order, unless the query sorts them.
// A line that was written a moment ago may be missing: see Flush and Await.
func (n *Node) Query(t testing.TB, query string) (lines []Line) {
	t.Helper()
	answer := n.get(t, "/select/logsql/query", map[string]string{"query": query})
	defer answer.Close()
	scanner := bufio.NewScanner(answer)
	scanner.Buffer(nil, 64<<20)
	for scanner.Scan() {
		var l Line
		if err := json.Unmarshal(scanner.Bytes(), &l); err != nil {
			t.Fatalf("VictoriaLogs: %s: %v in %s", query, err, scanner.Bytes())
		}
		delete(l, "_stream")
		delete(l, "_stream_id")
		lines = append(lines, l)
	}
	if err := scanner.Err(); err != nil {
		t.Fatalf("VictoriaLogs: %s: %v", query, err)
	}
	return lines
}

// Await repeats a query until it returns at least so many lines, or for 20 seconds: lines appear some time after
// they were accepted. It returns what the last query returned, which may be fewer or more.
func (n *Node) Await(t testing.TB, query string, want int) []Line {
	t.Helper()
	for deadline := time.Now().Add(20 * time.Second); ; time.Sleep(50 * time.Millisecond) {
		if lines := n.Query(t, query); len(lines) >= want || time.Now().After(deadline) {
			return lines
		}
	}
}

// Flush makes what the node has accepted visible to queries. Of a cluster, the storage nodes have the data;
// what the front holds back goes to them within a second.
func (n *Node) Flush(t testing.TB) {
	t.Helper()
	n.get(t, "/internal/force_flush", nil).Close()
}

// Sync waits until what the node has accepted is on disk, where it is safe from Kill.
func (n *Node) Sync(t testing.TB) {
	t.Helper()
	n.Flush(t)
	for deadline := time.Now().Add(20 * time.Second); ; time.Sleep(20 * time.Millisecond) {
		if n.Metric(t, `vl_storage_rows{type="storage/inmemory"}`) == 0 {
			return
		}
		if time.Now().After(deadline) {
			t.Fatal("VictoriaLogs does not write its data to disk")
		}
	}
}

// Metric returns a number that the node counts; 0 if there is none of that name.
func (n *Node) Metric(t testing.TB, name string) float64 {
	t.Helper()
	all, err := n.Metrics()
	if err != nil {
		t.Fatal(err)
	}
	return all[name]
}

// Metrics returns all numbers that the node counts. A name has the labels, as in vl_storage_rows{type="storage/inmemory"}.
func (n *Node) Metrics() (map[string]float64, error) {
	resp, err := http.Get(n.URL + "/metrics")
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	all := make(map[string]float64)
	lines := bufio.NewScanner(resp.Body)
	for lines.Scan() {
		i := strings.LastIndexByte(lines.Text(), ' ')
		if i < 0 || lines.Text()[0] == '#' {
			continue
		}
		x, err := strconv.ParseFloat(lines.Text()[i+1:], 64)
		if err != nil {
			return nil, fmt.Errorf("VictoriaLogs: a metric that is no number: %s", lines.Text())
		}
		all[lines.Text()[:i]] = x
	}
	return all, lines.Err()
}
