package slogtrace

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"math/rand/v2"
	"regexp"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"github.com/slogtrace/slogtrace/internal/jsontext"
	"github.com/slogtrace/slogtrace/internal/racetest"
)

var stackFrames = regexp.MustCompile(`(called from [^\\"]*\\n)+(\(rest of stack elided\)\\n)?`)

// normalStacks removes the stack from the text of a panicking LogValuer: its frames are the handler's own.
func normalStacks(line string) string {
	if !strings.Contains(line, "called from ") {
		return line
	}
	return stackFrames.ReplaceAllString(line, "STACK")
}

// fuzzSeeds adds random inputs, so that go test alone finds most of what fuzzing would.
func fuzzSeeds(f *testing.F, seed uint64) {
	rnd := rand.New(rand.NewPCG(seed, 1))
	n := 1500
	if racetest.Enabled || flag.Lookup("test.fuzz").Value.String() != "" {
		n = 200 // a short run of the fuzzer should get beyond them
	}
	f.Add([]byte{})
	for range n {
		data := make([]byte, 8+rnd.IntN(120))
		for i := range data {
			data[i] = byte(rnd.Uint32())
		}
		f.Add(data)
	}
}

// FuzzJSONHandler compares with slog's handler, byte for byte, and the calls of ReplaceAttr one by one.
//
// Two differences are intended. WithGroup("") returns the receiver. And WithAttrs, after doing what slog does,
// may go through the attributes again, to keep them under other keys for records in a trace.
func FuzzJSONHandler(f *testing.F) {
	fuzzSeeds(f, 1)
	f.Fuzz(func(t *testing.T, data []byte) {
		g := &jsonGen{data: data}
		opts, rep := g.options(), g.replacer()
		steps, r := g.steps(), g.record()

		var want, got bytes.Buffer
		var wantCalls, gotCalls []repCall
		stdOpts, ourOpts := opts, opts
		if rep != nil {
			stdOpts, ourOpts = withReplacer(opts, rep(&wantCalls)), withReplacer(opts, rep(&gotCalls))
		}
		var std, ours slog.Handler = slog.NewJSONHandler(&want, stdOpts), NewJSONHandler(&got, ourOpts)
		checkCalls := func(where string) {
			t.Helper()
			if len(wantCalls) == 0 && len(gotCalls) == 0 {
				return
			}
			if diff := cmp.Diff(wantCalls, gotCalls); diff != "" {
				t.Errorf("calls of ReplaceAttr in %s (-want +got):\n%s", where, diff)
			}
			wantCalls, gotCalls = nil, nil
		}
		for i, s := range steps {
			if s.group != "" || s.attrs != nil {
				std = s.apply(std)
			}
			before := ours
			ours = s.apply(ours)
			if s.group == "" && len(s.attrs) == 0 && before != ours {
				t.Error("WithAttrs(nil) does not return the receiver")
			}
			if c := ours.(*JSONHandler).logger; c[tracedRecord] != c[slogRecord] || c[spanRecord] != c[slogRecord] {
				gotCalls = gotCalls[:min(len(gotCalls), len(wantCalls))]
			}
			checkCalls(fmt.Sprintf("step %d", i))
		}
		ctx := context.Background()
		for range 2 {
			if err := errors.Join(std.Handle(ctx, r.Clone()), ours.Handle(ctx, r.Clone())); err != nil {
				t.Fatal(err)
			}
			checkCalls("Handle")
		}
		if diff := cmp.Diff(normalStacks(want.String()), normalStacks(got.String())); diff != "" {
			t.Errorf("(-want +got):\n%s\nwant %s\ngot  %s", diff, want.String(), got.String())
		}
		for level := slog.Level(-8); level <= 12; level += 2 {
			if ours.Enabled(ctx, level) != std.Enabled(ctx, level) {
				t.Errorf("Enabled(%v): want %v", level, std.Enabled(ctx, level))
			}
		}
	})
}

// A jsonMember is a member at the root of a line.
type jsonMember struct{ Key, Raw string }

// rootMembers walks over the members of a line, in which keys may appear twice.
func rootMembers(tb testing.TB, line string) []jsonMember {
	tb.Helper()
	dec := json.NewDecoder(strings.NewReader(line))
	var members []jsonMember
	if _, err := dec.Token(); err != nil {
		tb.Fatalf("%v in %s", err, line)
	}
	for dec.More() {
		key, err := dec.Token()
		var raw json.RawMessage
		if err == nil {
			err = dec.Decode(&raw)
		}
		if err != nil {
			tb.Fatalf("%v in %s", err, line)
		}
		members = append(members, jsonMember{key.(string), string(raw)})
	}
	return members
}

func countKeys(members []jsonMember) map[string]int {
	n := make(map[string]int)
	for _, m := range members {
		n[m.Key]++
	}
	return n
}

var idKeysOfTest = []string{"trace", "span", "op"}

