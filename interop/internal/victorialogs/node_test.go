package victorialogs

import (
	"fmt"
	"net/http"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// insert writes lines number from to to.
func insert(t *testing.T, n *Node, from, to int) {
	t.Helper()
	var b strings.Builder
	for i := from; i < to; i++ {
		fmt.Fprintf(&b, `{"_time":"2026-03-01T09:15:00.%09dZ","_msg":"line","i":%[1]d,"g":{"x":null,"y":true}}`+"\n", i)
	}
	resp, err := http.Post(n.URL+"/insert/jsonline", "application/stream+json", strings.NewReader(b.String()))
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		t.Fatal(resp.Status)
	}
}

// A node keeps what it got through a restart and, once synced, through a crash. It is gone after its test.
func TestNode(t *testing.T) {
	var n *Node
	t.Run("running", func(t *testing.T) {
		n = Start(t)
		insert(t, n, 1, 2)
		n.Flush(t)
		want := []Line{{"_time": "2026-03-01T09:15:00.000000001Z", "_msg": "line", "i": "1", "g.y": "true"}}
		if diff := cmp.Diff(want, n.Query(t, "*")); diff != "" {
			t.Errorf("lines (-want +got):\n%s", diff)
		}
		n.Restart(t)
		insert(t, n, 2, 10)
		n.Sync(t)
		n.Kill(t)
		if n.ready() {
			t.Error("a node that was killed answers")
		}
		n.Restart(t)
		if got := n.Await(t, "i:*", 9); len(got) != 9 {
			t.Errorf("%d lines, want 9: %v", len(got), got)
		}
	})
	if n != nil {
		if _, err := os.Stat(n.command.Dir); !os.IsNotExist(err) || n.ready() {
			t.Errorf("not gone: %v", err)
		}
	}
}

// Both storage nodes of a cluster get a share, and the front reads both.
func TestCluster(t *testing.T) {
	c := StartCluster(t, 2)
	const lines = 2000
	for i := 0; i < lines; i += 100 {
		insert(t, c.Front, i, i+100)
	}
	if got := c.Front.Await(t, "*", lines); len(got) != lines {
		t.Errorf("%d lines, want %d", len(got), lines)
	}
	sum := 0
	for _, n := range c.Storage {
		sum += len(n.Query(t, "*"))
	}
	if sum != lines {
		t.Errorf("%d lines on the storage nodes, want %d", sum, lines)
	}
	if len(c.Nodes()) != 3 {
		t.Errorf("%d nodes", len(c.Nodes()))
	}
}
