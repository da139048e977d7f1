package slogtrace

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"strings"

	"github.com/slogtrace/slogtrace/internal/jsontext"
)

// InjectJSON returns object with the trace of ctx appended as its last members:
// the non-empty ones of the five keys of [Carrier], as strings.
// All other bytes of object stay the same and in the same order.
//
//	{"job":7}  becomes  {"job":7,"traceparent":"00-4bf9…-01","trace_op":"enqueue","trace_sent":"2026-…"}
//
// Use it for payloads that have no Go type to embed a [Carrier] in.
//
// The five keys are reserved at the top level of object.
// InjectJSON first removes them wherever they appear there, however often.
// So a payload that is passed on carries its last sender's trace and never a mixture.
// If ctx has no trace, nothing is appended, and a stale carrier is removed as by [StripJSON].
// Keys match as encoding/json matches struct fields: escapes decoded, case ignored.
// Keys of nested objects are never touched.
//
// If object is not one valid JSON object (an array, null, two values, nothing),
// the result is object itself and an error. You can still send it, without a trace.
//
// InjectJSON never writes to object or to its spare capacity.
// The result is object itself if there is nothing to change. Otherwise it shares no memory with object.
// It is safe for concurrent use, also on the same object.
//
// Inject only into payloads that your own services read.
// The carrier names your operations and holds the baggage.
// In a webhook to a customer, keep it beside the signed body, or remove it with [StripJSON] before signing.
// It also makes equal payloads differ:
// compute content hashes and idempotency keys before InjectJSON, or from the result of StripJSON.
func InjectJSON(ctx context.Context, object []byte) ([]byte, error) {
	return inject(object, NewCarrier(ctx))
}

// ExtractJSON reads the [Carrier] at the top level of object. Without one, it returns a zero Carrier and no error.
//
// It reads keys and values as [json.Unmarshal] reads them into a Carrier: keys match with escapes decoded
// and case ignored, the last string under a key counts, and null is ignored.
// A value that is neither a string nor null is skipped.
// The error then names each such key, and the Carrier holds everything else that could be read.
// If object is not one valid JSON object, the result is a zero Carrier and an error.
// ExtractJSON does not check the values themselves: [Carrier.Context] does.
//
// The job matters more than its trace: on an error, report it and go on.
//
// ExtractJSON does not write to object, and the Carrier shares no memory with it.
// It is safe for concurrent use, also on the same object.
//
// Do not extract from a public request body: its sender would choose the trace that your records join,
// and whether it is sampled.
func ExtractJSON(object []byte) (Carrier, error) {
	var c Carrier
	open, err := payloadObject("extract", object)
	if err != nil {
		return c, err
	}
	// The loop keeps only positions, so that a key repeated a thousand times is decoded once.
	var found [len(payloadKeys)][2]int
	var wrong [len(payloadKeys)]string
	for s := jsontext.NewScanner(object, open); s.Next(); {
		k := payloadKey(object[s.Key:s.KeyEnd])
		if k < 0 {
			continue
		}
		switch object[s.Value] {
		case '"':
			found[k] = [2]int{s.Value, s.End}
		case 'n': // null keeps the value so far, as in encoding/json
		default:
			if wrong[k] == "" {
				wrong[k] = payloadKind(object[s.Value])
			}
		}
	}
	fields := payloadFields(&c)
	for k, at := range found {
		if at[1] > 0 {
			*fields[k] = jsontext.Unquote(object[at[0]:at[1]])
		}
	}
	return c, payloadWrong(wrong)
}

// payloadWrong returns the error about values of the wrong kind, in the order of payloadKeys. It is nil if there are none.
func payloadWrong(kinds [len(payloadKeys)]string) error {
	var msg []byte
	for k, kind := range kinds {
		if kind == "" {
			continue
		}
		if msg != nil {
			msg = append(msg, "; "...)
		}
		msg = fmt.Appendf(msg, "%s: want a string, got %s", payloadKeys[k], kind)
	}
	if msg == nil {
		return nil
	}
	return fmt.Errorf("slogtrace: extract: %s", msg)
}

// StripJSON returns object without its carrier. It undoes [InjectJSON]: if the JSON object x has none
// of a [Carrier]'s keys at its top level, InjectJSON and then StripJSON give x again, byte for byte.
//
// It removes all five keys wherever they appear at the top level, however often, whoever wrote them.
// Keys match as encoding/json matches struct fields (escapes decoded, case ignored),
// so nothing remains that a reader would take for a Carrier.
// Every other member keeps its bytes and its place. Keys of nested objects are never touched.
// An object without a key traceparent has no carrier. It is returned unchanged, even if it has one of the other keys.
//
// If object is not one valid JSON object, the result is object itself and an error.
// It may still contain a carrier: do not send it on as clean.
//
// StripJSON never writes to object.
// The result is object itself if there is nothing to remove. Otherwise it shares no memory with object.
// It is safe for concurrent use, also on the same object.
//
// Use it on everything that leaves your services (a webhook, before it is signed),
// and before a payload is hashed, compared or turned into an idempotency key.
func StripJSON(object []byte) ([]byte, error) {
	return editPayload("strip", object, Carrier{})
}

// inject is InjectJSON with the carrier given. A carrier without Traceparent is not written: StripJSON would not find it.
func inject(object []byte, c Carrier) ([]byte, error) {
	if c.Traceparent == "" {
		c = Carrier{}
	}
	return editPayload("inject", object, c)
}