// renamedKeys returns the final names, beside the ids, of keys: the user's at the root of a line, in order.
func renamedKeys(keys []string) []string {
	moved, taken := make(map[string]string), map[string]bool{"trace": true, "span": true, "op": true}
	out := slices.Clone(keys)
	for i, key := range keys {
		to, known := moved[key]
		if !known {
			to = key
			isTarget := slices.Contains(slices.Collect(maps.Values(moved)), key)
			if slices.Contains(idKeysOfTest, key) || isTarget {
				for to = "attr." + key; taken[to]; {
					to = "attr." + to
				}
				moved[key] = to
			}
			taken[to] = true
		}
		out[i] = to
	}
	return out
}

// withMembers returns what With's attributes, given as the members of a line, must become beside the user's keys.
func withMembers(with []jsonMember, user, renamed []string) []jsonMember {
	var out []jsonMember
	taken := func(key string) bool { return slices.Contains(user, key) || slices.Contains(renamed, key) }
	for _, m := range with {
		if taken(m.Key) {
			continue
		}
		if slices.Contains(contextNames, m.Key) {
			for m.Key = "attr." + m.Key; !taken(m.Key) && slices.ContainsFunc(with, func(o jsonMember) bool { return o.Key == m.Key }); {
				m.Key = "attr." + m.Key
			}
			if taken(m.Key) {
				continue
			}
		}
		out = append(out, m)
	}
	return out
}

// stdMembers returns the members that slog's handler writes for attrs, without its own.
func stdMembers(tb testing.TB, attrs []slog.Attr) (_ []jsonMember, ok bool) {
	var b bytes.Buffer
	h := slog.NewJSONHandler(&b, nil).WithAttrs(attrs)
	if err := h.Handle(context.Background(), slog.Record{}); err != nil {
		tb.Fatal(err)
	}
	if !json.Valid(b.Bytes()) {
		return nil, false
	}
	return rootMembers(tb, normalStacks(b.String()))[2:], true
}

// FuzzJSONHandlerInTrace writes records of which FuzzJSONHandler knows that they are slog's outside a trace, inside one:
// the ids come first, then With, then the same members in the same order, some of them under another key.
func FuzzJSONHandlerInTrace(f *testing.F) {
	fuzzSeeds(f, 2)
	f.Fuzz(func(t *testing.T, data []byte) {
		g := &jsonGen{data: data}
		var with []slog.Attr
		if g.n(2) == 1 {
			with = g.attrs(0, 4)
			with = slices.DeleteFunc(with, cannotGiveWay)
		}
		withInvisible := g.invisible
		g.invisible = false
		opts, rep := g.options(), g.replacer()
		steps, r := g.steps(), g.record()
		op := g.text()

		var want, got bytes.Buffer
		var calls []repCall
		ourOpts := opts
		if rep != nil {
			ourOpts = withReplacer(opts, rep(&calls))
		}
		var std, ours slog.Handler = slog.NewJSONHandler(&want, opts), NewJSONHandler(&got, ourOpts)
		for _, s := range steps {
			if s.group != "" || s.attrs != nil {
				std, ours = s.apply(std), s.apply(ours)
			}
		}
		handle := func(h slog.Handler, b *bytes.Buffer, ctx context.Context) string {
			t.Helper()
			b.Reset()
			if err := h.Handle(ctx, r); err != nil {
				t.Fatal(err)
			}
			return normalStacks(b.String())
		}
		background := context.Background()
		ctx, span := NewTracer(slog.DiscardHandler, nil).Start(background, op)
		plain := handle(ours, &got, background)
		calls = nil
		inSpan := handle(ours, &got, ctx)
		if rep != nil {
			checkIDCalls(t, calls)
		}
		inWith := handle(ours, &got, With(ctx, with...))
		outside := handle(ours, &got, With(background, with...))
		if diff := cmp.Diff(plain, handle(ours, &got, background)); diff != "" {
			t.Errorf("the context of one record changed a later one (-before +after):\n%s", diff)
		}

		end := spanEndLine(t, g, ours, &got)
		if !g.oddYear {
			for _, line := range []string{inSpan, inWith, end} {
				if !json.Valid([]byte(line)) {
					t.Fatalf("not valid JSON: %s", line)
				}
				if strings.Count(line, "\n") != 1 || !strings.HasSuffix(line, "\n") {
					t.Errorf("not one line: %q", line)
				}
			}
		}
		if rep != nil || g.oddYear {
			return
		}
		for _, key := range defaultFormat.reserved(spanRecord).keys {
			if n := countKeys(rootMembers(t, end))[key]; n > 1 {
				t.Errorf("%q %d times in %s", key, n, end)
			}
		}
		for _, line := range []string{inSpan, inWith} {
			n := countKeys(rootMembers(t, line))
			for _, key := range idKeysOfTest {
				if n[key] != 1 {
					t.Errorf("%q %d times in %s", key, n[key], line)
				}
			}
		}

		stdLine := handle(std, &want, background)
		if diff := cmp.Diff(stdLine, plain); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
		if !json.Valid([]byte(stdLine)) {
			return // slog's defect: nothing to compare with
		}
		members := rootMembers(t, stdLine)
		n := 2 // level and msg
		if !r.Time.IsZero() {
			n++
		}
		if opts != nil && opts.AddSource && r.Source() != nil && *r.Source() != (slog.Source{}) {
			n++
		}
		builtins, user := members[:n:n], members[n:]
		keys := make([]string, len(user))
		for i, m := range user {
			keys[i] = m.Key
		}
		renamed := renamedKeys(keys)
		expect := func(ids bool, with []jsonMember) []jsonMember {
			list := builtins
			if ids {
				list = append(list, jsonMember{"trace", `"` + span.SpanContext().TraceID.String() + `"`},
					jsonMember{"span", `"` + span.SpanContext().SpanID.String() + `"`}, jsonMember{"op", string(jsontext.AppendString(nil, opOrUnnamed(op)))})
			}
			list = append(list, with...)
			for i, m := range user {
				if ids {
					m.Key = renamed[i]
				}
				list = append(list, m)
			}
			return list
		}
		if g.invisible {
			checkRenamedLoosely(t, expect(true, nil), rootMembers(t, inSpan), n+3)
			return
		}
		if diff := cmp.Diff(expect(true, nil), rootMembers(t, inSpan)); diff != "" {
			t.Errorf("in a span (-want +got):\n%s", diff)
		}
		withAlone, ok := stdMembers(t, mergeAttrs(nil, flatAttrs(mergeAttrs(nil, with))))
		if withInvisible || !ok {
			return
		}
		if diff := cmp.Diff(expect(true, withMembers(withAlone, keys, renamed)), rootMembers(t, inWith)); diff != "" {
			t.Errorf("in a span, and With (-want +got):\n%s", diff)
		}
		if json.Valid([]byte(outside)) {
			if diff := cmp.Diff(expect(false, withMembers(withAlone, keys, nil)), rootMembers(t, outside)); diff != "" {
				t.Errorf("With and no span (-want +got):\n%s", diff)
			}
		}
	})
}

