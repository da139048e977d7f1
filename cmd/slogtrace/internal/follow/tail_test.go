package follow

import (
	"os"
	"strings"
	"testing"
)

func TestTailFollows(t *testing.T) {
	f := follow(t, "one\ntwo\nthree\n", 2)
	f.want("two", "three")
	f.append("four\nfi")
	f.look()
	f.want("four")
	f.append("ve\n") // a line comes when it is whole
	f.look()
	f.want("five")
	f.append("six\nseven\n")
	f.look()
	f.want("six", "seven")
	if err := f.end(); err != nil || f.stderr.String() != "" {
		t.Errorf("%v, stderr %q", err, f.stderr)
	}
}

// The last line may not be whole when tail begins.
func TestTailTornBegin(t *testing.T) {
	f := follow(t, "one\ntw", 1)
	f.want("one")
	f.append("o\n")
	f.look()
	f.want("two")
	f.end()
}

// logrotate's "create": what was written to the old file until the rename, and after it by a process
// that still has it open, is not lost.
func TestTailRename(t *testing.T) {
	f := follow(t, "one\n", 10)
	f.want("one")
	old := f.open()
	f.append("two\n")
	if err := os.Rename(f.path, f.path+".1"); err != nil {
		t.Fatal(err)
	}
	f.look()
	f.want("two")
	old.WriteString("three\ntorn")
	f.look()
	f.want("three")
	f.append("four\n")
	f.look()
	f.want("torn", "four")
	f.append("five\n")
	f.look()
	f.want("five")
	f.end()
	const want = ": gone, waiting for it to come back\n"
	if got := f.stderr.String(); !strings.Contains(got, want) || !strings.HasSuffix(got, ": a new file\n") {
		t.Errorf("stderr %q", got)
	}
}

// The file is renamed and there again, longer than it was, between two looks at it.
func TestTailRenameAtOnce(t *testing.T) {
	f := follow(t, "one\n", 10)
	f.want("one")
	if err := os.Rename(f.path, f.path+".1"); err != nil {
		t.Fatal(err)
	}
	f.append("two, which is longer\nthree\n")
	f.look()
	f.want("two, which is longer", "three")
	f.end()
}

// logrotate's "copytruncate": the same file becomes shorter.
func TestTailTruncate(t *testing.T) {
	f := follow(t, "one\ntwo\n", -1)
	f.want("one", "two")
	f.append("torn")
	f.look()
	if err := os.Truncate(f.path, 0); err != nil {
		t.Fatal(err)
	}
	f.append("1\n")
	f.look()
	f.want("torn", "1")
	f.end()
	if got := f.stderr.String(); !strings.HasSuffix(got, ": truncated, read from its beginning again\n") {
		t.Errorf("stderr %q", got)
	}
}

// It has grown beyond where it was since.
func TestTailTruncateAndGrow(t *testing.T) {
	f := follow(t, "one\ntwo\n", 10)
	f.want("one", "two")
	if err := os.Truncate(f.path, 0); err != nil {
		t.Fatal(err)
	}
	f.append("three\nfour\nfive\n")
	f.look()
	f.want("three", "four", "five")
	f.end()
}
