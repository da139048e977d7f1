package slogtrace

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/slogtrace/slogtrace/internal/schema"
)

type recordBadError struct{ value any }

func (e recordBadError) Error() string { panic(e.value) }

func TestSpanErrorText(t *testing.T) {
	var typedNil *spanTypedNilError
	for _, h := range spanHandlers {
		for _, tt := range []struct {
			name, want string
			err        error
		}{
			{"Error panics", "!PANIC: ouch", recordBadError{"ouch"}},
			{"Error panics with an error whose Error panics", "!PANIC: ", recordBadError{recordBadError{"ouch"}}},
			{"typed nil", "!PANIC: runtime error: invalid memory address", typedNil},
			{"empty", "", errors.New("")},
			{"not text", "a\ufffd\n\x00\"b", errors.New("a\xff\n\x00\"b")},
			{"joined", "a\nb", errors.Join(errors.New("a"), errors.New("b"))},
			{"large", strings.Repeat("x", 1<<20), errors.New(strings.Repeat("x", 1<<20))},
		} {
			t.Run(h.name+"/"+tt.name, func(t *testing.T) {
				var b bytes.Buffer
				_, s := NewTracer(h.make(&b), nil).Start(context.Background(), "op")
				s.End(&tt.err)
				m := recordDecode(t, b.Bytes())
				if got, ok := m["error"].(string); !ok || !strings.HasPrefix(got, tt.want) || tt.want == "" && got != "" {
					t.Errorf("error = %.200q, want %.200q", m["error"], tt.want)
				}
				if m["level"] != "ERROR" {
					t.Errorf("level = %v", m["level"])
				}
			})
		}
	}
}

// For handlers that print with fmt.
func TestSpanLinksText(t *testing.T) {
	var b bytes.Buffer
	_, s := NewTracer(slog.NewTextHandler(&b, nil), nil).Start(context.Background(), "op", Link(testSpanContext))
	s.End()
	if want := "links=[" + testTraceText + "/" + testSpanText + "]"; !strings.Contains(b.String(), want) {
		t.Errorf("got %s, want %s in it", b.String(), want)
	}
	// Given to a logger by mistake, a link is still readable.
	b.Reset()
	slog.New(slog.NewTextHandler(&b, nil)).Info("m", Link(testSpanContext), KindServer)
	if want := "link.trace=" + testTraceText + " link.span=" + testSpanText + " kind=server\n"; !strings.HasSuffix(b.String(), want) {
		t.Errorf("got %s, want %s", b.String(), want)
	}
}

// Tests take the keys that readers take for more than an attribute from package schema.
func TestContextNames(t *testing.T) {
	keys, _ := schema.Keys()
	var got [2][]string
	for key, field := range keys {
		if field < schema.Parent {
			got[0] = append(got[0], key)
		} else {
			got[1] = append(got[1], key)
		}
	}
	for i, want := range [][]string{contextNames, spanNames} {
		want = slices.Sorted(slices.Values(want))
		slices.Sort(got[i])
		if diff := cmp.Diff(want, got[i]); diff != "" {
			t.Errorf("(-tests' +schema's):\n%s", diff)
		}
	}
}
