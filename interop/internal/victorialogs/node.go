// Package victorialogs starts VictoriaLogs for tests: one node, or a cluster. Each process has a directory of its own,
// and listens on 127.0.0.1. Without the program (package program), tests skip.
package victorialogs

import (
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/slogtrace/slogtrace/interop/internal/process"
	"github.com/slogtrace/slogtrace/interop/internal/program"
)

// A Node is a process of VictoriaLogs. It is safe for concurrent use, but for Stop, Kill and Restart.
type Node struct {
	URL string // http://127.0.0.1:PORT, also after Restart

	command process.Command
	process *process.Process // nil while it does not run
}

// Start starts a node that runs until the test ends, in less than a second. Flags are further ones of victoria-logs,
// such as "-insert.maxLineSizeBytes=1000". It accepts lines of any time.
func Start(t testing.TB, flags ...string) *Node {
	t.Helper()
	n, err := Open(program.Need(t, "victorialogs"), flags...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := n.Close(); err != nil {
			t.Error(err)
		}
	})
	return n
}

// Open starts a node of the program in a file, as Start does. The node runs until Close.
func Open(file string, flags ...string) (n *Node, err error) {
	// Another process may take the port that was free. The node then ends.
	for range 5 {
		if n, err = start(file, flags); err == nil {
			break
		}
	}
	return n, err
}

// A Cluster has a front, which stores nothing, and storage nodes, between which the front distributes what it gets.
// The front sends small data to one of them.
type Cluster struct {
	Front   *Node
	Storage []*Node
}

// StartCluster starts a cluster of a front and so many storage nodes.
func StartCluster(t testing.TB, nodes int) *Cluster {
	t.Helper()
	c := new(Cluster)
	var addresses []string
	for range nodes {
		n := Start(t)
		c.Storage = append(c.Storage, n)
		addresses = append(addresses, strings.TrimPrefix(n.URL, "http://"))
	}
	c.Front = Start(t, "-storageNode="+strings.Join(addresses, ","))
	return c
}

// Nodes returns all nodes, the front first.
func (c *Cluster) Nodes() []*Node { return append([]*Node{c.Front}, c.Storage...) }

func start(file string, flags []string) (_ *Node, err error) {
	dir, err := os.MkdirTemp("", "victorialogs")
	if err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			os.RemoveAll(dir)
		}
	}()
	port, err := process.FreePort()
	if err != nil {
		return nil, err
	}
	n := &Node{URL: fmt.Sprintf("http://127.0.0.1:%d", port)}
	n.command = process.Command{Dir: dir, Args: append([]string{
		file, "-storageDataPath=" + filepath.Join(dir, "data"), fmt.Sprintf("-httpListenAddr=127.0.0.1:%d", port),
		"-retentionPeriod=100y", "-futureRetention=100y", "-inmemoryDataFlushInterval=1s",
	}, flags...)}
	n.process, err = n.command.Start(n.ready)
	return n, err
}

func (n *Node) ready() bool {
	resp, err := http.Get(n.URL + "/health")
	if err != nil {
		return false
	}
	_ = resp.Body.Close()
	return resp.StatusCode == http.StatusOK
}

// Stop ends the node in order. Its data stay, for Restart.
func (n *Node) Stop(t testing.TB) {
	t.Helper()
	p := n.process
	n.process = nil
	if err := p.End(); err != nil {
		t.Fatalf("stop VictoriaLogs: %v\n%s", err, n.Log(t))
	}
}

// Kill ends the node as a crash does. What was not on disk yet is lost: see Sync. The other data stay, for Restart.
func (n *Node) Kill(t testing.TB) {
	t.Helper()
	p := n.process
	n.process = nil
	if err := p.Kill(); err != nil {
		t.Fatal(err)
	}
}

// Restart starts a node that does not run, at the same URL, with the data that it had. Before, it stops one that runs.
func (n *Node) Restart(t testing.TB) {
	t.Helper()
	if n.process != nil {
		n.Stop(t)
	}
	p, err := n.command.Start(n.ready)
	if err != nil {
		t.Fatal(err)
	}
	n.process = p
}

// Close ends the node and removes its directory.
func (n *Node) Close() error {
	if n.process == nil {
		return os.RemoveAll(n.command.Dir)
	}
	log, _ := os.ReadFile(filepath.Join(n.command.Dir, "log"))
	if err := n.process.Stop(); err != nil {
		return fmt.Errorf("stop VictoriaLogs: %w\n%s", err, log)
	}
	return nil
}

// CPU returns how much CPU time the node has used since it was started. Only Linux tells.
func (n *Node) CPU() (time.Duration, error) { return n.process.CPU() }

// Log returns what the node has logged so far.
func (n *Node) Log(t testing.TB) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(n.command.Dir, "log"))
	if err != nil {
		t.Error(err)
	}
	return string(text)
}

// get returns the answer to a request, which must have status 200.
func (n *Node) get(t testing.TB, path string, params map[string]string) io.ReadCloser {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, n.URL+path, nil)
	if err != nil {
		t.Fatal(err)
	}
	q := req.URL.Query()
	for key, value := range params {
		q.Set(key, value)
	}
	req.URL.RawQuery = q.Encode()
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	if resp.StatusCode != http.StatusOK {
		text, _ := io.ReadAll(io.LimitReader(resp.Body, 1000))
		_ = resp.Body.Close()
		t.Fatalf("VictoriaLogs: %s: %s: %s", req.URL, resp.Status, text)
	}
	return resp.Body
}
