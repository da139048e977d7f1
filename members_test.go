package slogtrace

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// A member is a key at a line's root, with its value as text.
type member struct{ Key, Value string }

// parseMembers returns the members at the root of a line, including duplicates.
func parseMembers(tb testing.TB, line []byte, text bool) []member {
	tb.Helper()
	m, err := splitMembers(line, text)
	if err != nil {
		tb.Fatalf("%v in line %s", err, line)
	}
	return m
}

func splitMembers(line []byte, text bool) (members []member, err error) {
	if n := bytes.Count(line, []byte("\n")); n != 1 || !bytes.HasSuffix(line, []byte("\n")) {
		return nil, fmt.Errorf("%d lines, want 1,", n)
	}
	if text {
		return splitText(strings.TrimSuffix(string(line), "\n"))
	}
	if !json.Valid(line) {
		return nil, errors.New("no JSON")
	}
	dec := json.NewDecoder(bytes.NewReader(line))
	if _, err := dec.Token(); err != nil {
		return nil, err
	}
	for dec.More() {
		key, err := dec.Token()
		if err != nil {
			return nil, err
		}
		var raw json.RawMessage
		if err := dec.Decode(&raw); err != nil {
			return nil, err
		}
		members = append(members, member{key.(string), string(raw)})
	}
	return members, nil
}

// splitText splits a line of slog.TextHandler. Values become JSON strings.
func splitText(s string) (members []member, err error) {
	next := func(stop byte) (string, error) {
		if strings.HasPrefix(s, `"`) {
			q, err := strconv.QuotedPrefix(s)
			if err != nil {
				return "", fmt.Errorf("bad quotes at %q", s)
			}
			s = s[len(q):]
			return strconv.Unquote(q)
		}
		i := strings.IndexByte(s, stop)
		if i < 0 {
			i = len(s)
		}
		word := s[:i]
		s = s[i:]
		return word, nil
	}
	for s != "" {
		key, err := next('=')
		if err != nil {
			return nil, err
		}
		s = strings.TrimPrefix(s, "=")
		val, err := next(' ')
		if err != nil {
			return nil, err
		}
		s = strings.TrimPrefix(s, " ")
		members = append(members, member{key, string(jsonText(val))})
	}
	return members, nil
}

func valuesOf(members []member, key string) (vals []string) {
	for _, m := range members {
		if m.Key == key {
			vals = append(vals, m.Value)
		}
	}
	return vals
}

// checkRootKeys checks that each key of want appears exactly once at the root, with its value.
// "" wants the key to be absent, "*" takes any value.
func checkRootKeys(tb testing.TB, line []byte, want map[string]string) {
	tb.Helper()
	members := parseMembers(tb, line, false)
	for key, val := range want {
		var vals []string
		if val != "" {
			vals = []string{val}
		}
		got := valuesOf(members, key)
		if val == "*" && len(got) == 1 {
			continue
		}
		if diff := cmp.Diff(vals, got); diff != "" {
			tb.Errorf("root key %q (-want +got):\n%s\tin %s", key, diff, line)
		}
	}
}

// putNested puts e into m; a text line's dots open groups.
func putNested(m map[string]any, e member, text bool) {
	key := e.Key
	for text && strings.Contains(key, ".") {
		group, rest, _ := strings.Cut(key, ".")
		if m[group] == nil {
			m[group] = make(map[string]any)
		}
		m, key = m[group].(map[string]any), rest
	}
	var v any
	if err := json.Unmarshal([]byte(e.Value), &v); err != nil {
		panic(err)
	}
	m[key] = v
}