// editPayload removes the carrier's keys from object and appends c, if c is not zero.
//
// StripJSON is exact because of the places where it cuts and inserts. New members go directly behind the last value
// that stays, so that white space before '}' stays behind them. A removed member takes the comma before it along:
//
//	{ "a": 1 ⏎}   ⇄   { "a": 1,"traceparent":"…" ⏎}
//
// In an object with no other member, new members go directly behind '{', and white space stays behind them too.
func editPayload(verb string, object []byte, c Carrier) ([]byte, error) {
	open, err := payloadObject(verb, object)
	if err != nil {
		return object, err
	}
	type span struct{ from, to int }
	var (
		room  [2]span
		cuts  = room[:0]
		at    = open + 1 // end of the last member that stays
		empty = true     // no member stays
		has   bool       // there is a traceparent
	)
	for s := jsontext.NewScanner(object, open); s.Next(); {
		switch k := payloadKey(object[s.Key:s.KeyEnd]); {
		case k >= 0:
			has = has || k == 0
			if n := len(cuts); n > 0 && (empty || cuts[n-1].to == s.Start) {
				cuts[n-1].to = s.End
			} else {
				cuts = append(cuts, span{s.Start, s.End})
			}
			continue
		case empty && len(cuts) > 0:
			cuts[0].to = s.Key // the first member that stays has no comma before it
		}
		empty, at = false, s.End
	}
	add := c != (Carrier{})
	if !add && !has {
		return object, nil
	}

	size := len(object)
	for _, cut := range cuts {
		size -= cut.to - cut.from
	}
	if add {
		for k, v := range payloadFields(&c) {
			if *v != "" {
				size += len(payloadKeys[k]) + len(*v) + len(`"":"",`)
			}
		}
	}
	out := make([]byte, 0, size)
	// First the cuts before at, then the new members, then the cuts behind at. No cut contains at.
	from := 0
	i := 0
	for ; i < len(cuts) && cuts[i].from < at; i++ {
		out = append(out, object[from:cuts[i].from]...)
		from = cuts[i].to
	}
	out = append(out, object[from:at]...)
	from = at
	if add {
		out = appendPayloadMembers(out, &c, empty)
	}
	for ; i < len(cuts); i++ {
		out = append(out, object[from:cuts[i].from]...)
		from = cuts[i].to
	}
	return append(out, object[from:]...), nil
}

// payloadObject returns the index of the '{' of object. It returns an error if object is not one valid JSON object.
// After it, callers may rely on object being valid and on its nesting being bounded.
func payloadObject(verb string, object []byte) (open int, err error) {
	open = jsontext.Space(object, 0)
	if open == len(object) {
		return 0, fmt.Errorf("slogtrace: %s: want a JSON object, got nothing", verb)
	}
	if !json.Valid(object) {
		// Valid gives no reason, Unmarshal does, in bounded length and with quoted input.
		err := json.Unmarshal(object, new(json.RawMessage))
		return 0, fmt.Errorf("slogtrace: %s: want a JSON object, got invalid JSON: %w", verb, err)
	}
	if object[open] != '{' {
		return 0, fmt.Errorf("slogtrace: %s: want a JSON object, got %s", verb, payloadKind(object[open]))
	}
	return open, nil
}

// payloadKind names the kind of the valid JSON value that begins with b.
func payloadKind(b byte) string {
	switch b {
	case '{':
		return "an object"
	case '[':
		return "an array"
	case '"':
		return "a string"
	case 't', 'f':
		return "a boolean"
	case 'n':
		return "null"
	}
	return "a number"
}

// payloadKeys are the keys of a Carrier. payloadFields are its fields, in the same order. A test compares them with its tags.
var payloadKeys = [...]string{"traceparent", "tracestate", "trace_baggage", "trace_op", "trace_sent"}

func payloadFields(c *Carrier) [len(payloadKeys)]*string {
	return [...]*string{&c.Traceparent, &c.Tracestate, &c.Baggage, &c.Op, &c.Sent}
}

// Limits of the length of a key that matches. Only s has a longer form that folds to it, the two bytes of ſ (U+017F),
// and the longest key has no s. Escaping makes each byte at most six.
const (
	payloadKeyMin    = len("trace_op")
	payloadKeyMax    = len("trace_baggage")
	payloadKeyMaxEsc = 6 * payloadKeyMax
)

// payloadKey returns the index in payloadKeys of the key that encoding/json would take quoted for, or -1.
func payloadKey(quoted []byte) int {
	raw := quoted[1 : len(quoted)-1]
	// All keys begin with a t, and only T folds to it.
	if len(raw) < payloadKeyMin || len(raw) > payloadKeyMaxEsc || raw[0] != 't' && raw[0] != 'T' && raw[0] != '\\' {
		return -1
	}
	if bytes.IndexByte(raw, '\\') >= 0 {
		return payloadKeyIndex(jsontext.Unquote(quoted))
	}
	if len(raw) > payloadKeyMax {
		return -1
	}
	return payloadKeyIndex(string(raw))
}

func payloadKeyIndex(key string) int {
	for i, k := range payloadKeys {
		if strings.EqualFold(key, k) {
			return i
		}
	}
	return -1
}

// appendPayloadMembers appends the non-empty fields of c as members. Each has a comma before it, except the object's first.
func appendPayloadMembers(dst []byte, c *Carrier, first bool) []byte {
	for k, v := range payloadFields(c) {
		if *v == "" {
			continue
		}
		if !first {
			dst = append(dst, ',')
		}
		first = false
		dst = append(dst, '"')
		dst = append(dst, payloadKeys[k]...)
		dst = append(dst, '"', ':')
		dst = jsontext.AppendString(dst, *v)
	}
	return dst
}
