package main

import (
	"bytes"
	"encoding/json"

	"github.com/slogtrace/slogtrace/tracelog"
)

// A placeOfIDs is where the ids are in a record that belongs to no trace.
type placeOfIDs uint8

const (
	idsNowhere   placeOfIDs = iota
	idsInGroup              // {"msg":"x","req":{"trace":"…","span":"…"}}, as below a group that was opened too early
	idsInWrapper            // {"_source":{"msg":"x","trace":"…"}} or {"line":"{\"msg\":…}"}: the record is within another one
)

// whereIDs looks for ids in the members of a record that are objects, or strings with objects.
func whereIDs(e *tracelog.Entry) placeOfIDs {
	place := idsNowhere
	for _, a := range e.Attrs() {
		switch a.Value[0] {
		case '{':
			place = max(place, placeIn(a.Value, 0))
		case '"':
			if text := a.Text(); len(text) > 0 && text[0] == '{' && placeIn([]byte(text), 0) != idsNowhere {
				place = idsInWrapper
			}
		}
	}
	if len(e.Message) > 0 && e.Message[0] == '{' && placeIn([]byte(e.Message), 0) != idsNowhere {
		place = idsInWrapper
	}
	return place
}

// maxWrapped limits how deep placeIn looks for ids.
const maxWrapped = 3

// placeIn looks for ids in an object. With a message, a level or a time the object is a record, else it is a group.
func placeIn(object []byte, depth int) placeOfIDs {
	inner := recordIn(object)
	switch {
	case inner == nil:
		return idsNowhere
	case inner.Trace != "" && (inner.Message != "" || inner.Level != "" || !inner.Time.IsZero()):
		return idsInWrapper
	case inner.Trace != "":
		return idsInGroup
	}
	place := idsNowhere
	for _, a := range inner.Attrs() {
		if a.Value[0] == '{' && depth < maxWrapped {
			place = max(place, placeIn(a.Value, depth+1))
		}
	}
	return place
}

// recordIn reads an object as a record. It returns nil if it is not one.
func recordIn(object []byte) (found *tracelog.Entry) {
	if !json.Valid(object) {
		return nil
	}
	one := bytes.ReplaceAll(object, []byte("\n"), []byte(" ")) // JSON can have newlines only between its tokens
	tracelog.Scan(bytes.NewReader(one), "", func(e tracelog.Entry) { found = &e })
	return found
}

// onceEach returns how many operations occur once and seem to have an id in their names: others differ from them only in a
// number or an id, or hardly any operation occurs twice.
func onceEach(ops map[string]int) int {
	const few, many = 3, 20
	once, spans := 0, 0
	folded := make(map[string]int)
	for op, n := range ops {
		spans += n
		if n == 1 && op != "" {
			once++
			if f := tracelog.Fold(op); f != op {
				folded[f]++
			}
		}
	}
	alike := 0
	for _, n := range folded {
		if n >= few {
			alike += n
		}
	}
	if once >= many && 2*once > spans {
		return max(alike, once)
	}
	return alike
}
