package slogtrace

import (
	"encoding/json"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/slogtrace/slogtrace/internal/jsontext"
)

// What a format remembers of a second is no other's.
func TestAppendHead(t *testing.T) {
	rnd := rand.New(rand.NewPCG(3, 7))
	f, tm := ECS.compile(true), randomTime(rnd)
	for range 4000 {
		switch rnd.IntN(6) {
		case 0:
			tm = randomTime(rnd)
		case 1:
			tm = tm.In(testZones[rnd.IntN(len(testZones))])
		case 2, 3, 4:
			tm = time.Unix(tm.Unix(), int64(rnd.IntN(1e9))).In(tm.Location())
		case 5:
			tm = time.Time{}
		}
		if jsontext.YearError(tm) {
			continue
		}
		level := levelOf(rnd.IntN(17) - 4)
		want := `{"@timestamp":` + jsonOracle(t, tm) + `,"log.level":"` + level.String() + `","message":"`
		if tm.IsZero() {
			want = `{"log.level":"` + level.String() + `","message":"`
		}
		if got := string(f.appendHead(nil, tm, level, true)); got != want {
			t.Fatalf("want %s, got %s", want, got)
		}
	}
}

func TestAppendLevel(t *testing.T) {
	for l := -20; l <= 20; l++ {
		level := levelOf(l)
		want := `{"level":` + jsonOracle(t, level.String()) + `,"msg":"`
		checkAppended(t, level.String(), want, func(b []byte) []byte {
			return defaultFormat.appendHead(b, time.Time{}, level, true)
		})
	}
}

// testZones are zones of all sorts, two of them with one name and different offsets.
var testZones = []*time.Location{
	time.UTC, time.Local, time.FixedZone("", 0), time.FixedZone("X", 3600), time.FixedZone("X", -5*3600-30*60),
}

func randomTime(rnd *rand.Rand) time.Time {
	return time.Unix(rnd.Int64N(1<<33), rnd.Int64N(1e9)).In(testZones[rnd.IntN(len(testZones))])
}

// jsonOracle returns what encoding/json makes of v.
func jsonOracle(tb testing.TB, v any) string {
	tb.Helper()
	text, err := json.Marshal(v)
	if err != nil {
		tb.Fatal(err)
	}
	return string(text)
}

func checkAppended(t *testing.T, what string, want string, add func([]byte) []byte) {
	t.Helper()
	const before = "…e-0" // what stands before must neither change nor be looked at
	if got := string(add([]byte(before))); got != before+want {
		t.Errorf("%s: %s, want %s", what, got, before+want)
	}
}
