package interop

import (
	"bytes"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/slogtrace/slogtrace/internal/loggen"
	"github.com/slogtrace/slogtrace/interop/internal/victorialogs"
	"github.com/slogtrace/slogtrace/traceship"
)

// commandFile builds the command once for all tests, and returns its file.
var commandFile = sync.OnceValues(func() (string, error) {
	dir, err := os.MkdirTemp("", "slogtrace-command")
	if err != nil {
		return "", err
	}
	file := filepath.Join(dir, "slogtrace")
	cmd := exec.Command("go", "build", "-o", file, ".")
	cmd.Dir = filepath.Join("..", "cmd", "slogtrace")
	cmd.Env = append(os.Environ(), "GOWORK=")
	if out, err := cmd.CombinedOutput(); err != nil {
		return "", errors.New(string(out))
	}
	return file, nil
})

// A ran is what the command wrote.
type ran struct {
	stdout, stderr string
	code           int
}

// command runs the command with an environment that names no store.
func command(t testing.TB, env []string, args ...string) ran {
	t.Helper()
	file, err := commandFile()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), file, args...)
	for _, v := range os.Environ() {
		if !strings.HasPrefix(v, "SLOGTRACE_") {
			cmd.Env = append(cmd.Env, v)
		}
	}
	cmd.Env = append(cmd.Env, env...)
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	err = cmd.Run()
	if exit := new(exec.ExitError); err != nil && !errors.As(err, &exit) {
		t.Fatal(err)
	}
	return ran{stdout.String(), stderr.String(), cmd.ProcessState.ExitCode()}
}

// A stored is a log in a file and in VictoriaLogs.
type stored struct {
	file string
	from string // for --from
	text []byte
}

// storeLog makes a log of traces, and sends it to a node as a shipment does.
func storeLog(t testing.TB, n *victorialogs.Node, tenant string, shipment int, o loggen.Options) stored {
	t.Helper()
	var log bytes.Buffer
	if _, err := loggen.Generate(&log, o); err != nil {
		t.Fatal(err)
	}
	return storeLines(t, n, tenant, shipment, log.Bytes())
}

// storeLines sends lines to a node as a shipment does.
func storeLines(t testing.TB, n *victorialogs.Node, tenant string, shipment int, lines []byte) stored {
	t.Helper()
	s := stored{file: filepath.Join(t.TempDir(), "app.log"), from: strings.Replace(n.URL, "http:", "victorialogs:", 1) + "?tenant=" + tenant, text: lines}
	if err := os.WriteFile(s.file, lines, 0o666); err != nil {
		t.Fatal(err)
	}
	opts := shipments[shipment].opts
	opts.Headers = map[string]string{"AccountID": tenant}
	w, err := traceship.NewWriter(n.URL+shipments[shipment].path, &opts)
	if err != nil {
		t.Fatal(err)
	}
	for line := range bytes.Lines(lines) {
		if _, err := w.Write(line); err != nil {
			t.Fatal(err)
		}
		if w.Stats().Waiting > 5000 {
			if err := w.Flush(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
	}
	if err := w.Shutdown(t.Context()); err != nil {
		t.Fatal(err)
	}
	n.Flush(t)
	return s
}
