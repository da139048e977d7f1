package main

import (
	"encoding/json"
	"fmt"
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/spf13/pflag"
)

// What README.md says that the command writes is what it writes.
func TestReadme(t *testing.T) {
	b, err := os.ReadFile("README.md")
	if err != nil {
		t.Fatal(err)
	}
	readme := string(b)
	t.Chdir("testdata")
	blocks := regexp.MustCompile("(?m)^<!-- test: slogtrace (.*) -->\n```(\\w*)\n((?s:.*?))```$")
	shown := make(map[string]bool)
	updated := blocks.ReplaceAllStringFunc(readme, func(block string) string {
		m := blocks.FindStringSubmatch(block)
		var stdout, stderr strings.Builder
		args := strings.Fields(m[1])
		if code := run(t.Context(), args, strings.NewReader(""), &stdout, &stderr); code != 0 || stderr.Len() > 0 {
			t.Errorf("slogtrace %s: exit code %d, stderr %q", m[1], code, stderr.String())
		}
		if diff := cmp.Diff(m[3], stdout.String()); diff != "" && !*update {
			t.Errorf("README.md, slogtrace %s (-said +written; go test -update mends it):\n%s", m[1], diff)
		}
		if m[2] == "json" {
			shown[args[0]] = true
			for doc := json.NewDecoder(strings.NewReader(stdout.String())); doc.More(); {
				var v any
				if err := doc.Decode(&v); err != nil {
					t.Errorf("slogtrace %s: %v", m[1], err)
					break
				}
			}
		}
		return "<!-- test: slogtrace " + m[1] + " -->\n```" + m[2] + "\n" + stdout.String() + "```"
	})
	if *update {
		t.Chdir("..")
		if err := os.WriteFile("README.md", []byte(updated), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	// It tells of every command, every flag, and what each command writes as JSON.
	for _, cmd := range newSession(nil, nil, nil).root().Commands() {
		name := cmd.Name()
		if !strings.Contains(readme, "\n| `"+name) {
			t.Errorf("README.md does not tell of the command %s", name)
		}
		if name != "version" && !shown[name] {
			t.Errorf("README.md has no JSON of %s", name)
		}
		cmd.Flags().VisitAll(func(f *pflag.Flag) {
			if !strings.Contains(readme, "`--"+f.Name+"`") {
				t.Errorf("README.md does not tell of --%s of %s", f.Name, name)
			}
		})
	}
}

// The picture in the project's README.md is what the command writes.
func TestReadmePicture(t *testing.T) {
	const file = "docs/waterfall.svg"
	readme, err := os.ReadFile("../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	m := regexp.MustCompile(`\]\(` + regexp.QuoteMeta(file) + `\) <!-- test: slogtrace (.*) > ` + regexp.QuoteMeta(file) + ` -->\n`).FindSubmatch(readme)
	if m == nil {
		t.Fatal("README.md does not show " + file + " before the command that makes it")
	}
	want, err := os.ReadFile("../../" + file)
	if err != nil {
		t.Fatal(err)
	}
	t.Chdir("testdata")
	var stdout, stderr strings.Builder
	if code := run(t.Context(), strings.Fields(string(m[1])), strings.NewReader(""), &stdout, &stderr); code != 0 || stderr.Len() > 0 {
		t.Fatalf("exit code %d, stderr %q", code, stderr.String())
	}
	if *update {
		if err := os.WriteFile("../../../"+file, []byte(stdout.String()), 0o666); err != nil {
			t.Fatal(err)
		}
	} else if diff := cmp.Diff(string(want), stdout.String()); diff != "" {
		t.Errorf("%s (-is +written; go test -update mends it):\n%s", file, diff)
	}
}

// The keys that scripts rely on.
func TestJSONKeys(t *testing.T) {
	for command, want := range map[string]string{
		"ls":      "trace op service services start duration_ms spans lines errors",
		"show":    "trace op tree logs",
		"stats":   "op count errors p50_ms p95_ms p99_ms max_ms",
		"errors":  "op message example count first last traces",
		"diff":    "op change p50_ms p95_ms counts share",
		"tail":    "time level msg event trace span op service file attrs",
		"check":   "files records span_ends schemas duplicates traces complete incomplete advice",
		"map":     "traces unknown nodes calls",
		"flame":   "stack self_ms spans errors",
		"export":  "format traces spans lines unfinished left_out",
		"queries": "store about questions",
		"version": "version go platform",
	} {
		args := []string{command, "--json", "testdata/booking"}
		if command == "tail" {
			args = append(args, "--follow=false")
		} else if command == "export" {
			args = append(args[:2], "otlp", "-o", os.DevNull, args[2])
		} else if command == "diff" {
			args = append(args, "testdata/booking")
		} else if command == "version" || command == "queries" {
			args = args[:2]
		}
		var stdout, stderr strings.Builder
		if code := run(t.Context(), args, nil, &stdout, &stderr); code != 0 {
			t.Fatalf("%s: exit code %d, stderr %q", command, code, stderr.String())
		}
		var object map[string]json.RawMessage
		first := strings.TrimPrefix(stdout.String(), "[")
		if err := json.NewDecoder(strings.NewReader(first)).Decode(&object); err != nil {
			t.Fatalf("%s: %v", command, err)
		}
		for _, key := range strings.Fields(want) {
			if _, ok := object[key]; !ok {
				t.Errorf("%s --json has no %q: %s", command, key, first)
			}
		}
	}
}

// What README.md says of speed is what the committed table says.
func TestReadmeSpeed(t *testing.T) {
	b, err := os.ReadFile("../../interop/readspeed.json")
	if err != nil {
		t.Fatal(err)
	}
	var measured struct {
		CPU      string
		Cores    int
		Versions []string
		Rows     []struct {
			Name string
			Wall float64 `json:"wall_s"`
			RSS  float64 `json:"rss_mb"`
		}
	}
	if err := json.Unmarshal(b, &measured); err != nil {
		t.Fatal(err)
	}
	row := func(name string) (seconds, mb string) {
		for _, r := range measured.Rows {
			if r.Name == name {
				return fmt.Sprintf("%.2f", r.Wall), fmt.Sprintf("%.0f", r.RSS)
			}
		}
		t.Fatalf("no row %q", name)
		return "", ""
	}
	want := []string{fmt.Sprintf("%s, %d cores, %s;", measured.CPU, measured.Cores, measured.Versions[0])}
	for _, r := range []struct{ what, ours, theirs, their string }{
		{"show ID", "show", "show: rg -c", "`rg -c ID`"},
		{"stats", "stats", "stats: DuckDB", "DuckDB, three quantiles by op"},
		{"ls --error", "ls --error", "ls --error: DuckDB", "DuckDB, `group by trace having count(error) > 0`"},
	} {
		seconds, mb := row(r.ours)
		others, _ := row(r.theirs)
		want = append(want, fmt.Sprintf("| `%s` | %s | %s | %s | %s |", r.what, seconds, mb, others, r.their))
	}
	readme, err := os.ReadFile("README.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, line := range want {
		if !strings.Contains(string(readme), line) {
			t.Errorf("README.md should say: %s", line)
		}
	}
}
