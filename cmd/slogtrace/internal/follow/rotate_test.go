package follow

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// The file is put away twice, or more often, between two looks, and what it was in between is read: once.
func TestTailRenameTwice(t *testing.T) {
	f := follow(t, "one\n", 10)
	f.want("one")
	f.append("two\n")
	f.rename("", ".1")
	f.append("three\nfour\n")
	f.rename(".1", ".2")
	f.rename("", ".1")
	f.append("five\n")
	f.look()
	f.want("two", "three", "four", "five")
	for i := range 3 { // and thrice
		f.append(fmt.Sprintf("a%d\n", i))
		f.rename(".2", fmt.Sprintf(".%d", 9-i))
		f.rename(".1", ".2")
		f.rename("", ".1")
	}
	f.append("six\n")
	f.look()
	f.want("a0", "a1", "a2", "six")
	f.silent()
	if told := f.stderr.String(); strings.Count(told, "which had this name in between") != 3 {
		t.Errorf("stderr %s", told)
	}
}

// What lay beside the file before, was put there, or is a copy of it, is not read.
func TestTailRenameBeside(t *testing.T) {
	before := strings.Repeat("line\n", 100)
	f := follow(t, before, 1)
	f.want("line")
	f.write(".3", "old\n")
	f.append("two\n")
	f.look()
	f.want("two")
	text, _ := os.ReadFile(f.path)
	f.write(".bak", string(text)) // a copy
	f.write("x.1", "of another\n")
	if err := os.WriteFile(filepath.Join(filepath.Dir(f.path), "other.log"), []byte("other\n"), 0o666); err != nil {
		t.Fatal(err)
	}
	f.rename("", ".1")
	f.append("three\n")
	f.look()
	f.want("old", "three") // nobody can know that .3 was not the file's name for a moment
	f.silent()
}

// Beside the file lie its older ones when tail begins.
func TestTailRenameOlder(t *testing.T) {
	f := follow(t, "one\n", 10)
	f.want("one")
	dated := filepath.Join(filepath.Dir(f.path), "app-20260301.log")
	if err := os.WriteFile(dated, []byte("older\n"), 0o666); err != nil {
		t.Fatal(err)
	}
	f.end()
	g := followAt(t, f.path, 10)
	g.want("one")
	g.rename("", ".1")
	g.append("two\n")
	g.look()
	g.want("two")
	g.silent()
	if strings.Contains(g.stderr.String(), "in between") {
		t.Errorf("stderr %s", g.stderr)
	}
}

// The new file is empty, as logrotate creates it, and the process goes on with the old one until it is told.
func TestTailRenameCreate(t *testing.T) {
	f := follow(t, "one\n", 10)
	f.want("one")
	old := f.open()
	f.rename("", ".1")
	f.write("", "")
	f.look()
	old.WriteString("two\n")
	f.look()
	f.want("two")
	old.WriteString("three\n")
	f.append("four\n")
	f.look()
	f.want("three", "four")
	old.WriteString("late\ntorn") // another process has not noticed
	f.look()
	f.want("late")
	f.append("five\nsi")
	old.WriteString(" line\n")
	f.look()
	f.want("five")
	f.append("x\n")
	f.look()
	f.want("six", "torn line")
	// Its old name.
	f.rename("", ".2")
	f.rename(".1", "")
	f.look()
	f.append("seven\n")
	f.look()
	f.want("seven")
	f.silent()
}

