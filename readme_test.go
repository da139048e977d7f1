package slogtrace_test

import (
	"encoding/json"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// A readmeBlock is a fenced block of README.md, and the comment above it that says what it must equal.
type readmeBlock struct{ test, text string }

func readmeBlocks(t *testing.T) []readmeBlock {
	t.Helper()
	text, err := os.ReadFile("README.md")
	if err != nil {
		t.Fatal(err)
	}
	fence := regexp.MustCompile("(?m)(?:^<!-- test: (.*) -->\n)?^```(?:[a-z]*)\n((?s:.*?))^```$")
	var blocks []readmeBlock
	for _, m := range fence.FindAllStringSubmatch(string(text), -1) {
		blocks = append(blocks, readmeBlock{m[1], m[2]})
	}
	return blocks
}

// What differs from run to run: times, ids and durations, and the columns that durations leave.
var unstable = []struct {
	re *regexp.Regexp
	to string
}{
	{regexp.MustCompile(`\d{4}-\d\d-\d\d[T ][0-9:.]+Z`), "TIME"},
	{regexp.MustCompile(`\b[0-9a-f]{32}\b`), "TRACE"},
	{regexp.MustCompile(`\b[0-9a-f]{16}\b`), "SPAN"},
	{regexp.MustCompile(`"duration_ms":[0-9.]+`), `"duration_ms":N`},
	{regexp.MustCompile(`\+?\b[0-9.]+(ns|µs|ms|s)\b`), "D"},
	{regexp.MustCompile(`\bpid=\d+`), "pid=N"},
	{regexp.MustCompile(`\bb-[0-9a-f]{12}\b`), "BOOKING"},
	{regexp.MustCompile(`\n█ critical path.*`), ""},                   // the axis
	{regexp.MustCompile(` *[━╸╺▏▎▍▌▋▊▉█▐▕░][━╸╺▏▎▍▌▋▊▉█▐▕░ ]*`), " "}, // bars
	{regexp.MustCompile(`\n[│ ]+([^│├└· \n])`), " $1"},                // wrapped lines
	{regexp.MustCompile(` +`), " "},
	{regexp.MustCompile(` \n`), "\n"},
}

func stable(text string) string {
	for _, u := range unstable {
		text = u.re.ReplaceAllString(text, u.to)
	}
	return text
}

// The program in the README is the one in examples, and its output, and the tree, are what really comes out.
func TestReadme(t *testing.T) {
	tested := 0
	for _, b := range readmeBlocks(t) {
		if b.test == "" {
			continue
		}
		tested++
		command, isCommand := strings.CutPrefix(b.test, "go ")
		if !isCommand {
			file, err := os.ReadFile(b.test)
			if err != nil {
				t.Error(err)
				continue
			}
			_, program, _ := strings.Cut(string(file), "package main")
			if diff := cmp.Diff("package main"+program, b.text); diff != "" {
				t.Errorf("%s (-file +README):\n%s", b.test, diff)
			}
			continue
		}
		t.Run(b.test, func(t *testing.T) {
			t.Parallel()
			out := goOutput(t, strings.Fields(command))
			if want, got := stable(b.text), stable(out); !strings.Contains(got, want) {
				t.Errorf("the output does not hold the README's (-README +output):\n%s", cmp.Diff(want, got))
			}
		})
	}
	if tested != 3 {
		t.Errorf("README.md has %d tested blocks, want 3", tested)
	}
	if n := strings.Count(string(must(os.ReadFile("README.md"))), "\n"); n >= 120 {
		t.Errorf("README.md has %d lines, want fewer than 120", n)
	}
}

// goOutput returns what a go command prints.
func goOutput(t *testing.T, args []string) string {
	t.Helper()
	cmd := exec.Command("go", args...)
	var stderr strings.Builder
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%v\n%s", err, stderr.String())
	}
	return string(out)
}

func must(b []byte, err error) []byte {
	if err != nil {
		panic(err)
	}
	return b
}

