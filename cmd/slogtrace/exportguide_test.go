package main

import (
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// What docs/guide/export.md says that commands write is what they write. A | in a command is a pipe.
func TestExportGuide(t *testing.T) {
	const guide = "../../docs/guide/export.md"
	b, err := os.ReadFile(guide)
	if err != nil {
		t.Fatal(err)
	}
	t.Chdir("testdata")
	blocks := regexp.MustCompile("(?m)^<!-- prints: (slogtrace .*) -->\n```(\\w*)\n((?s:.*?))```$")
	n := 0
	updated := blocks.ReplaceAllStringFunc(string(b), func(block string) string {
		n++
		m := blocks.FindStringSubmatch(block)
		text := ""
		for part := range strings.SplitSeq(m[1], " | ") {
			var stdout, stderr strings.Builder
			args := words(part)[1:]
			if code := run(t.Context(), args, strings.NewReader(text), &stdout, &stderr); code != 0 || stderr.Len() > 0 {
				t.Errorf("%s: exit code %d, stderr %q", part, code, stderr.String())
			}
			text = stdout.String()
		}
		if diff := cmp.Diff(m[3], text); diff != "" && !*update {
			t.Errorf("%s, %s (-said +written; go test -update mends it):\n%s", guide, m[1], diff)
		}
		return "<!-- prints: " + m[1] + " -->\n```" + m[2] + "\n" + text + "```"
	})
	if n == 0 {
		t.Error("no block is tested")
	}
	if *update {
		if err := os.WriteFile("../"+guide, []byte(updated), 0o666); err != nil {
			t.Fatal(err)
		}
	}
}
