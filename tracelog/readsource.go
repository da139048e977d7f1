package tracelog

import (
	"bytes"
	"cmp"
	"fmt"
	"slices"

	"github.com/slogtrace/slogtrace/internal/limits"
)

// maxBadLines is how many findings a Source describes.
const maxBadLines = 100

// A Source is the result of Scan for one file. Lines = Records - Shared + Joined + Bad + Blank.
type Source struct {
	File    string
	Lines   int // including a last one without a newline
	Records int
	Joined  int // lines whose record continues, and counts, on a later line: a container runtime cut it, or it is printed on many lines
	Shared  int // records that have a line in common with one before them
	Blank   int // lines that are empty, have only a bracket or a comma of a JSON array, or only name columns
	Bad     int // lines that are not records

	// BadLines are the first 100 findings about the bad lines, in order.
	BadLines []BadLine
}

// A BadLine describes why a line is not a record. Reason contains nothing of the line's text.
type BadLine struct {
	Line   int // 1-based
	Reason string

	// More is how many of the bad lines after it belong to the same finding: the stacks of a panic, binary data.
	// There may be blank lines and records between them.
	More int
}

const (
	reasonText  = "not a JSON object"
	reasonPanic = "panic of a Go program"
)

// A tally counts lines into a Source.
type tally struct {
	Source
	last  string // the reason of the finding that the next bad line may belong to, "" if there is none
	index int    // of that finding in BadLines, if it is described
	// message is how many more lines the message of a panic may have. Its stacks come after it.
	message int
}

// maxMessage is how many lines are taken as a panic's message.
const maxMessage = 64

func (t *tally) blank() {
	t.Blank++
	t.afterBlank()
}

func (t *tally) afterBlank() {
	t.message = 0 // the stacks follow
	if t.last != reasonPanic {
		t.last = ""
	}
}

func (t *tally) record() {
	t.Records++
	t.afterRecord()
}

func (t *tally) afterRecord() {
	if t.last != reasonPanic { // other goroutines may continue logging for a moment
		t.last = ""
	}
}

// bad counts the bad line with that number. It keeps nothing of content, the line without prefixes.
func (t *tally) bad(number int, reason string, content []byte) {
	t.badAs(number, reason, looksOf(reason, content))
}

// badAs is bad for a line whose looks are known.
func (t *tally) badAs(number int, reason string, l looks) {
	t.Bad++
	switch {
	case l&looksPanic != 0 && !(t.last == reasonPanic && l&looksGoroutine != 0):
		reason = reasonPanic
		t.message = maxMessage
		t.inPanic(l)
	case reason == reasonText && t.last == reasonPanic && t.inPanic(l):
		t.more()
		return
	case isBinary(reason) && isBinary(t.last):
		t.more()
		return
	}
	t.last = ""
	if reason == reasonPanic || isBinary(reason) {
		t.last = reason
	}
	t.index = len(t.BadLines)
	if len(t.BadLines) < maxBadLines {
		t.insert(BadLine{Line: number, Reason: reason})
	}
}

// inPanic reports whether a line belongs to the current panic.
func (t *tally) inPanic(l looks) bool {
	if l&looksGoroutine != 0 {
		t.message = 0
	}
	if t.message > 0 {
		t.message--
		return true
	}
	return l&looksStack != 0
}

// looks is which part of a panic's report a line of text may be.
type looks uint8

const (
	looksPanic     looks = 1 << iota // beginsPanic
	looksGoroutine                   // isGoroutine
	looksStack                       // inStack
)

func looksOf(reason string, b []byte) (l looks) {
	if reason != reasonText {
		return 0
	}
	if beginsPanic(b) {
		l |= looksPanic
	}
	if isGoroutine(b) {
		l |= looksGoroutine
	}
	if inStack(b) {
		l |= looksStack
	}
	return l
}

func isBinary(reason string) bool { return len(reason) >= 6 && reason[:6] == "binary" }

func (t *tally) more() {
	if t.index < len(t.BadLines) {
		t.BadLines[t.index].More++
	}
}

// insert keeps the findings in order. A finding about a line that was cut arrives late.
func (t *tally) insert(b BadLine) {
	i, _ := slices.BinarySearchFunc(t.BadLines, b, func(a, b BadLine) int { return cmp.Compare(a.Line, b.Line) })
	t.BadLines = slices.Insert(t.BadLines, i, b)
}

// beginsPanic reports whether with this line the Go runtime, or net/http on its behalf, begins to report a panic or a
// fatal error. A stack without either is one too: the message may be in another log.
func beginsPanic(b []byte) bool {
	for _, s := range [...]string{"panic: ", "fatal error: ", "unexpected fault address ", "SIGQUIT: ", "SIGABRT: "} {
		if bytes.HasPrefix(b, []byte(s)) {
			return true
		}
	}
	return isGoroutine(b) || bytes.Contains(b[:min(len(b), 256)], []byte("http: panic serving "))
}

// isGoroutine reports whether a line is the head of a stack: goroutine 18 [running]:
func isGoroutine(b []byte) bool {
	rest, ok := bytes.CutPrefix(b, []byte("goroutine "))
	return ok && len(rest) > 0 && isDigit(rest[0]) && bytes.Contains(rest, []byte(" ["))
}

// inStack reports whether a line is of the kinds that follow the message in a report of a panic.
func inStack(b []byte) bool {
	if len(b) == 0 {
		return false
	}
	if b[0] == '\t' || bytes.HasPrefix(b, []byte("   ")) { // web consoles and shippers turn the tabs into spaces
		return true
	}
	for _, s := range [...]string{"goroutine ", "created by ", "[signal ", "exit status ", "runtime stack:", "panic(", "PC=", "...", "[recovered]"} {
		if bytes.HasPrefix(b, []byte(s)) {
			return true
		}
	}
	// main.(*server).handle(0xc000012345, {0x1, 0x2}) or a register: rax    0x0
	if b[len(b)-1] == ')' {
		open := bytes.IndexByte(b, '(')
		return open > 0 && bytes.IndexByte(b[:open], '.') > 0 && bytes.IndexByte(b[:open], ' ') < 0
	}
	return bytes.Contains(b, []byte("0x")) && len(bytes.Fields(b)) == 2
}

const maxLine = limits.MaxLine

const truncated = "truncated: the input ends inside this line's JSON object"

// tooLong returns the reason for a line that is not read because of its size. The size is included if it is known.
func tooLong(size int) string {
	reason := fmt.Sprintf("longer than %d MiB", maxLine>>20)
	if size > 0 {
		reason += fmt.Sprintf(": %d bytes", size)
	}
	return reason
}
