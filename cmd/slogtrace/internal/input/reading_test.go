package input

import (
	"io"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/slogtrace/slogtrace/cmd/slogtrace/internal/tell"
)

// The latest time of several files is that of the newest of their last lines.
func TestReadingLast(t *testing.T) {
	dir := t.TempDir()
	for name, text := range map[string]string{
		"a.log": `{"time":"2026-03-01T09:15:09Z","msg":"late"}` + "\n" + `{"time":"2026-03-01T09:15:01Z","msg":"m"}` + "\n",
		"b.log": `{"time":"2026-03-01T09:15:02Z","msg":"m"}` + "\nno record\n",
		"c.log": "no record\n",
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	f := Files{Tell: tell.New(io.Discard, false, time.Now)}
	for _, test := range []struct{ file, want string }{
		{"b.log", "09:15:02"}, {"a.log", "09:15:09"}, {"*.log", "09:15:09"}, {"c.log", "00:00:00"},
	} {
		r, err := f.Open(t.Context(), []string{filepath.Join(dir, test.file)}, true)
		if err != nil {
			t.Fatal(err)
		}
		if got := r.Last().Format(time.TimeOnly); got != test.want {
			t.Errorf("%s: %s, want %s", test.file, got, test.want)
		}
		r.Close()
	}
}
