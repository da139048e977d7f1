package redact_test

//lint:file-ignore SA5008 not all versions of encoding/json take a name from such tags

import (
	"bytes"
	"context"
	"encoding/json"
	"log/slog"
	"strings"
	"testing"

	"github.com/slogtrace/slogtrace"
	"github.com/slogtrace/slogtrace/internal/jsontext"
)

// Of two fields with one name the tagged one is written, and it is that field's name in Go that counts.
func TestRedactGuideTagged(t *testing.T) {
	for _, v := range []any{
		struct {
			B        string
			Password string `json:"B"`
		}{"open", "LEAK"},
		struct {
			Password string `json:"B"`
			B        string
		}{"LEAK", "open"},
	} {
		if line := redactLine(nil, func(ctx context.Context, l *slog.Logger) { l.Info("m", "v", v) }); strings.Contains(line, "LEAK") || !strings.Contains(line, `"v":{"B":"[redacted]"}`) {
			t.Errorf("%T: %s", v, line)
		}
	}
	v := struct {
		Password string
		B        string `json:"Password"`
	}{"LEAK", "open"}
	line := redactLine(nil, func(ctx context.Context, l *slog.Logger) { l.Info("m", "v", v) })
	if strings.Contains(line, "LEAK") {
		t.Error(line)
	}
}

// A value is found under a key that is not valid UTF-8, which encoding/json writes in another way.
func TestRedactGuideInvalidKey(t *testing.T) {
	type account struct {
		User     string
		Password string `json:"p"`
	}
	v := map[string]account{"\xff": {"alice", "LEAK"}, "b": {"bob", "LEAK"}}
	line := redactLine(nil, func(ctx context.Context, l *slog.Logger) { l.Info("m", "v", v) })
	if strings.Contains(line, "LEAK") || !strings.Contains(line, "alice") || !strings.Contains(line, "bob") {
		t.Error(line)
	}
}

type (
	hiddenInner  struct{ password string }
	hiddenMiddle struct{ inner hiddenInner }
	hiddenOuter  struct {
		ID     int
		middle hiddenMiddle
	}
	hiddenMap  struct{ middle struct{ m map[string]string } }
	hiddenPair struct{ pair struct{ Name, Value string } }
	guidePair  struct {
		Name  string `json:"n"`
		Value string `json:"v"`
		Odd   string `json:",unknown"`
	}
)

// Package fmt prints unexported fields, however deep in others they are.
func TestRedactHiddenDeep(t *testing.T) {
	var m hiddenMap
	m.middle.m = map[string]string{"password": "LEAK"}
	var p hiddenPair
	p.pair.Name, p.pair.Value = "password", "LEAK"
	for _, v := range []any{p, hiddenOuter{1, hiddenMiddle{hiddenInner{"LEAK"}}}, []any{hiddenOuter{1, hiddenMiddle{hiddenInner{"LEAK"}}}}, m} {
		var b bytes.Buffer
		slog.New(slogtrace.NewRedactHandler(slog.NewTextHandler(&b, nil), nil)).Info("m", "v", v)
		if strings.Contains(b.String(), "LEAK") {
			t.Errorf("%T: %s", v, b.String())
		}
	}
}

// A name that only encoding/json can read out of a tag, as that of some Go versions does, is a name.
func TestRedactGuideOddTags(t *testing.T) {
	for _, v := range []any{
		struct {
			A string `json:"'p\\u0069n'"`
		}{"LEAK"},
		struct {
			A string `json:"'p\\x69n'"`
		}{"LEAK"},
		struct {
			A string `json:"p\\u0069n"`
		}{"LEAK"},
	} {
		written, err := jsontext.AppendJSON(nil, v)
		line := redactLine(nil, func(ctx context.Context, l *slog.Logger) { l.Info("m", "v", v) })
		if named := strings.Contains(string(written), `"pin"`); err != nil || named == strings.Contains(line, "LEAK") {
			t.Errorf("encoding/json writes %s, %v; got %s", written, err, line)
		}
	}
}

// The name of a pair is found by what Go calls it, also where encoding/json writes the struct and calls it otherwise.
func TestRedactGuidePair(t *testing.T) {
	type pair struct {
		Name  any    `json:"n"`
		Value string `json:"v"`
		Odd   string `json:",unknown"`
	}
	password := "password"
	for _, name := range []any{password, &password} {
		line := redactLine(nil, func(ctx context.Context, l *slog.Logger) { l.Info("m", "v", pair{name, "LEAK", "open"}) })
		if want := `{"msg":"m","v":{"n":"password","v":"[redacted]","Odd":"open"}}`; line != want {
			t.Errorf("%T:\n got %s\nwant %s", name, line, want)
		}
	}
	// Behind something else that is replaced, too.
	line := redactLine(nil, func(ctx context.Context, l *slog.Logger) {
		l.Info("m", "v", []any{map[string]int{"pin": 1}, guidePair{password, "LEAK", "open"}})
	})
	if want := `{"msg":"m","v":[{"pin":"[redacted]"},{"n":"password","v":"[redacted]","Odd":"open"}]}`; line != want {
		t.Errorf("got %s\nwant %s", line, want)
	}
}

