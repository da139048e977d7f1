package pgqueue

import (
	"os"
	"regexp"
	"strings"
	"testing"
)

// All code of the guide is part of this package.
func TestGuide(t *testing.T) {
	guide, err := os.ReadFile("../../docs/guide/queues.md")
	if err != nil {
		t.Fatal(err)
	}
	var code strings.Builder
	for _, name := range []string{"queue.go", "worker.go"} {
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		code.Write(text)
	}
	have := unindent(code.String())
	blocks := regexp.MustCompile("(?ms)^```(?:go|sql)\n(.*?)^```").FindAllStringSubmatch(string(guide), -1)
	if len(blocks) < 5 {
		t.Fatalf("%d blocks of code, want at least 5", len(blocks))
	}
	for _, block := range blocks {
		if !strings.Contains(have, unindent(block[1])) {
			t.Errorf("not in queue.go or worker.go:\n%s", block[1])
		}
	}
}

// unindent removes what lines begin and end with.
func unindent(text string) string {
	lines := strings.Split(text, "\n")
	for i := range lines {
		lines[i] = strings.TrimSpace(lines[i])
	}
	return strings.Join(lines, "\n")
}
