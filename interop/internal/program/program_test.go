package program

import (
	"context"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestParse(t *testing.T) {
	for _, test := range []struct{ mod, path, version, err string }{
		{"module m\n\ntool a.example/b/cmd/c\n\nrequire (\n\ta.example/bc v9.0.0\n\ta.example/b v1.2.3 // indirect\n)\n", "a.example/b/cmd/c", "v1.2.3", ""},
		{"module m\ntool a.example/b\nrequire a.example/b v1.2.3\n", "a.example/b", "v1.2.3", ""},
		{"module m\nrequire a.example/b v1.2.3\n", "", "", "want a line that begins with tool"},
		{"module m\ntool a.example/b\nrequire a.example v1.2.3\nrequire c v1.2.3\n", "a.example/b", "v1.2.3", ""},
		{"module m\ntool a.example/b\nrequire a.example/c v1.2.3\n", "", "", "no module required has a.example/b"},
	} {
		var p Program
		err := p.parse(test.mod)
		if test.err != "" {
			if err == nil || err.Error() != test.err {
				t.Errorf("%q: error %v", test.mod, err)
			}
		} else if err != nil || p.Path != test.path || p.Version != test.version {
			t.Errorf("%q: %+v, %v", test.mod, p, err)
		}
	}
}

// The directories name programs. One that is not built says how to build it; one that is built is not built again.
func TestPrograms(t *testing.T) {
	cache := t.TempDir()
	for _, key := range []string{"XDG_CACHE_HOME", "HOME", "LocalAppData"} {
		t.Setenv(key, cache)
	}
	for _, name := range []string{"victorialogs", "jaeger"} {
		p, err := Find(name)
		if err != nil {
			t.Fatal(err)
		}
		want := "there is no " + name + " " + p.Version + ": in interop, go run ./cmd/servers " + name
		if got := p.Missing(); got != want || p.Version == "" {
			t.Errorf("got %q, want %q", got, want)
		}
		file, err := p.File()
		if err != nil || !strings.HasPrefix(file, cache) {
			t.Fatal(file, err)
		}
		if err := os.MkdirAll(filepath.Dir(file), 0o777); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte("built"), 0o777); err != nil {
			t.Fatal(err)
		}
		if missing, err := p.Missing(), p.Build(context.Background(), 1, io.Discard); missing != "" || err != nil {
			t.Errorf("missing: %q, error %v", missing, err)
		}
		if text, err := os.ReadFile(file); err != nil || string(text) != "built" {
			t.Errorf("%s: %q, %v", file, text, err)
		}
	}
	for _, name := range []string{"", "..", "../interop", "nosuch"} {
		if p, err := Find(name); err == nil {
			t.Errorf("%q is %+v", name, p)
		}
	}
}