// The two setups of "Adopt it" stand in the README and in the package's doc, that of an injected logger first.
// Each is what a program in examples does, whose lines and spans all go to standard output.
func TestReadmeAdopt(t *testing.T) {
	rows := regexp.MustCompile("(?m)^\\| [^|]+ \\| (`[^|]+`) \\|$").FindAllStringSubmatch(string(must(os.ReadFile("README.md"))), -1)
	programs := []string{"injected", "quickstart"}
	if len(rows) != len(programs) {
		t.Fatalf("README.md has %d setups in a table, want %d", len(rows), len(programs))
	}
	doc := string(must(os.ReadFile("doc.go")))
	for i, program := range programs {
		t.Run(program, func(t *testing.T) {
			setup := "\t" + strings.ReplaceAll(strings.Trim(rows[i][1], "`"), "`<br>`", "\n\t") + "\n"
			if file := string(must(os.ReadFile("examples/" + program + "/main.go"))); !strings.Contains(file, "func main() {\n"+setup) {
				t.Errorf("examples/%s does not begin with the README's setup:\n%s", program, setup)
			}
			_, after, ok := strings.Cut(doc, "//\n//"+strings.ReplaceAll(strings.TrimSuffix(setup, "\n"), "\n", "\n//")+"\n//\n")
			if doc = after; !ok {
				t.Errorf("doc.go does not have the README's setup, or in another order:\n%s", setup)
			}
			cmd := exec.Command("go", "run", "./examples/"+program)
			var stdout, stderr strings.Builder
			cmd.Stdout, cmd.Stderr = &stdout, &stderr
			if err := cmd.Run(); err != nil || stderr.Len() > 0 {
				t.Fatalf("error %v, on stderr:\n%s", err, stderr.String())
			}
			counts := make(map[string]int)
			for line := range strings.Lines(stdout.String()) {
				var l struct{ Msg, Trace string }
				if err := json.Unmarshal([]byte(line), &l); err != nil || len(l.Trace) != 32 {
					t.Errorf("not a JSON line with a trace: %s", line)
				}
				counts[l.Msg]++
			}
			if counts["asking the bank"] != 1 || counts["span end"] == 0 {
				t.Errorf("not one line and the ends of spans:\n%s", stdout.String())
			}
		})
	}
}

// Each signature in the README is declared so, and each function of the package is named there.
func TestReadmeAPI(t *testing.T) {
	out, err := exec.Command("go", "doc", "-all", ".").Output()
	if err != nil {
		t.Fatal(err)
	}
	declared := map[string]bool{}
	for line := range strings.Lines(string(out)) {
		if strings.HasPrefix(line, "func ") {
			declared[strings.TrimSpace(line)] = true
		}
	}
	if len(declared) < 20 {
		t.Fatalf("go doc lists only %d functions", len(declared))
	}
	for _, b := range readmeBlocks(t) {
		for line := range strings.Lines(b.text) {
			if !strings.HasPrefix(line, "func ") || strings.HasSuffix(strings.TrimSpace(line), "{") {
				continue
			}
			sig, _, _ := strings.Cut(line, "//")
			if sig = strings.TrimSpace(sig); !declared[sig] {
				t.Errorf("README.md has %q, which is not declared so", sig)
			}
		}
	}
	readme, err := os.ReadFile("README.md")
	if err != nil {
		t.Fatal(err)
	}
	for sig := range declared {
		// Methods, and parsers of single ids, may be left out: they are found from what is shown.
		name, _, _ := strings.Cut(strings.TrimPrefix(sig, "func "), "(")
		if name != "" && name != "ParseTraceID" && name != "ParseSpanID" && !regexp.MustCompile(`\b`+name+`\b`).Match(readme) {
			t.Errorf("README.md does not name %s", name)
		}
	}
}