// Members that stand beside those of a struct are hidden by the name of the field that they come from.
func TestRedactGuideRest(t *testing.T) {
	leak := map[string]string{"a": "LEAK"}
	type named struct {
		Password map[string]string `json:",embed"`
		Open     string
	}
	for _, v := range []any{
		named{leak, "open"},
		&named{leak, "open"},
		[]any{map[string]any{"v": named{leak, "open"}}},
		struct {
			Password *map[string]string `json:",embed"`
			Open     string
		}{&leak, "open"},
		struct {
			Session map[string]any `json:",embed"`
			Open    string
		}{map[string]any{"a": []any{"LEAK"}}, "open"},
		struct {
			Open     string
			Password json.RawMessage `json:",embed"`
		}{"open", json.RawMessage(`{"a":"LEAK"}`)},
		struct {
			Open string
			Auth json.RawMessage `json:",embed"`
		}{"open", json.RawMessage(`{"a":{"b":"LEAK"}}`)},
		struct {
			Password struct {
				Rest map[string]string `json:",embed"`
			} `json:",embed"`
			Open string
		}{struct {
			Rest map[string]string `json:",embed"`
		}{leak}, "open"},
	} {
		line := redactLine(nil, func(ctx context.Context, l *slog.Logger) { l.Info("m", "v", v) })
		if strings.Contains(line, "LEAK") || !strings.Contains(line, `"Open":"open"`) || !strings.Contains(line, "[redacted]") {
			t.Errorf("%T: %s", v, line)
		}
		written, err := jsontext.AppendJSON(nil, v)
		if err != nil {
			t.Fatal(err)
		}
		if beside := !strings.Contains(string(written), "Password") && !strings.Contains(string(written), "Auth") && !strings.Contains(string(written), "Session"); beside && !strings.Contains(line, `"a":`) {
			t.Errorf("%T: encoding/json writes %s, got %s", v, written, line)
		}
	}
}

type (
	guideBase struct {
		Password string `json:"B"`
		C        string `json:"c"`
	}
	guideShadows struct {
		guideBase
		B   string
		PIN int `json:"p"`
	}
	guideRing struct {
		*guideRing
		PIN int    `json:"p"`
		A   string `json:"a"`
	}
	guideOrder struct {
		*guideBase
		D   string `json:"d"`
		PIN int    `json:"p"`
		A   string `json:"a"`
	}
)

// Each member is known by the field that it was made of: what is beside a secret stays, whatever encoding/json of this
// toolchain calls it and wherever it puts it.
func TestRedactGuideOpen(t *testing.T) {
	open := map[string]string{"a": "open", "b": "open"}
	for _, v := range []any{
		guideShadows{guideBase{C: "open"}, "open", 4711},
		guideRing{&guideRing{nil, 1, "none"}, 4711, "open"},
		guideRing{nil, 4711, "open"},
		guideOrder{&guideBase{C: "open"}, "open", 4711, "open"},
		struct {
			*guideRing
			Z string
		}{&guideRing{nil, 4711, "open"}, "open"},
		struct {
			guideOrder `json:",omitzero,unknown"`
			N          int
		}{guideOrder{nil, "open", 4711, "open"}, 1},
		struct {
			Z   string `json:"'open name'"`
			A   string `json:"o\\u0070en"`
			PIN int    `json:"p"`
		}{"open", "open", 4711},
		struct {
			PIN  int               `json:"p"`
			Rest map[string]string `json:",embed"`
			Z    string
		}{4711, open, "open"},
		struct {
			PIN  int            `json:"p"`
			Rest map[string]any `json:",inline"`
		}{4711, map[string]any{"a": []any{"open"}}},
		struct {
			PIN  int                `json:"p"`
			Rest *map[string]string `json:",embed"`
		}{4711, &open},
		struct {
			PIN  int             `json:"p"`
			Rest json.RawMessage `json:",embed"`
		}{4711, json.RawMessage(`{"a":"open"}`)},
		struct {
			guideOrder `json:",unknown"`
			N          int
		}{guideOrder{nil, "open", 4711, "open"}, 1},
		struct {
			guideOrder `json:"'named'"`
			N          int
		}{guideOrder{nil, "open", 4711, "open"}, 1},
	} {
		written, err := jsontext.AppendJSON(nil, v)
		if err != nil {
			t.Fatalf("%T: %v", v, err)
		}
		want := strings.NewReplacer(`4711`, `"[redacted]"`, `"B":""`, `"B":"[redacted]"`).Replace(string(written))
		line := redactLine(nil, func(ctx context.Context, l *slog.Logger) { l.Info("m", "v", v) })
		if want := `{"msg":"m","v":` + want + `}`; line != want {
			t.Errorf("%T:\n got %s\nwant %s", v, line, want)
		}
	}
}
