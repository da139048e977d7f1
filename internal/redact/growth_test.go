//go:build unix

package redact_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"reflect"
	"strings"
	"testing"

	"github.com/slogtrace/slogtrace"
	"github.com/slogtrace/slogtrace/internal/cputest"
	"github.com/slogtrace/slogtrace/internal/racetest"
	"github.com/slogtrace/slogtrace/internal/redact"
)

// Doubling a value, in whatever direction, at most triples the time of its line.
func TestRedactValueLinear(t *testing.T) {
	racetest.SkipTimes(t)
	const most = 8 // times as large as the small one
	structs := map[int]any{}
	for _, n := range []int{1000, 1000 * most} {
		fields := make([]reflect.StructField, n)
		for i := range fields {
			fields[i] = reflect.StructField{Name: fmt.Sprint("Field", i), Type: reflect.TypeFor[any]()}
		}
		fields[n/2].Name = "Password"
		fields[n-1].Type = reflect.TypeFor[json.RawMessage]()
		v := reflect.New(reflect.StructOf(fields)).Elem()
		v.Field(n / 2).Set(reflect.ValueOf("x"))
		structs[n] = v.Interface()
	}
	chain := func(n int) error {
		err := errors.New("password=x")
		for range n {
			err = fmt.Errorf("a: %w", err)
		}
		return err
	}
	raw := json.RawMessage(`{"a" : [1,2,3], "b":"some text of a usual length"}`)
	for _, test := range []struct {
		name string
		n    int
		opts *slogtrace.RedactOptions
		v    func(n int) any
	}{
		{"wrapped errors", 300, &slogtrace.RedactOptions{Errors: true}, func(n int) any { return chain(n) }},
		{"a list of wrapped errors", 300, &slogtrace.RedactOptions{Errors: true}, func(n int) any { return []any{chain(n), 1} }},
		{"a struct of many fields", 1000, nil, func(n int) any { return structs[n] }},
		{"a map", 500, nil, func(n int) any {
			m := map[string]any{"password": "x"}
			for i := range n {
				m[fmt.Sprint("key", i)] = i
			}
			return m
		}},
		{"a map of structs", 200, nil, func(n int) any {
			m := map[string]any{"password": "x"}
			for i := range n {
				m[fmt.Sprint("key", i)] = login{User: "u", Password: "x"}
			}
			return m
		}},
		{"a map of raw messages", 500, nil, func(n int) any {
			m := map[string]json.RawMessage{"password": raw}
			for i := range n {
				m[fmt.Sprint("key", i)] = raw
			}
			return m
		}},
		{"raw messages within each other", 500, nil, func(n int) any {
			text := raw
			for range redact.MaxDepth - 10 {
				text = append(append(json.RawMessage(`{"token":1,"a": `), text...), '}')
			}
			list := make([]any, n/10)
			for i := range list {
				list[i] = map[string]any{"x": []json.RawMessage{text}}
			}
			return list
		}},
		{"one raw message", 2000, nil, func(n int) any {
			return json.RawMessage(`{"token": 1, "a":[` + strings.Repeat(`{"a": "b"}, `, n) + `1]}`)
		}},
		{"a string of escapes", 5000, nil, func(n int) any {
			return json.RawMessage(`{"token":1,"a":"` + strings.Repeat(`\"\\`, n) + `"}`)
		}},
		{"raw JSON nested deep", 20_000, nil, func(n int) any {
			return map[string]any{"token": 1, "a": json.RawMessage(strings.Repeat(`[`, n) + strings.Repeat(`]`, n))}
		}},
		{"lists in lists, each with many", 50, nil, func(n int) any {
			var v any = map[string]any{"token": 1}
			for range redact.MaxDepth / 3 {
				v = append(make([]any, n), v)
			}
			return v
		}},
		{"what encoding/json cannot write", 300, nil, func(n int) any {
			var v any = func() {}
			for range 40 {
				v = append(make([]any, n), v, map[string]string{"token": "x"})
			}
			return v
		}},
	} {
		t.Run(test.name, func(t *testing.T) {
			values := map[int]any{test.n: test.v(test.n), most * test.n: test.v(most * test.n)}
			cputest.WantLinear(t, test.n, func(n int) {
				l := slog.New(slogtrace.NewRedactHandler(slogtrace.NewJSONHandler(io.Discard, nil), test.opts))
				for range 4 {
					l.LogAttrs(context.Background(), slog.LevelInfo, "m", slog.Any("v", values[n]))
				}
			})
		})
	}
}

// Pointers that many share are followed no deeper than anything else.
func TestRedactSharedPointers(t *testing.T) {
	line := redactLine(nil, func(ctx context.Context, l *slog.Logger) { l.Info("m", "v", sharedPairs(redact.MaxDepth, "leaf")) })
	if !strings.Contains(line, `"v":"!ERROR:redact: more than 100 levels"`) {
		t.Errorf("%.200s", line)
	}
}

// A pointer that has been looked at is looked at again where it is nested deeper, or stands for another type.
func TestRedactSharedPointerDeeper(t *testing.T) {
	list := func(v any, depth int) any {
		for range depth {
			v = []any{v}
		}
		return v
	}
	type first struct{ V any }
	type outer struct{ first }
	for _, leaf := range []any{"leaf", map[string]any{"a": "b"}} {
		p := &anyPair{list(leaf, 10), nil}
		for depth, deep := range map[int]bool{30: false, 45: true} {
			line := redactLine(nil, func(ctx context.Context, l *slog.Logger) { l.Info("m", "v", []any{p, list(p, depth)}) })
			if strings.Contains(line, "!ERROR:redact") != deep {
				t.Errorf("%d levels: %.200s", depth, line)
			}
		}
	}
	o := &outer{first{"x"}}
	line := redactLine(nil, func(ctx context.Context, l *slog.Logger) {
		l.Info("m", "v", []any{&o.first, o, &struct{ Password any }{"LEAK"}})
	})
	if strings.Contains(line, "LEAK") {
		t.Error(line)
	}
}
