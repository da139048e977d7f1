package slogtrace

import (
	"context"
	"fmt"
	"iter"
	"log/slog"

	"github.com/slogtrace/slogtrace/internal/jsontext"
	"github.com/slogtrace/slogtrace/internal/w3c"
)

const (
	// maxRecordBaggage limits the bytes of baggage on a record, written as JSON
	// and without the attr. that a key may get.
	maxRecordBaggage = 1024

	// omittedKey is the key of the number of members that a record does not have.
	omittedKey = "baggage_omitted"
)

// WithBaggage returns a context whose baggage has the member key with value (W3C Baggage).
// Use baggage for what every process along the way should know, such as a tenant or a test run.
// Carriers and headers take it along, and it appears on every record below the context, like the attributes of [With],
// to which it gives way. The current span of ctx began without it.
//
// Everybody who gets the carrier or the request can read it, even strangers: put no secrets and nothing personal into it.
// Use With for what must stay in the process.
//
// A member with the same key is replaced, together with its properties. The new one takes its place.
// key is a token (RFC 9110, 5.6.2: ASCII letters, digits and !#$%&'*+-.^_`|~) and is case-sensitive. value is any UTF-8 text;
// it is percent-encoded in carriers and headers. The whole baggage may have 64 members and 8,192 encoded bytes.
// If key, value or the size is not valid, the result is ctx itself and an error.
//
// A record has at most 1,024 bytes of baggage. Its attribute baggage_omitted counts the members that do not fit.
func WithBaggage(ctx context.Context, key, value string) (context.Context, error) {
	if ctx == nil {
		ctx = context.Background()
	}
	c := currentOf(ctx)
	m, err := w3c.NewMember(key, value)
	if err != nil {
		return ctx, err
	}
	var old []w3c.Member
	if b := c.env.baggage(); b != nil {
		old = b.members
	}
	members := make([]w3c.Member, 0, len(old)+1)
	placed := false
	for _, o := range old {
		if o.Key() != key {
			members = append(members, o)
		} else if !placed {
			members = append(members, m)
			placed = true
		}
	}
	if !placed {
		members = append(members, m)
	}
	if len(members) > w3c.MaxMembers {
		return ctx, fmt.Errorf("slogtrace: baggage: want at most %d members, got %d", w3c.MaxMembers, len(members))
	}
	if n := w3c.MembersLen(members); n > w3c.MaxBaggage {
		return ctx, fmt.Errorf("slogtrace: baggage: want at most %d bytes, got %d", w3c.MaxBaggage, n)
	}
	return withBaggage(ctx, c, newBaggage(members, w3c.JoinMembers(members))), nil
}

// withBaggage returns ctx with b as its baggage. c must be currentOf(ctx).
func withBaggage(ctx context.Context, c current, b *baggage) context.Context {
	e := new(env)
	if c.env != nil {
		*e = *c.env
	}
	e.setContextAttrs(c.env.with(), b)
	return &scopeContext{Context: ctx, env: e, span: c.span, remote: c.remote}
}

// Baggage returns the keys and values of ctx's baggage, in order. Values are decoded; bytes that are not UTF-8 are U+FFFD.
// A key may appear more than once if another process sent it so. Records have the last one.
func Baggage(ctx context.Context) iter.Seq2[string, string] {
	b := currentOf(ctx).env.baggage()
	return func(yield func(key, value string) bool) {
		if b == nil {
			return
		}
		for _, m := range b.members {
			if !yield(m.Key(), m.Value) {
				return
			}
		}
	}
}

// A baggage is the baggage of a context. It is immutable and never empty: no baggage is nil.
type baggage struct {
	members []w3c.Member
	header  string      // the members as one header line
	attrs   []slog.Attr // for records: each key once, then the number of omitted members
}

// line returns b as one header line. It is "" without baggage.
func (b *baggage) line() string {
	if b == nil {
		return ""
	}
	return b.header
}

// parseBaggage is w3c.ParseBaggage. The result is nil if the lines have no member.
func parseBaggage(lines ...string) (*baggage, error) {
	members, header, err := w3c.ParseBaggage(lines...)
	return newBaggage(members, header), err
}

// newBaggage returns a baggage that keeps members, with the given header. It is nil if there are no members.
func newBaggage(members []w3c.Member, header string) *baggage {
	if len(members) == 0 {
		return nil
	}
	var array [w3c.MaxMembers]*w3c.Member
	last := array[:0] // the last member of each key, in the place of the first
next:
	for i := range members {
		m := &members[i]
		for j := range last {
			if last[j].Key() == m.Key() {
				last[j] = m
				continue next
			}
		}
		last = append(last, m)
	}
	b := &baggage{members: members, header: header, attrs: make([]slog.Attr, 0, len(last)+1)}
	var mem [maxRecordBaggage]byte
	size := 0
	for _, m := range last {
		// The count cannot be forged: a member with its key is omitted.
		if m.Key() == omittedKey {
			continue
		}
		if size+len(m.Value) > maxRecordBaggage {
			continue // cannot fit
		}
		n := len(m.Key()) + len(jsontext.AppendString(mem[:0], m.Value)) + len(`,"":`)
		if size+n > maxRecordBaggage {
			continue
		}
		size += n
		b.attrs = append(b.attrs, slog.String(m.Key(), m.Value))
	}
	if n := len(members) - len(b.attrs); n > 0 {
		b.attrs = append(b.attrs, slog.Int(omittedKey, n))
	}
	return b
}
