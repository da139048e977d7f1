// Command tests reads the output of `go test -json` and says what happened: the output
// of what failed, the message of what was skipped, and how many tests there were.
// It exits with 1 if a test or a package failed, a test was skipped, or there was none.
package main

import (
	"bufio"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"os"
	"regexp"
	"slices"
	"strings"
)

func main() {
	permit := flag.String("permit", "", "permit skips whose message begins with `prefix`")
	out := flag.String("o", "", "write the counts, one line, to `file` too")
	flag.Parse()
	t, err := read(os.Stdin, os.Stdout, *permit)
	if err == nil && *out != "" {
		err = os.WriteFile(*out, []byte(t.String()+"\n"), 0o666)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "tests:", err)
		os.Exit(1)
	}
	if !t.ok() {
		os.Exit(1)
	}
}

// tally counts tests, subtests, examples and the seeds of fuzz targets. A package that
// fails without a failed test, because it does not build for instance, counts as one.
// Permitted skips are in none of the three others.
type tally struct{ passed, failed, skipped, permitted int }

func (t tally) String() string {
	return fmt.Sprintf("%d passed, %d failed, %d skipped", t.passed, t.failed, t.skipped)
}

func (t tally) ok() bool { return t.passed > 0 && t.failed == 0 && t.skipped == 0 }

// event is what `go doc test2json` and `go help buildjson` describe.
type event struct {
	Action, Package, Test, Output string
	Elapsed                       float64 // seconds
}

// read tallies the events of r and tells w about failures, skips and packages.
func read(r io.Reader, w io.Writer, permit string) (tally, error) {
	var t tally
	pending := map[[2]string]string{} // output of what has not ended yet, by package and test
	failures := map[string]int{}      // failed tests, by package
	var notes strings.Builder         // failures and skips, listed at the end
	lines := bufio.NewReader(r)
	for {
		line, err := lines.ReadString('\n')
		if err == io.EOF && line == "" {
			break
		}
		if err != nil && err != io.EOF {
			return t, err
		}
		var e event
		if json.Unmarshal([]byte(line), &e) != nil {
			fmt.Fprint(w, line) // not of test2json, so meant for people
			continue
		}
		key := [2]string{e.Package, e.Test}
		switch e.Action {
		case "output":
			pending[key] += e.Output
			continue
		case "build-output":
			fmt.Fprint(w, e.Output)
			continue
		case "pass", "fail", "skip":
		default:
			continue
		}
		output := pending[key]
		delete(pending, key)
		switch {
		case e.Test == "" && e.Action == "fail":
			// After a panic or a timeout the tests that were running have no end.
			for _, k := range unfinished(pending, e.Package) {
				fmt.Fprint(w, pending[k])
				delete(pending, k)
			}
			fmt.Fprint(w, output)
			if failures[e.Package] == 0 {
				t.failed++
				fmt.Fprintf(&notes, "FAIL %s\n", e.Package)
			}
		case e.Test == "" && e.Action == "pass":
			fmt.Fprintf(w, "ok   %s %.1fs\n", e.Package, e.Elapsed)
		case e.Test == "": // a package without tests
		case e.Action == "pass":
			t.passed++
		case e.Action == "fail":
			t.failed++
			failures[e.Package]++
			fmt.Fprint(w, output)
			fmt.Fprintf(&notes, "FAIL %s %s\n", e.Package, e.Test)
		case permit != "" && strings.HasPrefix(message(output), permit):
			t.permitted++
			fmt.Fprintf(w, "skip %s %s: %s (permitted)\n", e.Package, e.Test, message(output))
		default:
			t.skipped++
			fmt.Fprintf(&notes, "SKIP %s %s: %s\n", e.Package, e.Test, message(output))
		}
	}
	fmt.Fprintf(w, "%stests: %s", notes.String(), t)
	if t.permitted > 0 {
		fmt.Fprintf(w, ", %d skips permitted", t.permitted)
	}
	fmt.Fprintln(w)
	return t, nil
}

// unfinished returns the keys of the package's tests that have not ended, in order.
func unfinished(pending map[[2]string]string, pkg string) [][2]string {
	var keys [][2]string
	for k := range pending {
		if k[0] == pkg {
			keys = append(keys, k)
		}
	}
	slices.SortFunc(keys, func(a, b [2]string) int { return strings.Compare(a[1], b[1]) })
	return keys
}

var logged = regexp.MustCompile(`(?m)^\s+\S+\.go:\d+: (.*)$`)

// message returns what a skipped test logged last: its reason.
func message(output string) string {
	all := logged.FindAllStringSubmatch(output, -1)
	if len(all) == 0 {
		return "(no message)"
	}
	return all[len(all)-1][1]
}
