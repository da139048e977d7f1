// Package postgres starts PostgreSQL servers for tests. A server has a cluster of its own in a temporary directory:
// it neither uses nor disturbs those that the system runs.
//
// Without the programs of PostgreSQL, tests skip. They are looked for where Debian has them, the newest version first,
// and then in PATH.
package postgres

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/slogtrace/slogtrace/interop/internal/process"
)

// A Server is a running server. Its superuser is postgres, who needs no password.
// It listens on 127.0.0.1 and on a socket in a directory of its own. It is safe for concurrent use.
type Server struct {
	Port int

	bin     string // where its programs are
	dir     string // all its files
	process *process.Process
}

// Start starts a server that runs until the test ends, in about two seconds. Each setting is one of postgresql.conf,
// such as "log_statement=all". All settings that make a server durable are off.
func Start(t testing.TB, settings ...string) *Server {
	t.Helper()
	bin, missing := find()
	if missing != "" {
		t.Skip(missing)
	}
	s, err := start(bin, settings)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.process.Stop(); err != nil {
			t.Errorf("stop PostgreSQL: %v\n%s", err, s.Log(t))
		}
	})
	return s
}

var shared struct {
	once    sync.Once
	missing string
	server  *Server
	err     error
}

// Shared returns the server that all tests of this process share. It starts when it is needed and stops when
// the process ends, however it does. It logs each statement.
func Shared(t testing.TB) *Server {
	t.Helper()
	shared.once.Do(func() {
		var bin string
		if bin, shared.missing = find(); shared.missing == "" {
			shared.server, shared.err = start(bin, []string{"log_statement=all"})
		}
	})
	if shared.missing != "" {
		t.Skip(shared.missing)
	}
	if shared.err != nil {
		t.Fatal(shared.err)
	}
	return shared.server
}

// DSN returns the data source name of the database postgres, as a URL.
func (s *Server) DSN() string { return s.dsn("postgres") }

func (s *Server) dsn(database string) string {
	return fmt.Sprintf("postgres://postgres@127.0.0.1:%d/%s?sslmode=disable", s.Port, database)
}

// Database makes an empty database and returns its data source name. It stays as long as the server.
func (s *Server) Database(t testing.TB) (dsn string) {
	t.Helper()
	name := fmt.Sprintf("test_%d", time.Now().UnixNano())
	cmd := exec.Command(filepath.Join(s.bin, "createdb"), "-h", "127.0.0.1", "-p", strconv.Itoa(s.Port), "-U", "postgres", "-w", name)
	cmd.Env = environ()
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("createdb: %v\n%s", err, out)
	}
	return s.dsn(name)
}

// Log returns what the server has logged so far.
func (s *Server) Log(t testing.TB) string {
	t.Helper()
	text, err := os.ReadFile(s.logFile())
	if err != nil {
		t.Error(err)
	}
	return string(text)
}

func (s *Server) logFile() string { return filepath.Join(s.dir, "log") }
func (s *Server) dataDir() string { return filepath.Join(s.dir, "data") }

// find returns the directory of the newest version of PostgreSQL, or what is missing. Those of Debian are not in PATH.
func find() (bin, missing string) {
	if !process.Supported {
		return "", "servers for tests do not run on " + runtime.GOOS
	}
	newest := -1.0
	all, _ := filepath.Glob("/usr/lib/postgresql/*/bin/initdb") // the pattern is valid
	for _, initdb := range all {
		dir := filepath.Dir(initdb)
		if v, err := strconv.ParseFloat(filepath.Base(filepath.Dir(dir)), 64); err == nil && v > newest {
			newest, bin = v, dir
		}
	}
	if bin != "" {
		return bin, ""
	}
	initdb, err := exec.LookPath("initdb")
	if err != nil {
		return "", "there is no PostgreSQL server: apt-get install postgresql"
	}
	return filepath.Dir(initdb), ""
}

// environ returns the environment without what PostgreSQL's programs would take settings from.
func environ() (env []string) {
	for _, e := range os.Environ() {
		if !strings.HasPrefix(e, "PG") && !strings.HasPrefix(e, "LC_") && !strings.HasPrefix(e, "LANG") {
			env = append(env, e)
		}
	}
	return append(env, "LC_ALL=C")
}

// start makes a cluster and starts its server.
func start(bin string, settings []string) (s *Server, err error) {
	dir, err := os.MkdirTemp("", "pg") // short: the path of a socket may have 107 bytes
	if err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			os.RemoveAll(dir)
		}
	}()
	s = &Server{bin: bin, dir: dir}
	owner, err := process.Unprivileged(dir, "postgres") // it refuses to run as root
	if err != nil {
		return nil, err
	}
	initdb := exec.Command(filepath.Join(bin, "initdb"), "-D", s.dataDir(), "-U", "postgres", "-A", "trust",
		"-E", "UTF8", "--locale=C", "--no-sync", "--no-instructions")
	initdb.Dir, initdb.Env = dir, environ()
	owner.Own(initdb)
	if out, err := initdb.CombinedOutput(); err != nil {
		return nil, fmt.Errorf("initdb: %w\n%s", err, out)
	}
	// Another process may take the port that was free. The server then ends.
	for range 5 {
		if err = s.run(owner, settings); err == nil {
			return s, nil
		}
	}
	return nil, err
}

// run starts the server and waits until it accepts connections.
func (s *Server) run(owner process.Owner, settings []string) error {
	port, err := process.FreePort()
	if err != nil {
		return err
	}
	s.Port = port
	args := []string{filepath.Join(s.bin, "postgres"), "-D", s.dataDir(), "-p", strconv.Itoa(port), "-h", "127.0.0.1", "-k", s.dir}
	for _, setting := range append([]string{
		"fsync=off", "synchronous_commit=off", "full_page_writes=off", "shared_buffers=16MB", "max_connections=50", "temp_file_limit=1GB",
		"log_line_prefix=%m [%p] ", "log_destination=stderr", "logging_collector=off",
	}, settings...) {
		args = append(args, "-c", setting)
	}
	c := process.Command{Dir: s.dir, Args: args, Env: environ(), Owner: owner, Signal: "INT"} // a fast shutdown
	s.process, err = c.Start(func() bool {
		// Its last line is the state, as pg_ctl reads it.
		pid, _ := os.ReadFile(filepath.Join(s.dataDir(), "postmaster.pid"))
		lines := bytes.Fields(pid)
		return len(lines) > 0 && string(lines[len(lines)-1]) == "ready"
	})
	return err
}
