package slogtrace_test

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// TestGuides compares the guides in docs/guide with what they show. In a guide, a comment is directly above each block of Go
// and each block without a language:
//
//	<!-- test: FILE -->         the lines are in that file, one after the other, with any indentation
//	<!-- test: go run ARGS -->  the command prints the lines; see unstable for what may differ
//
// A guide may leave these out if it names the test file that compares it, which may be in another module:
//
//	<!-- tested by FILE -->
//
// Links to files lead to files that exist.
func TestGuides(t *testing.T) {
	guides, err := filepath.Glob("docs/guide/*.md")
	if err != nil || len(guides) == 0 {
		t.Fatal("no guides", err)
	}
	printed := make(map[string]string) // by command
	for _, guide := range guides {
		text := string(must(os.ReadFile(guide)))
		for _, problem := range checkGuide(guide, text, func(name string) (string, error) {
			if args, ok := strings.CutPrefix(name, "go "); ok {
				if printed[name] == "" {
					printed[name] = goOutput(t, strings.Fields(args))
				}
				return printed[name], nil
			}
			b, err := os.ReadFile(name)
			return string(b), err
		}) {
			t.Error(problem)
		}
	}
}

var (
	guideBlock = regexp.MustCompile("(?m)(?:^<!-- test: (.*) -->\n)?^```([a-z]*)\n((?s:.*?))^```$")
	guideLink  = regexp.MustCompile(`\]\(([^):#]+)(?:#[^)]*)?\)`) // not to other sites
)

var testedBy = regexp.MustCompile(`(?m)^<!-- tested by (.*) -->$`)

// checkGuide returns what is wrong with a guide. source returns a file, or what a go command prints.
func checkGuide(name, text string, source func(string) (string, error)) (problems []string) {
	elsewhere := false
	if m := testedBy.FindStringSubmatch(text); m != nil {
		test, err := source(m[1])
		if elsewhere = err == nil && strings.Contains(test, name); !elsewhere {
			problems = append(problems, name+": "+m[1]+" does not test it")
		}
	}
	for _, m := range guideBlock.FindAllStringSubmatch(text, -1) {
		from, language, block := m[1], m[2], m[3]
		first, _, _ := strings.Cut(block, "\n")
		if from == "" {
			if !elsewhere && (language == "go" || language == "") {
				problems = append(problems, name+": no comment <!-- test: … --> above the block that begins with "+first)
			}
			continue
		}
		whole, err := source(from)
		if err != nil {
			problems = append(problems, name+": "+err.Error())
			continue
		}
		normal := unindented
		if strings.HasPrefix(from, "go ") {
			normal = func(s string) string { return "\n" + stable(s) }
		}
		if want := normal(block); !strings.Contains(normal(whole), want) {
			problems = append(problems, name+": "+from+" does not have these lines:"+want+"but\n"+normal(whole))
		}
	}
	for _, m := range guideLink.FindAllStringSubmatch(text, -1) {
		if _, err := os.Stat(filepath.Join(filepath.Dir(name), m[1])); err != nil {
			problems = append(problems, name+": "+err.Error())
		}
	}
	return problems
}

// unindented returns text with a newline in front, and without the white space at the beginning and the end of its lines.
func unindented(text string) string {
	var b strings.Builder
	b.WriteByte('\n')
	for line := range strings.Lines(text) {
		b.WriteString(strings.TrimSpace(line) + "\n")
	}
	return b.String()
}

// TestCheckGuide plants mistakes.
func TestCheckGuide(t *testing.T) {
	source := func(name string) (string, error) {
		if name == "go run x" {
			return "trace\nPOST /bookings 5ms ━━▏\n", nil
		}
		return "package p // see docs/guide/x.md\n\n\tif a {\n\t\tb()\n\t}\n", nil
	}
	const guide = "[records](../records.md) [site](https://example.com/x)\n" +
		"<!-- test: p.go -->\n```go\nif a {\n\tb()\n}\n```\n<!-- test: go run x -->\n```\nPOST /bookings 7ms ▏\n```\n```sh\nls\n```\n"
	for _, test := range []struct{ old, new, want string }{
		{"", "", ""},
		{"../records.md", "../record.md", "no such file"},
		{"b()", "c()", "p.go does not have these lines"},
		{"if a {\n", "a {\n", "p.go does not have these lines"},
		{"7ms", "7ms [api]", "go run x does not have these lines"},
		{"<!-- test: p.go -->\n", "", "above the block that begins with if a {"},
		{"<!-- test: go run x -->\n", "", "above the block that begins with POST"},
		{"<!-- test: p.go -->\n", "<!-- tested by p_test.go -->\n", ""},
		{"<!-- test: p.go -->\n", "<!-- tested by p_test.go -->\n", "docs/guide/y.md: p_test.go does not test it"},
	} {
		name := "docs/guide/x.md"
		if strings.Contains(test.want, "y.md") {
			name = "docs/guide/y.md"
		}
		problems := strings.Join(checkGuide(name, strings.Replace(guide, test.old, test.new, 1), source), "\n")
		if !strings.Contains(problems, test.want) || test.want == "" && problems != "" {
			t.Errorf("%q for %q: want %q, got %q", test.new, test.old, test.want, problems)
		}
	}
}
