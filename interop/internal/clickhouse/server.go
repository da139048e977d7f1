// Package clickhouse starts servers of Debian's ClickHouse for tests. Each has a directory of its own, and listens on
// 127.0.0.1. Without the program, tests skip.
package clickhouse

import (
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/slogtrace/slogtrace/interop/internal/process"
)

// A Server is a process of ClickHouse.
type Server struct {
	URL string // http://127.0.0.1:PORT

	native  int // the port for other servers
	dir     string
	command process.Command
	process *process.Process // nil while it does not run
}

// Start starts a server that runs until the test ends, in about a second.
func Start(t testing.TB) *Server {
	t.Helper()
	return StartCluster(t, 1)[0]
}

// StartCluster starts servers that know each other as the shards of the cluster named shards.
func StartCluster(t testing.TB, n int) []*Server {
	t.Helper()
	program, err := exec.LookPath("clickhouse-server")
	if err != nil || !process.Supported {
		t.Skip("no clickhouse-server: apt-get install clickhouse-server")
	}
	servers := make([]*Server, n)
	ports := make([]int, 3*n)
	for i := range ports {
		if ports[i], err = process.FreePort(); err != nil {
			t.Fatal(err)
		}
	}
	var shards strings.Builder
	for i := range n {
		fmt.Fprintf(&shards, "<shard><replica><host>127.0.0.1</host><port>%d</port></replica></shard>\n", ports[3*i+1])
	}
	for i := range servers {
		s := &Server{URL: fmt.Sprintf("http://127.0.0.1:%d", ports[3*i]), native: ports[3*i+1]}
		if err := s.start(program, ports[3*i:3*i+3], shards.String()); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { s.remove(t) })
		servers[i] = s
	}
	return servers
}

// config has the settings of a server. The caches are small.
const config = `<yandex>
<logger><level>warning</level><console>1</console></logger>
<http_port>%d</http_port><tcp_port>%d</tcp_port><interserver_http_port>%d</interserver_http_port>
<listen_host>127.0.0.1</listen_host><interserver_http_host>127.0.0.1</interserver_http_host>
<path>%[4]s/data/</path><tmp_path>%[4]s/tmp/</tmp_path><user_files_path>%[4]s/files/</user_files_path>
<users_config>users.xml</users_config><default_profile>default</default_profile><default_database>default</default_database>
<timezone>UTC</timezone><mark_cache_size>8000000</mark_cache_size>
<remote_servers><shards>
%[5]s</shards></remote_servers>
</yandex>
`

// users has two: default, and reader, who has a password and may change neither data nor settings.
const users = `<yandex>
<profiles><default></default><reader><readonly>1</readonly></reader></profiles>
<users>
<default><password></password><networks><ip>127.0.0.1</ip></networks><profile>default</profile><quota>default</quota></default>
<reader><password>secret</password><networks><ip>127.0.0.1</ip></networks><profile>reader</profile><quota>default</quota></reader>
</users>
<quotas><default></default></quotas>
</yandex>
`

func (s *Server) start(program string, ports []int, shards string) (err error) {
	if s.dir, err = os.MkdirTemp("", "clickhouse"); err != nil {
		return err
	}
	defer func() {
		if err != nil {
			os.RemoveAll(s.dir)
		}
	}()
	text := fmt.Sprintf(config, ports[0], ports[1], ports[2], s.dir, shards)
	for name, text := range map[string]string{"config.xml": text, "users.xml": users} {
		if err := os.WriteFile(filepath.Join(s.dir, name), []byte(text), 0o644); err != nil {
			return err
		}
	}
	owner, err := process.Unprivileged(s.dir, "clickhouse")
	if err != nil {
		return err
	}
	s.command = process.Command{Dir: s.dir, Args: []string{program, "--config-file=" + filepath.Join(s.dir, "config.xml")}, Owner: owner}
	s.process, err = s.command.Start(s.ready)
	return err
}

func (s *Server) ready() bool {
	resp, err := http.Get(s.URL + "/ping")
	if err != nil {
		return false
	}
	_ = resp.Body.Close()
	return resp.StatusCode == http.StatusOK
}

// Native is the address that other servers know it by.
func (s *Server) Native() string { return fmt.Sprintf("127.0.0.1:%d", s.native) }

// Kill ends the server as a crash does.
func (s *Server) Kill(t testing.TB) {
	t.Helper()
	p := s.process
	s.process = nil
	if err := p.Kill(); err != nil {
		t.Fatal(err)
	}
}

// Restart stops the server and starts it at the same URL, with the data that it had.
func (s *Server) Restart(t testing.TB) {
	t.Helper()
	p := s.process
	s.process = nil
	err := p.End()
	if err == nil {
		s.process, err = s.command.Start(s.ready)
	}
	if err != nil {
		t.Fatal(err)
	}
}

func (s *Server) remove(t testing.TB) {
	if s.process == nil {
		if err := os.RemoveAll(s.dir); err != nil {
			t.Error(err)
		}
		return
	}
	if err := s.process.Stop(); err != nil {
		t.Errorf("stop ClickHouse: %v", err)
	}
}

// Exec runs a statement and returns its answer. Data of an insert come from data. Settings are like "max_threads=1".
func (s *Server) Exec(t testing.TB, statement string, data io.Reader, settings ...string) string {
	t.Helper()
	params := append([]string{"query=" + url.QueryEscape(statement)}, settings...)
	resp, err := http.Post(s.URL+"/?"+strings.Join(params, "&"), "text/plain", data)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil || resp.StatusCode != http.StatusOK {
		t.Fatalf("ClickHouse: %s: %s, %v\n%.1000s", statement, resp.Status, err, text)
	}
	return string(text)
}
