package tracelog

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

// The five bookings of examples/booking, as its services log them, and with the ids in brackets: at the start of msg,
// of message, and in a member prefix.
func TestBookingInBrackets(t *testing.T) {
	read := func(file string) ([]Entry, string) {
		entries, src := scanAll(t, readLog(t, file))
		if src.Records != 68 || src.Lines != 68 {
			t.Fatalf("%s: %+v", file, src)
		}
		return entries, story(Assemble(entries))
	}
	members, want := read("booking-members.log")
	brackets, got := read("booking-brackets.log")
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-members +brackets):\n%s", diff)
	}
	inBrackets := 0
	for i := range brackets {
		if brackets[i].Schema == "text" {
			inBrackets++
		}
		brackets[i].Schema = members[i].Schema
		brackets[i].Raw = members[i].Raw
		brackets[i].File = members[i].File
	}
	if diff := cmp.Diff(members, brackets); diff != "" {
		t.Errorf("(-members +brackets):\n%s", diff)
	}
	if inBrackets < 60 {
		t.Errorf("only %d lines with brackets", inBrackets)
	}
}
