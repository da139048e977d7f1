//go:build unix

package slogtrace

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"strings"
	"testing"
	"time"
)

type costItem struct {
	ID      int       `json:"id"`
	Name    string    `json:"name"`
	Price   float64   `json:"price"`
	Created time.Time `json:"created"`
	Tags    []string  `json:"tags"`
	Meta    map[string]string
	Next    *costItem `json:",omitempty"`
	Extra   any       `json:"extra,omitempty"`
}

type costSecret struct {
	costItem
	Login    login
	Password string
}

type costMarshaler struct{ text string }

func (m costMarshaler) MarshalJSON() ([]byte, error) { return []byte(m.text), nil }

type costPair struct{ Left, Right *costPair }

// costValues are values by what is special about them, with and without something to replace.
func costValues() map[string]any {
	item := func(i int) costItem {
		return costItem{i, fmt.Sprint("item ", i), 1.5, time.Unix(1e9, 0).UTC(), []string{"a", "b", "c"}, map[string]string{"colour": "red", "size": "9"}, nil, nil}
	}
	items := make([]costItem, 100)
	anyMap, secretMap, numbers, intMap := map[string]any{}, map[string]any{}, map[string]int{}, map[int]any{}
	var list []any
	for i := range items {
		items[i] = item(i)
		anyMap[fmt.Sprint("key", i)] = []any{i, "text", true, map[string]any{"a": "b", "n": 1.5}}
		secretMap[fmt.Sprint("key", i)] = map[string]any{"a": "b", "n": i}
		numbers[fmt.Sprint("key", i)] = i
		intMap[i] = item(i)
		list = append(list, item(i), "text", i)
	}
	secretMap["zz"] = map[string]any{"password": "x"}
	secretItems := make([]costSecret, 50)
	for i := range secretItems {
		secretItems[i] = costSecret{item(i), login{User: "u", Password: "x"}, "x"}
	}
	deep := item(0)
	for i := range 90 {
		next := deep
		deep = item(i)
		deep.Next = &next
	}
	var nested any = "leaf"
	for range 40 {
		nested = map[string]any{"a": nested, "b": []any{1, 2, "three"}}
	}
	pair := &costPair{}
	for range 12 {
		pair = &costPair{pair, pair}
	}
	text, err := json.Marshal(items)
	if err != nil {
		panic(err)
	}
	secretText := append(append([]byte(`{"a":`), text...), `,"token":"x"}`...)
	nestedText := strings.Repeat(`{"a":[`, 45) + "1" + strings.Repeat(`]}`, 45)
	return map[string]any{
		"struct":                  item(1),
		"structs":                 items,
		"structs with secrets":    secretItems,
		"pointers":                &deep,
		"shared pointers":         pair,
		"map":                     anyMap,
		"map with a secret":       secretMap,
		"map of numbers":          numbers,
		"map of structs":          intMap,
		"list":                    list,
		"nested":                  nested,
		"marshaler":               costMarshaler{string(text)},
		"marshaler with a secret": costMarshaler{string(secretText)},
		"nested marshaler":        costMarshaler{nestedText},
		"raw messages":            []json.RawMessage{text, text, text},
		"raw messages, a secret":  map[string]json.RawMessage{"a": text, "b": text, "c": secretText},
		"texts":                   strings.Fields(strings.Repeat("some words ", 100)),
		"texts in a struct":       struct{ A, B []any }{[]any{strings.Repeat("text ", 500)}, []any{strings.Repeat("text ", 500)}},
	}
}

// costRatio returns what a line with v costs with a redacting handler, in CPU time of the line without.
func costRatio(tb testing.TB, v any, opts *RedactOptions) float64 {
	ctx := context.Background()
	alone := slog.New(slog.NewJSONHandler(io.Discard, nil))
	redacting := slog.New(NewRedactHandler(slog.NewJSONHandler(io.Discard, nil), opts))
	run := func(l *slog.Logger, n int) func() {
		return func() {
			for range n {
				l.LogAttrs(ctx, slog.LevelInfo, "m", slog.Any("v", v))
			}
		}
	}
	n := 1
	for ; n < 4096; n *= 2 {
		start := cpuTime(tb)
		run(alone, n)()
		if cpuTime(tb)-start > 2*time.Millisecond {
			break
		}
	}
	run(redacting, n)()
	times := medianCPU(tb, run(alone, n), run(redacting, n))
	return float64(times[1]) / float64(times[0])
}

// BenchmarkRedactCost says what lines with values cost, in those of slog.JSONHandler alone.
func BenchmarkRedactCost(b *testing.B) {
	for name, v := range costValues() {
		b.Run(name, func(b *testing.B) {
			sum := 0.0
			for b.Loop() {
				sum += costRatio(b, v, nil)
			}
			b.ReportMetric(sum/float64(b.N), "times-slog")
			b.ReportMetric(0, "ns/op")
		})
	}
}
