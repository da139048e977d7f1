package main

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestMerge(t *testing.T) {
	job := func(name, subject string) jobResult {
		return jobResult{Name: name, Rows: []rowResult{{Subject: subject}}}
	}
	peers := func(version string) []peerResult {
		return []peerResult{{"zap", []module{{"go.uber.org/zap", version}}}}
	}
	committed := &result{
		origin: origin{Command: "all", CPU: "one"}, Peers: peers("v1"), Handlers: []handlerResult{{Name: "h", Version: "old"}},
		Jobs: []jobResult{job("a", "old"), job("c", "old"), job("gone", "old"), job("d", "old")},
	}
	r := &result{
		origin: origin{Command: "some", CPU: "another"}, Peers: append(peers("v1"), peerResult{Name: "new"}),
		Handlers: []handlerResult{{Name: "h", Version: "new"}, {Name: "i"}}, Jobs: []jobResult{job("c", "new"), job("b", "new")},
	}
	got, err := r.merge(committed, []string{"a", "b", "c", "d"})
	if err != nil {
		t.Fatal(err)
	}
	b, c := job("b", "new"), job("c", "new")
	b.Origin, c.Origin = &r.origin, &r.origin
	want := &result{
		origin: committed.origin, Peers: r.Peers, Handlers: []handlerResult{{Name: "h", Version: "old"}, {Name: "i"}},
		Jobs: []jobResult{job("a", "old"), b, c, job("d", "old")},
	}
	if diff := cmp.Diff(want, got, cmp.AllowUnexported(result{})); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	if text := got.markdown(); strings.Count(text, "Measured separately, by `some`: another,") != 2 {
		t.Errorf("want the origin of two jobs in\n%s", text)
	}
	if len(committed.Jobs) != 4 || committed.Jobs[1].Origin != nil {
		t.Errorf("the committed result has changed: %+v", committed)
	}

	r.Peers = peers("v2")
	if _, err := r.merge(committed, nil); err == nil || !strings.Contains(err.Error(), "zap") {
		t.Errorf("other versions: want an error about zap, got %v", err)
	}
}
