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
	// maxRecordBaggage is how many bytes of baggage stand on a record at most, written as JSON
	// and without the attr. that a key may get.
	maxRecordBaggage = 1024

	// omittedKey counts on a record the members that do not stand there.
	omittedKey = "baggage_omitted"
)

// WithBaggage returns a context whose baggage has the member key with value (W3C Baggage).
// Baggage is what every process that the work passes through gets to know, a tenant or a test run:
// carriers and headers take it along, and it stands on every record below the context, as the attributes of [With] do,
// to which it gives way. The current span of ctx itself began without it.
//
// Whoever gets the carrier or the request can read it, strangers too: no secrets, nothing personal.
// What is to stay in the process goes through With.
//
// A member of the same key is replaced, with its properties, and the new one takes its place.
// key is a token (RFC 9110, 5.6.2: ASCII letters, digits and !#$%&'*+-.^_`|~) and case-sensitive; value is any UTF-8 text,
// percent-encoded on its way. The whole has at most 64 members and 8,192 bytes on the wire.
// If that does not hold, the error says what is wrong, and the context is ctx itself.
//
// At most 1,024 bytes of it stand on a record; baggage_omitted there counts the members that do not.
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

// withBaggage returns ctx, of which c is what it says, with b as its baggage.
func withBaggage(ctx context.Context, c current, b *baggage) context.Context {
	e := new(env)
	if c.env != nil {
		*e = *c.env
	}
	e.setAttrs(c.env.with(), b)
	return &scopeContext{Context: ctx, env: e, span: c.span, remote: c.remote}
}

// Baggage returns the keys and values of ctx's baggage, in their order. Values are decoded; bytes that are no UTF-8 are U+FFFD.
// A key can come more than once if another process sent it so; on records the last one counts.
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

// A baggage is what a context carries. It is immutable and never empty; none is nil.
type baggage struct {
	members []w3c.Member
	header  string      // the members as one header line
	attrs   []slog.Attr // those that stand on records, one of a key, and how many do not
}

// line returns b as one header line, "" without baggage.
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

// newBaggage returns the baggage of members, which it keeps, and whose header is header. It is nil if there are none.
func newBaggage(members []w3c.Member, header string) *baggage {
	if len(members) == 0 {
		return nil
	}
	var array [w3c.MaxMembers]*w3c.Member
	last := array[:0] // of each key, in the place of the first
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
		// The count cannot be forged: a member of its name is one that does not stand there.
		if m.Key() == omittedKey {
			continue
		}
		if size+len(m.Value) > maxRecordBaggage {
			continue // without a closer look
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
