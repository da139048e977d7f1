package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// A file is read once, whatever names it is given by; two files with the same content are two.
func TestNames(t *testing.T) {
	dir := t.TempDir()
	t.Chdir(dir)
	write := func(name, text string) {
		t.Helper()
		if err := os.MkdirAll(filepath.Dir(name), 0o777); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(name, []byte(text), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	record := func(id string) string {
		return `{"time":"2026-03-01T09:15:00Z","msg":"m","trace":"` + id + `"}` + "\n"
	}
	write("logs/a.log", record("a"))
	write("same/a.log", record("a"))
	write("dash/-", record("dash"))
	if err := os.Symlink(filepath.Join(dir, "logs"), "linked"); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink("a.log", "logs/current"); err != nil {
		t.Fatal(err)
	}
	if err := os.Link("logs/a.log", "logs/hard.log"); err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		args string
		want int // how many records
	}{
		{"logs", 1}, {"logs/a.log logs/hard.log", 1}, {"logs/current logs/a.log", 1}, {"linked/a.log logs/a.log", 1},
		{"logs/a.log " + dir + "/logs/a.log", 1}, {"logs logs/*.log linked/", 1}, {"logs same", 2}, {"logs/a.log same/a.log", 2},
		{"dash", 1}, {"dash/-", 1},
	} {
		args := strings.Fields(test.args)
		for _, command := range [][]string{{"tail", "--follow=false", "--json", "-n", "9"}, {"check", "--json"}} {
			var stdout, stderr strings.Builder
			run(t.Context(), append(command, args...), strings.NewReader(record("stdin")), &stdout, &stderr)
			n := strings.Count(stdout.String(), `"event":"log"`)
			if command[0] == "check" {
				n = strings.Count(stdout.String(), `"file":`)
			}
			if n != test.want || strings.Contains(stdout.String(), "stdin") {
				t.Errorf("%q %q: %d, want %d: %s%s", command, args, n, test.want, stdout.String(), stderr.String())
			}
		}
	}

	// - is standard input, but not in a path, and not in a directory.
	t.Chdir(filepath.Join(dir, "dash"))
	for arg, want := range map[string]string{"-": "stdin", "./-": "dash", ".": "dash", "*": "dash", dir + "/dash/-": "dash"} {
		for _, command := range []string{"ls", "show", "tail"} {
			var stdout, stderr strings.Builder
			args := []string{command, "--json", arg}
			if command == "tail" {
				args = append(args, "--follow=false")
			}
			run(t.Context(), args, strings.NewReader(record("stdin")), &stdout, &stderr)
			named := want == "stdin" || command != "tail" || strings.Contains(stdout.String(), `/-"}`) // never just -
			if !named || !strings.Contains(stdout.String(), `"`+want+`"`) {
				t.Errorf("%q: %s%s", args, stdout.String(), stderr.String())
			}
		}
	}
}