// cannotGiveWay reports whether a puts a member at the root without a key, or with a key that equals another's only when decoded.
func cannotGiveWay(a slog.Attr) bool {
	if a.Key != "" {
		return !utf8.ValidString(a.Key)
	}
	v := a.Value.Resolve()
	return v.Kind() != slog.KindGroup || slices.ContainsFunc(v.Group(), cannotGiveWay)
}

// flatAttrs returns attrs with inline groups, also those from LogValuers, replaced by their attributes.
func flatAttrs(attrs []slog.Attr) []slog.Attr {
	var out []slog.Attr
	for _, a := range attrs {
		if v := a.Value.Resolve(); a.Key == "" && v.Kind() == slog.KindGroup {
			out = append(out, flatAttrs(v.Group())...)
		} else {
			out = append(out, a)
		}
	}
	return out
}

// checkIDCalls checks that ReplaceAttr gets the ids in no group.
func checkIDCalls(t *testing.T, calls []repCall) {
	t.Helper()
	calls = slices.DeleteFunc(slices.Clone(calls), func(c repCall) bool { return strings.HasPrefix(c.Key, "~") || c.Key == "line" })
	i := slices.IndexFunc(calls, func(c repCall) bool { return c.Key == "msg" && len(c.Groups) == 0 })
	if i < 0 || len(calls) < i+4 {
		t.Fatalf("want msg and three ids among the calls, got %v", calls)
	}
	for j, key := range idKeysOfTest {
		if c := calls[i+1+j]; c.Key != key || len(c.Groups) > 0 || c.Kind != slog.KindString {
			t.Errorf("call %d after msg: want %q without groups, got %+v", j, key, c)
		}
	}
}

// checkRenamedLoosely is for lines in which keys may be taken by attributes that cannot be seen.
func checkRenamedLoosely(t *testing.T, want, got []jsonMember, n int) {
	t.Helper()
	if len(want) != len(got) {
		t.Errorf("want %d members, got %d: %v", len(want), len(got), got)
		return
	}
	if diff := cmp.Diff(want[:n], got[:n]); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	for i, g := range got[n:] {
		w := want[n+i]
		if g.Raw != w.Raw || strings.ReplaceAll(g.Key, "attr.", "") != strings.ReplaceAll(w.Key, "attr.", "") {
			t.Errorf("want %v, got %v", w, g)
		}
	}
}

// spanEndLine returns the line of the end of a span with attributes made by g.
func spanEndLine(t *testing.T, g *jsonGen, h slog.Handler, b *bytes.Buffer) string {
	t.Helper()
	b.Reset()
	ctx, parent := NewTracer(slog.DiscardHandler, nil).Start(context.Background(), "parent")
	_, span := NewTracer(h, &TracerOptions{ErrorLevel: slog.LevelError, Level: slog.LevelError}).Start(ctx, "child", g.attrs(0, 5)...)
	if g.n(2) == 1 {
		span.Fail(io.EOF)
	}
	span.End()
	parent.End()
	return normalStacks(b.String())
}