// What was written between the last look and copytruncate only the copy has.
func TestTailCopyTruncate(t *testing.T) {
	long := strings.Repeat("a line of the file\n", 50)
	for _, test := range []struct{ name, before, copy string }{
		{"short", "one\n", ".1"}, {"long", long, ".1"}, {"long, any name", long, ".saved"}, {"dated", long, "-20260301"},
	} {
		f := follow(t, test.before, 0)
		f.append("two\nthr")
		f.look()
		f.want("two")
		f.append("ee\nfour\n")
		f.copyTruncate(test.copy)
		f.append("five\n")
		f.look()
		f.want("three", "four", "five")
		if test.copy == ".saved" { // with so little in common a copy needs a name that says so
			f.silent()
			continue
		}
		f.append("six\n")
		f.copyTruncate(test.copy + "0") // again, before the next look
		f.append("seven\n")
		f.copyTruncate(test.copy + "1")
		f.append("eight\n")
		f.look()
		f.want("six", "seven", "eight")
		f.copyTruncate(test.copy + "2") // without anything new
		f.look()
		f.silent()
		if told := f.stderr.String(); strings.Contains(told, "missing") || !strings.Contains(told, "truncated") {
			t.Errorf("%s: stderr %s", test.name, told)
		}
	}
}

// What is lost is said, as far as anybody can know.
func TestTailTruncateLoses(t *testing.T) {
	// The writer does not append, but goes on where it was: before is a hole.
	f := follow(t, "one\n", 10)
	f.want("one")
	w, err := os.OpenFile(f.path, os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	at := func(offset int64, text string) {
		if _, err := w.WriteAt([]byte(text), offset); err != nil {
			t.Fatal(err)
		}
	}
	at(4, "two\n")
	f.look()
	f.want("two")
	w.Truncate(0)
	at(8, "three\n") // behind NULs
	f.look()
	f.want("three")
	at(14, "lost\n")
	w.Truncate(0)
	at(19, `{"level":"INFO","msg":"found"}`+"\n")
	f.look()
	if line := receive(t, f.lines); !strings.HasSuffix(line, "found") {
		t.Errorf("got %q", line)
	}
	w.Truncate(0)
	at(200_000, "far\n") // the hole is more than is read at once
	f.look()
	f.want("far")
	f.end()
	told := strings.Split(strings.TrimSpace(f.stderr.String()), "\n")
	if len(told) != 3 || !strings.Contains(told[0], ": an unknown number of bytes may be missing: truncated") ||
		!strings.Contains(told[1], ": 5 bytes may be missing: truncated") || !strings.Contains(told[2], ": 199950 bytes may be missing: truncated") {
		t.Errorf("stderr %s", f.stderr)
	}
}

// A crash leaves NULs, also within a line; the lines around them are read, those of the past and those to come.
func TestTailNULs(t *testing.T) {
	const nuls = "\x00\x00\x00\x00"
	const record = "{\"level\":\"INFO\",\"msg\":\"zero\"}\n" // else it would be taken for a binary file
	f := follow(t, record+"one\n"+nuls+"two\nto"+nuls+"three\n", 3)
	f.want("one", "two", "to", "three")
	f.append(nuls + "four\nfi" + nuls)
	f.look()
	f.want("four", "fi")
	f.append(nuls + nuls)
	f.look()
	f.append("six\n")
	f.look()
	f.want("six")
	f.silent()
}

func FuzzBreakLines(f *testing.F) {
	f.Add([]byte("a\x00\x00b\n\x00c"), true, 3)
	f.Fuzz(func(t *testing.T, text []byte, torn bool, size int) {
		// However it is read: the lines between newlines and NULs, those with nothing between NULs left out.
		var want []byte
		for i, part := range bytes.Split(text, []byte{0}) {
			if begun := len(want) > 0 && want[len(want)-1] != '\n' || len(want) == 0 && torn; i > 0 && begun {
				want = append(want, '\n')
			}
			want = append(want, part...)
		}
		var got []byte
		r := &lineBreaker{r: bytes.NewReader(text), torn: torn}
		buf := make([]byte, 1+max(0, size)%10)
		for {
			n, err := r.Read(buf)
			if got = append(got, buf[:n]...); err != nil {
				break
			}
		}
		if !bytes.Equal(got, want) {
			t.Errorf("%q, torn %t: got %q, want %q", text, torn, got, want)
		}
	})
}
