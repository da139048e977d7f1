package redact

import (
	"encoding"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/url"
	"reflect"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/slogtrace/slogtrace/internal/jsontext"
)

// This file determines whether values of a type may contain something that a Redactor replaces.

var (
	jsonMarshalerType = reflect.TypeFor[json.Marshaler]()
	textMarshalerType = reflect.TypeFor[encoding.TextMarshaler]()
	textAppenderType  = reflect.TypeFor[encoding.TextAppender]()
	errorType         = reflect.TypeFor[error]()
	zeroerType        = reflect.TypeFor[interface{ IsZero() bool }]()
	slogAttrType      = reflect.TypeFor[slog.Attr]()
	slogValueType     = reflect.TypeFor[slog.Value]()
	reflectValueType  = reflect.TypeFor[reflect.Value]()
	timeType          = reflect.TypeFor[time.Time]()
	urlType           = reflect.TypeFor[url.URL]()
	userinfoType      = reflect.TypeFor[url.Userinfo]()
	printerTypes      = []reflect.Type{reflect.TypeFor[fmt.Formatter](), reflect.TypeFor[fmt.Stringer](), errorType, textMarshalerType}
)

// typeFacts are facts about the values of a type. A type has a fact by itself, or because a type that it is made of
// has it.
type typeFacts uint8

const (
	mayHold    typeFacts = 1 << iota // there may be something to replace
	mayPrint                         // package fmt may print something to replace when it walks through the value
	mightPrint                       // the same, or the value must be inspected to decide
	needsGuide                       // the JSON alone does not show what to replace
	namesPair                        // it has a field Name, its own or of an embedded struct
	valuesPair                       // likewise a field Value
)

// A typeInfo is what a Redactor knows about a type. It does not change once it is in Redactor.types.
type typeInfo struct {
	typ    reflect.Type
	facts  typeFacts
	users  []typeUse // while facts are being found
	elem   *typeInfo // of a pointer, slice, array or map
	key    *typeInfo // of a map
	fields []fieldInfo

	methods  bool // methods of it, or what is known about it, determine what to look at: see looker.methods
	isError  bool // it, or a pointer to it, is an error
	printer  bool // package fmt, or a text handler, prints it, or a pointer to it, by a method
	marshals bool // it, or a pointer to it, writes its own JSON
	texts    bool // likewise its own text
	streams  bool // likewise its own JSON, by the method that encoding/json/v2 prefers

	jsonMethod, streamMethod, textMethod, appendMethod methodOwner // of marshals and texts

	members atomic.Pointer[structMembers] // of a struct, once they have been requested
}

// A typeUse is a rule: if the type has the facts from, user has the facts to.
type typeUse struct {
	user     *typeInfo
	from, to typeFacts
}

// A fieldInfo is what a Redactor knows about a field of a struct.
type fieldInfo struct {
	name     string
	tag      string // the tag "json"
	info     *typeInfo
	byName   Hiding   // by its Go name
	byTag    Hiding   // by its tag, however encoding/json interprets it
	odd      bool     // only encoding/json can interpret the tag
	hidden   bool     // encoding/json does not write it
	embedded bool     // its own fields may be written as if they were the struct's
	omits    bool     // if it is empty, or zero
	zero     bool     // if it is zero
	quoted   bool     // it is a number or a boolean, written as a string
	special  bool     // the tag, or the kind of embedding, requires something that a rewriter cannot do
	guides   bool     // its Go name shows something that its JSON does not
	role     pairRole // its role in a pair with another field
}

func (t *typeInfo) has(f typeFacts) bool { return t.facts&f != 0 }

// showsHidden reports whether package fmt may print something to replace in f, a field of t that encoding/json does
// not write. Such fields are not read: they are not meant to be, and their owner may be writing to them.
func (t *typeInfo) showsHidden(f *fieldInfo) bool {
	return f.byName != Shown || f.info.has(mayPrint) || !t.printer && f.info.has(mightPrint)
}

// typeInfo returns what is known about t.
func (x *Redactor) typeInfo(t reflect.Type) *typeInfo {
	if known, ok := x.types.Load(t); ok {
		return known.(*typeInfo)
	}
	g := typeGraph{Redactor: x, nodes: map[reflect.Type]*typeInfo{}}
	info := g.add(t)
	g.settle()
	for t, info := range g.nodes {
		x.types.Store(t, info)
	}
	return info
}

// A typeGraph holds each type that a type is made of once, down to the types that are already known. Types may refer
// to each other in cycles, so no fact is final before all of them are in it.
type typeGraph struct {
	*Redactor
	nodes map[reflect.Type]*typeInfo
	queue []*typeInfo // those whose facts have not been passed to their users
}

