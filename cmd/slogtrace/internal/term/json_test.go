package term

import (
	"encoding/json"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/slogtrace/slogtrace/tracelog"
)

// Of several attributes with one key the first is written, whether they are few or many, and keys are as json.Marshal writes them.
func TestAttrs(t *testing.T) {
	keys := []string{"a", "", `say "x"`, `C:\`, "a<b>&c", "tab\t", "Größe", "\u2028", "\xff"}
	for _, n := range []int{0, 1, 9, 16, 17, 40} {
		var attrs AttrsJSON
		var want []string
		for i := range n {
			key := keys[i%len(keys)]
			if i >= 2*len(keys) {
				key += strconv.Itoa(i)
			}
			attrs = append(attrs, tracelog.Attr{Key: key, Value: json.RawMessage(strconv.Itoa(i))})
			if i < len(keys) || i >= 2*len(keys) {
				quoted, err := json.Marshal(key)
				if err != nil {
					t.Fatal(err)
				}
				want = append(want, string(quoted)+":"+strconv.Itoa(i))
			}
		}
		got, err := attrs.MarshalJSON()
		if want := "{" + strings.Join(want, ",") + "}"; err != nil || string(got) != want {
			t.Errorf("%d attributes: %s, %v\nwant %s", n, got, err, want)
		}
	}
}

// A time is in UTC, with as many digits as it needs.
func TestTime(t *testing.T) {
	at := time.Date(2026, 3, 1, 10, 15, 0, 120, time.FixedZone("", 3600))
	for want, at := range map[string]time.Time{`"2026-03-01T09:15:00.00000012Z"`: at, `"2026-03-01T09:15:00Z"`: at.Truncate(time.Second), "null": {}} {
		if got, err := TimeJSON(at).MarshalJSON(); string(got) != want || err != nil {
			t.Errorf("%s, %v, want %s", got, err, want)
		}
	}
}
