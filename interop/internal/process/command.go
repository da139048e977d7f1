// Package process runs servers for tests. A server ends with the test process, however that ends, and its directory goes with it.
package process

import (
	"fmt"
	"net"
	"os"
	"path/filepath"
	"time"
)

// A Command says how a server is started.
type Command struct {
	Dir   string   // all its files are in it; what the server prints is appended to the file log there
	Args  []string // the program, and its arguments
	Env   []string // nil: that of this process
	Owner Owner

	// Signal ends the server, such as INT; default TERM.
	Signal string
}

// Start starts the server and waits until ready returns true, for a minute at most. The error says what the server has printed.
func (c *Command) Start(ready func() bool) (*Process, error) {
	name := filepath.Base(c.Args[0])
	p, err := c.start()
	if err != nil {
		return nil, err
	}
	for deadline := time.Now().Add(time.Minute); time.Now().Before(deadline); {
		select {
		case <-p.exited:
			return nil, fmt.Errorf("%s ended (%v)\n%s", name, p.End(), c.log())
		case <-time.After(10 * time.Millisecond):
		}
		if ready() {
			return p, nil
		}
	}
	return nil, fmt.Errorf("%s is not ready after a minute (%v)\n%s", name, p.End(), c.log())
}

func (c *Command) logFile() string { return filepath.Join(c.Dir, "log") }

func (c *Command) log() string {
	text, _ := os.ReadFile(c.logFile())
	return string(text)
}

// FreePort returns a port of 127.0.0.1 that nobody listens on. Another process may take it before a server does.
func FreePort() (int, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return 0, err
	}
	defer l.Close()
	return l.Addr().(*net.TCPAddr).Port, nil
}
