//go:build unix

package process

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/user"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// Supported reports whether servers can be started here.
const Supported = true

// An Owner is the user that a server runs as. The zero value is the current user.
type Owner struct{ credential *syscall.Credential }

// Unprivileged returns an Owner who is not root, and gives dir to it. Some servers refuse to run as root.
// The first of the named users that exists is chosen, or else nobody. If the current user is not root, it is that one.
func Unprivileged(dir string, names ...string) (Owner, error) {
	if os.Getuid() != 0 {
		return Owner{}, nil
	}
	var u *user.User
	var err error
	for _, name := range append(names, "nobody") {
		if u, err = user.Lookup(name); err == nil {
			break
		}
	}
	if err != nil {
		return Owner{}, err
	}
	uid, err := strconv.Atoi(u.Uid)
	if err != nil {
		return Owner{}, err
	}
	gid, err := strconv.Atoi(u.Gid)
	if err != nil {
		return Owner{}, err
	}
	return Owner{&syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}}, os.Chown(dir, uid, gid)
}

// Own makes cmd a command of the owner, out of reach of signals that a terminal sends to the tests.
func (o Owner) Own(cmd *exec.Cmd) {
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: o.credential, Setpgid: true}
}

// A Process is a server and the shell that ends it.
type Process struct {
	cmd    *exec.Cmd
	stdin  io.WriteCloser
	exited chan struct{} // closed when no process of the server is left
}

// supervise runs a server, $@, until standard input is at its end: the test wants that, or is no more, however it ended.
// Then it ends the server by a signal. Only the server keeps standard output open.
// It removes the directory, unless it is told to stay.
const supervise = `dir=$1 signal=$2; shift 2
"$@" & pid=$!
exec >&-
read -r stay
kill -$signal $pid
wait $pid
code=$?
[ "$stay" ] || rm -rf "$dir"
exit $code`

// start starts the server without waiting for it.
func (c *Command) start() (*Process, error) {
	log, err := os.OpenFile(c.logFile(), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, err
	}
	defer log.Close()
	cmd := exec.Command("/bin/sh", append([]string{"-c", supervise, "sh", c.Dir, cmp.Or(c.Signal, "TERM")}, c.Args...)...)
	cmd.Dir, cmd.Env, cmd.Stderr = c.Dir, c.Env, log
	c.Owner.Own(cmd)
	stdin, err := cmd.StdinPipe()
	if err != nil {
		return nil, err
	}
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	p := &Process{cmd, stdin, make(chan struct{})}
	go func() {
		_, _ = io.Copy(io.Discard, stdout)
		close(p.exited)
	}()
	return p, nil
}

// CPU returns how much CPU time the server has used. Only Linux tells.
func (p *Process) CPU() (time.Duration, error) {
	shell := p.cmd.Process.Pid
	children, err := os.ReadFile(fmt.Sprintf("/proc/%d/task/%[1]d/children", shell))
	if err != nil {
		return 0, err
	}
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%s/stat", strings.TrimSpace(string(children))))
	if err != nil {
		return 0, err
	}
	_, rest, _ := strings.Cut(string(stat), ") ") // behind the name
	ticks := 0
	for _, field := range strings.Fields(rest)[11:13] { // utime and stime, see proc(5)
		n, err := strconv.Atoi(field)
		if err != nil {
			return 0, err
		}
		ticks += n
	}
	return time.Duration(ticks) * time.Second / 100, nil
}

// Stop ends the server and removes its directory.
func (p *Process) Stop() error {
	return errors.Join(p.wait(), os.RemoveAll(p.cmd.Dir)) // the owner may not be allowed to remove the directory itself
}

// End ends the server and leaves its directory, in which another one may start.
func (p *Process) End() error {
	_, err := io.WriteString(p.stdin, "stay\n")
	return errors.Join(err, p.wait())
}

// Kill ends the server as a crash does, and leaves its directory.
func (p *Process) Kill() error {
	err := syscall.Kill(-p.cmd.Process.Pid, syscall.SIGKILL)
	<-p.exited
	_ = p.cmd.Wait() // the shell was killed too
	return err
}

func (p *Process) wait() error {
	if err := p.stdin.Close(); err != nil {
		return err
	}
	select {
	case <-p.exited:
		return p.cmd.Wait()
	case <-time.After(30 * time.Second):
		err := syscall.Kill(-p.cmd.Process.Pid, syscall.SIGKILL)
		return errors.Join(errors.New("the server did not end in 30 s"), err, p.cmd.Wait())
	}
}