// settle passes facts from types to their users until no type gets a new one. A type gets each fact once.
func (g *typeGraph) settle() {
	for len(g.queue) > 0 {
		t := g.queue[len(g.queue)-1]
		g.queue = g.queue[:len(g.queue)-1]
		for _, use := range t.users {
			if t.has(use.from) {
				g.note(use.user, use.to)
			}
		}
	}
	for _, t := range g.nodes {
		t.users = nil
	}
}

// note gives t facts.
func (g *typeGraph) note(t *typeInfo, facts typeFacts) {
	const pair = namesPair | valuesPair
	if (t.facts|facts)&pair == pair {
		facts |= mayHold | mightPrint | needsGuide
	}
	if t.facts|facts != t.facts {
		t.facts |= facts
		g.queue = append(g.queue, t)
	}
}

// use records that user has the facts to if t has the facts from.
func (g *typeGraph) use(t, user *typeInfo, from, to typeFacts) {
	if t.has(from) {
		g.note(user, to)
	}
	if g.nodes[t.typ] == t { // else it is known and its facts are final
		t.users = append(t.users, typeUse{user, from, to})
	}
}

func (g *typeGraph) inherit(user, t *typeInfo, facts ...typeFacts) {
	for _, f := range facts {
		g.use(t, user, f, f)
	}
}

// add returns the info of t, whose facts are not final.
func (g *typeGraph) add(t reflect.Type) *typeInfo {
	if info, ok := g.nodes[t]; ok {
		return info
	}
	if known, ok := g.types.Load(t); ok {
		return known.(*typeInfo)
	}
	info := &typeInfo{typ: t}
	g.nodes[t] = info
	info.isError = hasMethods(t, errorType)
	info.printer = slices.ContainsFunc(printerTypes, func(iface reflect.Type) bool { return hasMethods(t, iface) })
	info.jsonMethod, info.textMethod = ownerOf(t, jsonMarshalerType), ownerOf(t, textMarshalerType)
	if jsonIsV2() {
		info.streamMethod, info.appendMethod = streamOwner(t), ownerOf(t, textAppenderType)
	}
	info.streams = info.streamMethod != nobody
	info.marshals = info.jsonMethod != nobody || info.streams
	info.texts = info.textMethod != nobody || info.appendMethod != nobody
	info.methods = t.Kind() != reflect.Interface && (info.isError || info.marshals || info.texts)
	switch t {
	case slogAttrType, slogValueType, reflectValueType, urlType, userinfoType:
		info.methods = true
	}
	switch t {
	case timeType:
		return info // a string without secrets, in any form
	case slogAttrType, slogValueType, reflectValueType:
		g.note(info, mayHold|mightPrint)
		return info
	case g.secretType:
		g.note(info, mayPrint|mightPrint) // no method of it is called
		return info
	case urlType:
		g.note(info, mayHold|mightPrint|needsGuide)
		return info
	case userinfoType:
		g.note(info, mayHold|mayPrint|mightPrint)
		return info
	}
	if info.isError && g.inspectsErrors || info.marshals || info.texts && g.cardNumbers {
		g.note(info, mayHold)
	}
	switch t.Kind() {
	case reflect.Interface:
		g.note(info, mayHold|mightPrint|needsGuide)
	case reflect.String:
		if g.cardNumbers {
			g.note(info, mayHold|mightPrint)
		}
	case reflect.Pointer:
		info.elem = g.add(t.Elem())
		g.inherit(info, info.elem, mayHold, needsGuide, namesPair, valuesPair)
	case reflect.Slice:
		if g.cardNumbers && t.Elem().Kind() == reflect.Uint8 {
			g.note(info, mayHold|mightPrint|needsGuide)
		}
		fallthrough
	case reflect.Array:
		info.elem = g.add(t.Elem())
		g.inherit(info, info.elem, mayHold, mayPrint, mightPrint, needsGuide)
	case reflect.Map:
		info.key, info.elem = g.add(t.Key()), g.add(t.Elem())
		g.inherit(info, info.elem, mayHold, mayPrint, mightPrint, needsGuide)
		g.inherit(info, info.key, mayHold, mayPrint, mightPrint)
		switch k := t.Key().Kind(); {
		case k == reflect.String:
			g.note(info, mayHold|mightPrint)
		case k == reflect.Interface || info.key.texts:
			g.note(info, mayHold)
		}
		if info.key.typ == g.secretType {
			g.note(info, needsGuide)
		}
	case reflect.Struct:
		g.addFields(info)
	}
	return info
}

// hasMethods reports whether t, or a pointer to it, has the methods of iface.
func hasMethods(t, iface reflect.Type) bool { return ownerOf(t, iface) != nobody }

// streamOwner returns the owner in t of the method by which a type writes itself for encoding/json/v2. Where that
// package is an experiment the interface cannot be named. So a method with this name and another signature counts
// too.
func streamOwner(t reflect.Type) methodOwner {
	const name = "MarshalJSONTo"
	if _, ok := t.MethodByName(name); ok {
		return byValue
	}
	if _, ok := reflect.PointerTo(t).MethodByName(name); ok {
		return byPointer
	}
	return nobody
}

