package queries_test

import (
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/slogtrace/slogtrace/docs/queries"
	"github.com/slogtrace/slogtrace/internal/schema"
)

// Each file answers all questions, and the table of README.md says of each whether it was run.
func TestStores(t *testing.T) {
	readme, err := os.ReadFile("README.md")
	if err != nil {
		t.Fatal(err)
	}
	stores := queries.Stores()
	if n := strings.Count(string(readme), "\n| ["); n != len(stores) || n != 10 {
		t.Errorf("%d stores, and README.md has %d", len(stores), n)
	}
	for _, s := range stores {
		run := "yes"
		if strings.Contains(s.About, "Not run") {
			run = "no"
		} else if !strings.Contains(s.About, "are run in a test") {
			t.Errorf("%s does not say whether it was run: %s", s.Name, s.About)
		}
		found := false
		for line := range strings.Lines(string(readme)) {
			if strings.HasPrefix(line, "| ["+s.Name+".") {
				found = strings.HasSuffix(line, "| "+run+" |\n")
			}
		}
		if !found {
			t.Errorf("README.md does not say of %s: %s", s.Name, run)
		}
		questions := s.Questions
		if len(questions) > 0 && questions[0].Title[0] == '0' {
			questions = questions[1:]
		}
		if len(questions) != 8 {
			t.Errorf("%s: %d questions, want 8", s.Name, len(questions))
		}
		for i, q := range questions {
			if q.Title[0] != byte('1'+i) || !strings.Contains(s.Text, q.Title) || q.Text == "" || !strings.Contains(s.Text, q.Text) && !strings.Contains(q.Text, "\n") {
				t.Errorf("%s: question %d is %+v", s.Name, i+1, q)
			}
		}
	}
}

// The names of the fields are those that the store's preset writes.
func TestNames(t *testing.T) {
	presets := map[string]string{"axiom": "axiom", "cloudwatch": "slogtrace", "datadog": "datadog", "duckdb": "slogtrace", "elasticsearch": "ecs", "loki": "slogtrace", "postgresql": "slogtrace"}
	for _, s := range queries.Stores() {
		i := slices.IndexFunc(schema.Presets[:], func(p schema.Preset) bool { return p.Name == presets[s.Name] })
		if i < 0 {
			continue // the preset's lines are stored under other names
		}
		text := regexp.MustCompile(`(?m)^(//|--|#).*`).ReplaceAllString(s.Text, "")
		for _, f := range [...]schema.Field{schema.Trace, schema.Op, schema.Parent, schema.Kind, schema.Start, schema.Duration, schema.Error, schema.Queued, schema.Sampled} {
			if f == schema.Start && s.Name == "datadog" {
				continue // its searches are sorted by the time
			}
			name, _, _ := strings.Cut(strings.TrimSpace(schema.Presets[i].Keys[f]+" "+schema.Common[f]), " ")
			if !strings.Contains(text, name) {
				t.Errorf("%s: no question has %s", s.Name, name)
			}
		}
	}
}
