package w3c_test

import (
	"encoding/binary"
	"encoding/json"
	"net/http"
	"os"
	"regexp"
	"testing"
)

const highTrace = 0xe6666666666666 // a share of 0.1 just has it

// randomTraceID returns a trace id whose random 56 bits are n; all its other bits are set.
func randomTraceID(n uint64) [16]byte {
	id := [16]byte{0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff}
	binary.BigEndian.PutUint64(id[8:], 0xff<<56|n)
	return id
}

// tracestateVectors returns the lines of each vector for tracestate in the root's testdata, whose tests know what must come of them.
func tracestateVectors(tb testing.TB) (all [][]string) {
	tb.Helper()
	const name = "../../testdata/propagation.json"
	data, err := os.ReadFile(name)
	if err != nil {
		tb.Fatal(err)
	}
	var p struct {
		Tracestate []struct{ Headers map[string][]string }
	}
	if err := json.Unmarshal(data, &p); err != nil {
		tb.Fatal(err)
	}
	for _, v := range p.Tracestate {
		h := http.Header{}
		for name, lines := range v.Headers {
			for _, line := range lines {
				h.Add(name, line)
			}
		}
		all = append(all, h.Values("tracestate"))
	}
	if len(all) == 0 {
		tb.Fatalf("%s: no vectors for tracestate", name)
	}
	return all
}

func errorString(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}

var printableLine = regexp.MustCompile(`\Aslogtrace: [ -~]+\z`)

// checkErrorText fails the test if err could spoil a log.
func checkErrorText(t *testing.T, err error) {
	t.Helper()
	const most = 350
	if text := err.Error(); len(text) > most || !printableLine.MatchString(text) {
		t.Errorf("error %.400q, want at most %d bytes of printable ASCII that begin with \"slogtrace: \"", text, most)
	}
}

// sink is where results go that the compiler must not drop.
var sink struct {
	text string
	err  error
}
