//go:build unix

package postgres

import (
	"errors"
	"io"
	"os"
	"os/exec"
	"os/user"
	"strconv"
	"syscall"
	"time"
)

const supported = true

// An owner is the user that a server runs as. PostgreSQL refuses to run as root.
type owner struct{ credential *syscall.Credential } // nil: the current user

// ownerOf chooses the owner of a server, and gives dir to it.
func ownerOf(dir string) (owner, error) {
	if os.Getuid() != 0 {
		return owner{}, nil
	}
	u, err := user.Lookup("postgres")
	if err != nil {
		u, err = user.Lookup("nobody")
	}
	if err != nil {
		return owner{}, err
	}
	uid, err := strconv.Atoi(u.Uid)
	if err != nil {
		return owner{}, err
	}
	gid, err := strconv.Atoi(u.Gid)
	if err != nil {
		return owner{}, err
	}
	return owner{&syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}}, os.Chown(dir, uid, gid)
}

// run makes cmd a command of the owner, out of reach of signals that a terminal sends to the tests.
func (o owner) run(cmd *exec.Cmd) {
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: o.credential, Setpgid: true}
}

// A process is a server and the shell that ends it.
type process struct {
	cmd    *exec.Cmd
	stdin  io.WriteCloser
	exited chan struct{} // closed when no process of the server is left
}

// supervise runs a server, $@, until standard input is at its end: the test wants that, or is no more, however it ended.
// Then it ends the server by SIGINT, which is a fast shutdown. Only the server keeps standard output open.
// It removes the directory, unless it is told to stay.
const supervise = `dir=$1; shift
"$@" & pid=$!
exec >&-
read -r stay
kill -INT $pid
wait $pid
code=$?
[ "$stay" ] || rm -rf "$dir"
exit $code`

// start starts a server in dir.
func (o owner) start(dir, logFile string, args []string) (*process, error) {
	log, err := os.OpenFile(logFile, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, err
	}
	defer log.Close()
	cmd := exec.Command("/bin/sh", append([]string{"-c", supervise, "sh", dir}, args...)...)
	cmd.Dir, cmd.Env, cmd.Stderr = dir, environ(), log
	o.run(cmd)
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
	p := &process{cmd, stdin, make(chan struct{})}
	go func() {
		_, _ = io.Copy(io.Discard, stdout)
		close(p.exited)
	}()
	return p, nil
}

// stop ends the server and removes its directory.
func (p *process) stop() error {
	return errors.Join(p.wait(), os.RemoveAll(p.cmd.Dir)) // the owner may not be allowed to remove the directory itself
}

// end ends the server and leaves its directory, in which another one may start.
func (p *process) end() error {
	_, err := io.WriteString(p.stdin, "stay\n")
	return errors.Join(err, p.wait())
}

func (p *process) wait() error {
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
