package redact_test

import (
	"encoding/json"
	"fmt"
	"strings"
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
	each := func(n int, object string) costMarshaler {
		return costMarshaler{"[" + strings.Repeat(object+",", n-1) + object + "]"}
	}
	distinct := make([]string, 200)
	for i := range distinct {
		distinct[i] = fmt.Sprintf(`"key%d":%d,"description_of_%d":%d`, i, i, i%20, i)
	}
	return map[string]any{
		"struct":                  item(1),
		"structs":                 items,
		"structs with secrets":    secretItems,
		"pointers":                &deep,
		"shared pointers":         pair,
		"shared pointers in any":  sharedPairs(10, "leaf"),
		"shared secrets":          sharedPairs(10, map[string]any{"password": "x"}),
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
		"dense, many keys":        costMarshaler{"{" + strings.Join(distinct, ",") + "}"},
		"dense, pairs":            each(100, `{"name":"some_name","value":"some value"}`),
		"dense, secrets":          each(100, `{"user":"me","password":"some value","id":12}`),
		"dense, spaces":           each(100, `{ "id": 12, "user": "me", "ok": true }`),
		"texts":                   strings.Fields(strings.Repeat("some words ", 100)),
		"texts in a struct":       struct{ A, B []any }{[]any{strings.Repeat("text ", 500)}, []any{strings.Repeat("text ", 500)}},
	}
}

// anyPair may hold a secret, as far as its type says.
type anyPair struct{ Left, Right any }

// sharedPairs returns a value in which each pair stands twice in the one above it: 1<<depth ways lead to the last one.
func sharedPairs(depth int, leaf any) any {
	v := leaf
	for range depth {
		v = &anyPair{v, v}
	}
	return v
}