// An appender has a method that only the newer encoding/json calls.
type appender struct{}

func (appender) AppendText(b []byte) ([]byte, error) { return b, nil }

// jsonIsV2 reports whether encoding/json is built on encoding/json/v2, and so calls more methods.
var jsonIsV2 = sync.OnceValue(func() bool {
	text, ok := jsontext.Marshal(appender{})
	return ok && text[0] == '"'
})

func (g *typeGraph) addFields(info *typeInfo) {
	t := info.typ
	info.fields = make([]fieldInfo, t.NumField())
	isCookie := t.PkgPath() == "net/http" && t.Name() == "Cookie"
	for i := range info.fields {
		sf := t.Field(i)
		tag := sf.Tag.Get("json")
		f := &info.fields[i]
		*f = fieldInfo{name: sf.Name, tag: tag, info: g.add(sf.Type), byName: g.keys.judge(sf.Name), odd: isOddTag(tag)}
		embedded := sf.Type
		if sf.Anonymous && embedded.Kind() == reflect.Pointer {
			embedded = embedded.Elem()
		}
		tagName, options, _ := strings.Cut(tag, ",")
		f.embedded = sf.Anonymous && embedded.Kind() == reflect.Struct && (tagName == "" || f.odd)
		f.hidden = tag == "-" || !sf.IsExported() && !f.embedded
		f.omits = strings.Contains(tag, ",omit")
		f.special = f.odd && !f.hidden
		if sf.Anonymous && tag != "-" { // a struct with nothing special about it is usual
			f.special = tag != "" || embedded.Kind() != reflect.Struct || f.info.methods || sf.Type != embedded && !sf.IsExported()
		}
		for option := range strings.SplitSeq(options, ",") {
			switch option {
			case "omitzero":
				f.zero = true
				f.special = f.special || sf.Type != timeType && hasMethods(sf.Type, zeroerType)
			case "string":
				f.quoted = isNumberKind(sf.Type.Kind()) && !f.info.marshals && !f.info.texts
				f.special = f.special || !f.quoted
			}
		}
		if isCookie && (sf.Name == "Value" || sf.Name == "Raw" || sf.Name == "Unparsed") {
			f.byName = max(f.byName, g.keys.judge("cookie"))
		}
		if kind := sf.Type.Kind(); f.byName == hidesStrings && (isNumberKind(kind) || f.hidden && isAddressKind(kind)) {
			f.byName = Shown
		}
		if !f.hidden {
			f.byTag = g.keys.judge(tag)
			switch byGo, byTag := pairRoleOf(sf.Name), pairRoleOf(tagName); {
			case byGo == pairValue, byTag == pairValue:
				f.role = pairValue
				g.note(info, valuesPair)
			case (byGo == pairName || byTag == pairName) && f.info.mayName():
				f.role = pairName
				g.note(info, namesPair)
			}
			if f.embedded {
				g.inherit(info, f.info, namesPair, valuesPair)
			}
		}
		f.guides = f.byName != Shown && (tagName != "" || f.odd || f.embedded || isCookie)
		switch {
		case f.byName != Shown:
			g.note(info, mayHold|mayPrint|mightPrint|needsGuide)
		case f.byTag != Shown || f.odd && !f.hidden:
			g.note(info, mayHold)
		}
		g.inherit(info, f.info, mayPrint, mightPrint)
		switch {
		case !f.hidden:
			g.inherit(info, f.info, mayHold, needsGuide)
		case info.printer:
			g.use(f.info, info, mayPrint, mayHold)
		default:
			g.use(f.info, info, mightPrint, mayHold)
		}
	}
}

// isNumberKind reports whether values of kind k are numbers or booleans.
func isNumberKind(k reflect.Kind) bool { return reflect.Bool <= k && k <= reflect.Complex128 }

// isAddressKind reports whether package fmt prints only an address for values of kind k within others.
func isAddressKind(k reflect.Kind) bool {
	return k == reflect.Pointer || k == reflect.Func || k == reflect.Chan || k == reflect.UnsafePointer
}

// isOddTag reports whether only encoding/json can tell what it calls a field with this tag, and how it writes it: the
// tag has unusual letters or options.
func isOddTag(tag string) bool {
	name, options, _ := strings.Cut(tag, ",")
	for i := range len(name) {
		if c := name[i]; !isKeyByte(c) || c >= 0x80 {
			return true
		}
	}
	for options != "" {
		var option string
		option, options, _ = strings.Cut(options, ",")
		switch option {
		case "omitempty", "omitzero", "string", "":
		default:
			return true
		}
	}
	return false
}
