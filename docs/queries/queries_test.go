package queries_test

import (
	"os"
	"strings"
	"testing"

	"github.com/slogtrace/slogtrace/docs/queries"
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
