package follow

import (
	"context"
	"os"
	"strings"
	"testing"

	"github.com/slogtrace/slogtrace/internal/limits"
)

// A readFollowed is a file whose follower the test reads itself, with a small buffer.
type readFollowed struct {
	followed
	follower *follower
	buf      []byte
}

func readFollow(t *testing.T, before string) *readFollowed {
	t.Helper()
	f := &readFollowed{followed: followed{t: t, path: tempLog(t, before), stderr: new(strings.Builder)}, buf: make([]byte, 8)}
	tail := tailTo(nil, f.stderr)
	ctx, cancel := context.WithCancel(t.Context())
	waits := 0
	group := &followers{pool: &tail.Files.Pool, teller: tail.Tell, wait: func(context.Context) {
		if waits++; waits == 100 {
			cancel() // there is nothing
		}
	}}
	file, err := tail.Files.OpenLog(f.path)
	if err != nil {
		t.Fatal(err)
	}
	f.follower = newFollower(ctx, f.path, file, 0, group)
	t.Cleanup(func() {
		cancel()
		f.follower.Close()
	})
	return f
}

// read reads once, what there must be.
func (f *readFollowed) read() string {
	f.t.Helper()
	n, err := f.follower.Read(f.buf)
	if err != nil {
		f.t.Fatal(err)
	}
	return string(f.buf[:n])
}

// wantText reads until it has as much as it wants.
func (f *readFollowed) wantText(want string) {
	f.t.Helper()
	got := ""
	for len(got) < len(want) {
		got += f.read()
	}
	if got != want {
		f.t.Fatalf("got %q, want %q", got, want)
	}
}

// What the last look saw of the file and did not read is missing once the file is truncated, and is counted.
func TestFollowerTruncatedUnread(t *testing.T) {
	f := readFollow(t, strings.Repeat("a line\n", 10))
	f.read()
	if err := os.Truncate(f.path, 0); err != nil {
		t.Fatal(err)
	}
	f.append("anew\n")
	f.wantText("\nanew\n") // what was read ended within a line
	if told := f.stderr.String(); !strings.HasSuffix(told, ": 62 bytes may be missing: truncated, read from its beginning again\n") {
		t.Errorf("stderr %s", told)
	}
}

// The last look saw another file of that name, whose size says nothing of the one that is truncated.
func TestFollowerTruncatedRenamed(t *testing.T) {
	f := readFollow(t, strings.Repeat("a line\n", 10))
	f.read()
	f.rename("", ".1")
	another := strings.Repeat("another line\n", 10)
	f.append(another)
	f.read() // still of the old file
	if err := os.Truncate(f.path+".1", 0); err != nil {
		t.Fatal(err)
	}
	f.wantText("\n" + another)
	if told := f.stderr.String(); !strings.Contains(told, ": an unknown number of bytes may be missing: truncated") {
		t.Errorf("stderr %s", told)
	}
}

// A line that comes late to a file that was renamed may be longer than the buffer. It stays whole.
func TestFollowerLateLong(t *testing.T) {
	f := readFollow(t, "one\n")
	f.wantText("one\n")
	old := f.open()
	f.rename("", ".1")
	f.append("two\n")
	f.wantText("two\n")
	old.WriteString("a line that comes ")
	f.append("three\n")
	f.wantText("three\n") // the other line has no end yet
	old.WriteString("late\n")
	if got := f.read(); got != "a line t" {
		t.Fatalf("got %q", got)
	}
	f.append("four\n") // not within the other line
	f.wantText("hat comes late\nfour\n")
}

// A late line that is gone before all of it was read ends where it was.
func TestFollowerLateTruncated(t *testing.T) {
	f := readFollow(t, "one\n")
	f.wantText("one\n")
	old := f.open()
	f.rename("", ".1")
	f.append("two\n")
	f.wantText("two\n")
	old.WriteString("a line that comes late\n")
	f.read()
	if err := os.Truncate(f.path+".1", 0); err != nil {
		t.Fatal(err)
	}
	f.append("three\n")
	f.wantText("\nthree\n")
}

// A late line without an end is not held back forever: what is longer than any line that is read is cut.
func TestFollowerLateEndless(t *testing.T) {
	f := readFollow(t, "one\n")
	f.wantText("one\n")
	old := f.open()
	f.rename("", ".1")
	f.append("two\n")
	f.wantText("two\n")
	f.buf = make([]byte, 64<<10)
	endless := strings.Repeat("x", limits.MaxLine+1<<20)
	old.WriteString(endless)
	got := ""
	for !strings.HasSuffix(got, "\n") {
		got += f.read()
	}
	if got = strings.TrimSuffix(got, "\n"); len(got) <= limits.MaxLine || !strings.HasPrefix(endless, got) {
		t.Errorf("cut to %d bytes", len(got))
	}
	f.append("three\n")
	f.wantText("three\n")
}
