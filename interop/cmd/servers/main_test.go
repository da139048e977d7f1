package main

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/slogtrace/slogtrace/interop/internal/program"
)

func TestRun(t *testing.T) {
	cache := t.TempDir()
	for _, key := range []string{"XDG_CACHE_HOME", "HOME", "LocalAppData"} {
		t.Setenv(key, cache)
	}
	p, err := program.Find("victorialogs")
	if err != nil {
		t.Fatal(err)
	}
	built, err := p.File()
	if err != nil {
		t.Fatal(err)
	}
	if err := os.MkdirAll(filepath.Dir(built), 0o777); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(built, nil, 0o777); err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		args           string
		code           int
		stdout, stderr string
	}{
		{"victorialogs", 0, built + "\n", ""},
		{"-p 1 victorialogs victorialogs", 0, built + "\n" + built + "\n", ""},
		{"", 2, "", "usage: servers [-p n] name ..."},
		{"-p 0 victorialogs", 2, "", "usage: servers [-p n] name ..."},
		{"-x", 2, "", "usage: servers [-p n] name ..."},
		{"nosuch", 1, "", "servers: program: open "},
		{"..", 1, "", "want a line that begins with tool"},
	} {
		var stdout, stderr bytes.Buffer
		code := run(t.Context(), strings.Fields(test.args), &stdout, &stderr)
		if code != test.code || stdout.String() != test.stdout || !strings.Contains(stderr.String(), test.stderr) || test.code == 0 && stderr.Len() > 0 {
			t.Errorf("%q: code %d, stdout %q, stderr %q", test.args, code, &stdout, &stderr)
		}
	}
}