// The README, the CHANGELOG and the nested modules name the release that go.work does, which .ci/release writes.
func TestReadmeRelease(t *testing.T) {
	const root = "github.com/slogtrace/slogtrace"
	m := regexp.MustCompile(`(?m)^replace ` + root + ` (v\S+) => \./$`).FindSubmatch(must(os.ReadFile("go.work")))
	if m == nil {
		t.Fatal("go.work does not replace the root's release")
	}
	newest := string(m[1])
	want := "**Released:** " + newest + " is the newest release;"
	if newest == "v0.0.0" {
		want = "**Released:** nothing yet; v0.1.0 will be the first tag."
	}
	readme := string(must(os.ReadFile("README.md")))
	if strings.Count(readme, "\n"+want) != 1 {
		t.Errorf("README.md should have a line that begins with %q", want)
	}
	heading := regexp.MustCompile(`(?m)^## (v[^ ,]+), \d{4}-\d\d-\d\d$`).FindSubmatch(must(os.ReadFile("CHANGELOG.md")))
	switch {
	case newest == "v0.0.0" && heading != nil:
		t.Errorf("CHANGELOG.md has %s, and go.work says that there is no release", heading[1])
	case newest != "v0.0.0" && (heading == nil || string(heading[1]) != newest):
		t.Errorf("the first release in CHANGELOG.md should be %s, with its date: %q", newest, heading)
	}
	files, err := fs.Glob(os.DirFS("."), "*/go.mod")
	deeper, err2 := fs.Glob(os.DirFS("."), "*/*/go.mod")
	if files = append(append(files, deeper...), "interop/go.work"); err != nil || err2 != nil || len(files) < 3 {
		t.Fatal(files, err, err2)
	}
	for _, file := range files {
		if strings.Count(file, "/") > 1 && strings.HasPrefix(file, "interop/") {
			continue // for itself, in no workspace
		}
		for _, m := range regexp.MustCompile(root+` (v\S+)`).FindAllSubmatch(must(os.ReadFile(file)), -1) {
			if string(m[1]) != newest {
				t.Errorf("%s has the root at %s, want %s", file, m[1], newest)
			}
		}
	}
	// And the supported versions of Go are those that .ci/run tests: that of go.mod and the latest.
	least := regexp.MustCompile(`(?m)^go (\d\.\d+)`).FindSubmatch(must(os.ReadFile("go.mod")))[1]
	latest := regexp.MustCompile(`(?m)^latest=go(\d\.\d+)`).FindSubmatch(must(os.ReadFile(".ci/run")))[1]
	if supported := fmt.Sprintf("Go %s and %s are supported", least, latest); !strings.Contains(readme, supported) {
		t.Errorf("README.md should say: %s", supported)
	}
}

// A costRow is a row of the README's table of costs: a job of the committed gates, and its subjects by column.
type costRow struct {
	what, job string
	subjects  []string
}

var (
	costColumns = []string{"our sink", "around slog's", "AddAttrs wrapper", "OpenTelemetry SDK", "Datadog", "zerolog, bound"}
	costLine    = []string{
		"slogtrace.JSONHandler, InfoContext", "slogtrace.Handler over slog.JSONHandler, InfoContext", "AddAttrs wrapper, InfoContext",
		"OpenTelemetry SDK, no-op exporter, InfoContext", "Datadog, InfoContext", "zerolog, ids bound",
	}
	costRows = []costRow{
		{"a line in a span", "J1", costLine},
		{"the same to a file", "file", costLine},
		{"start and end of a span, reported", "J2", []string{
			"slogtrace.JSONHandler", "slogtrace.Handler over slog.JSONHandler", "", "OpenTelemetry SDK, no-op exporter", "Datadog", "",
		}},
		{"a request: 5 spans, 10 lines", "J4", []string{costLine[0], costLine[1], "", costLine[3], costLine[4], ""}},
	}
)

// The README's figures are those of the committed gates, and so are the machine and the version.
func TestReadmeCost(t *testing.T) {
	var gates struct {
		Go, CPU string
		Cores   int
		Jobs    []struct {
			Name string
			Rows []struct {
				Subject string
				Ratio   float64 `json:"ratio_with_gc"`
			}
		}
	}
	if err := json.Unmarshal(must(os.ReadFile("interop/gates.json")), &gates); err != nil {
		t.Fatal(err)
	}
	ratio := func(job, subject string) string {
		if subject == "" {
			return ""
		}
		for _, j := range gates.Jobs {
			for _, r := range j.Rows {
				if j.Name == job && r.Subject == subject {
					return strconv.FormatFloat(r.Ratio, 'f', 2, 64)
				}
			}
		}
		return "" // not every peer is in every job
	}
	var b strings.Builder
	b.WriteString("| | " + strings.Join(costColumns, " | ") + " |\n|" + strings.Repeat("---|", 1+len(costColumns)) + "\n")
	for _, row := range costRows {
		b.WriteString("| " + row.what)
		for _, subject := range row.subjects {
			b.WriteString(" | " + ratio(row.job, subject))
		}
		b.WriteString(" |\n")
	}
	readme := string(must(os.ReadFile("README.md")))
	if !strings.Contains(readme, b.String()) {
		t.Errorf("README.md should have this table:\n%s", b.String())
	}
	for _, column := range costColumns {
		if !strings.Contains(readme, "**"+column+":**") {
			t.Errorf("README.md should say what the column %q is, after **%s:**", column, column)
		}
	}
	if machine := fmt.Sprintf("%s, %d cores, %s", gates.CPU, gates.Cores, gates.Go); !strings.Contains(readme, machine) {
		t.Errorf("README.md should name the machine: %s", machine)
	}
}
