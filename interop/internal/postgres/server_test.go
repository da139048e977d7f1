package postgres

import (
	"bufio"
	"database/sql"
	"errors"
	"io/fs"
	"net"
	"net/url"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	_ "github.com/jackc/pgx/v5/stdlib"
	_ "github.com/lib/pq"

	"github.com/slogtrace/slogtrace/interop/internal/process"
)

func open(t *testing.T, driver, dsn string) *sql.DB {
	t.Helper()
	db, err := sql.Open(driver, dsn)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	return db
}

// A server answers, logs, has the settings that it was given, and is gone after its test.
func TestStart(t *testing.T) {
	var s *Server
	t.Run("running", func(t *testing.T) {
		s = Start(t, "log_statement=all", "work_mem=5MB")
		var got string
		if err := open(t, "pgx", s.DSN()).QueryRow("SELECT current_setting('work_mem') /* seen */").Scan(&got); err != nil || got != "5MB" {
			t.Errorf("%q %v", got, err)
		}
		if !strings.Contains(s.Log(t), "/* seen */") {
			t.Errorf("no statement in the log:\n%s", s.Log(t))
		}
		for _, driver := range []string{"pgx", "postgres"} { // their databases know nothing of each other
			if _, err := open(t, driver, s.Database(t)).Exec("CREATE TABLE seats ()"); err != nil {
				t.Error(err)
			}
		}

		// A start that fails says why, and another one may follow.
		if err := s.process.End(); err != nil {
			t.Error(err)
		}
		owner, err := process.Unprivileged(s.dir, "postgres")
		if err != nil {
			t.Fatal(err)
		}
		err = s.run(owner, []string{"frobnicate=yes"})
		if err == nil || !strings.Contains(err.Error(), `unrecognized configuration parameter "frobnicate"`) {
			t.Errorf("error %v", err)
		}
		if err = s.run(owner, nil); err != nil {
			t.Fatal(err)
		}
		if err := open(t, "postgres", s.DSN()).Ping(); err != nil {
			t.Error(err)
		}
	})
	if s != nil {
		gone(t, s.Port, s.dir)
	}
}

// The server of a test process that is killed ends, and its directory goes with it.
func TestKilled(t *testing.T) {
	if os.Getenv("POSTGRES_TEST_CHILD") != "" {
		s := Shared(t)
		os.Stdout.WriteString(s.DSN() + " " + s.dir + "\n")
		select {}
	}
	if _, missing := find(); missing != "" {
		t.Skip(missing)
	}
	cmd := exec.Command(os.Args[0], "-test.run=^TestKilled$")
	cmd.Env = append(os.Environ(), "POSTGRES_TEST_CHILD=yes")
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	line, err := bufio.NewReader(stdout).ReadString('\n')
	if kerr := cmd.Process.Kill(); err != nil || kerr != nil {
		t.Fatal(err, kerr)
	}
	_ = cmd.Wait() // killed
	dsn, dir, _ := strings.Cut(strings.TrimSpace(line), " ")
	u, err := url.Parse(dsn)
	if err != nil {
		t.Fatal(err)
	}
	port, err := net.LookupPort("tcp", u.Port())
	if err != nil {
		t.Fatal(err)
	}
	gone(t, port, dir)
}

// gone waits until nothing listens on the port and there is no directory.
func gone(t *testing.T, port int, dir string) {
	t.Helper()
	for deadline := time.Now().Add(time.Minute); ; time.Sleep(10 * time.Millisecond) {
		c, err := net.DialTCP("tcp", nil, &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: port})
		if err == nil {
			c.Close()
		}
		_, serr := os.Stat(dir)
		if err != nil && errors.Is(serr, fs.ErrNotExist) {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("port %d: %v, directory: %v", port, err, serr)
		}
	}
}
