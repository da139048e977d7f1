package backend

import (
	"slices"
	"strings"
	"sync"

	"github.com/slogtrace/slogtrace/internal/schema"
)

// Names returns the names that lines can have for the Key of a Test. Mapped are the names that the user has given to
// members of the record schema; it may be nil.
func Names(key string, mapped map[string]string) []string {
	var all []string
	add := func(f schema.Field) {
		for _, p := range schema.Presets {
			all = append(all, strings.Fields(p.Keys[f])...)
		}
		all = append(all, strings.Fields(schema.Common[f])...)
	}
	name := key
	switch key {
	case Traced:
		name = "trace"
		add(schema.Trace)
	case "msg":
		add(schema.Message)
	case "level":
		add(schema.Level)
	case "service":
		add(schema.Service)
	case "error":
		add(schema.Error)
	case "trace": // this name alone: lines with another one may have others for everything
		return []string{key}
	default:
		all = []string{key}
	}
	if m := mapped[name]; m != "" {
		all = append([]string{m}, all...)
	}
	return distinct(all)
}

// FieldNames returns all names under which lines can have one of Query.Fields, among them those that tell readers whose
// names a line has.
func FieldNames(key string, mapped map[string]string) []string {
	all := []string{key}
	for name, m := range mapped {
		if name == key || key == "duration_ms" && strings.HasPrefix(name, "duration_") {
			all = append(all, m)
		}
	}
	keys, _ := schema.Keys()
	f, ok := keys[key]
	if !ok {
		return all
	}
	for _, p := range schema.Presets {
		all = append(all, strings.Fields(p.Keys[f])...)
		all = append(all, strings.Fields(p.Tells)...)
		all = append(all, strings.Fields(p.TellsToo)...)
	}
	return distinct(append(all, strings.Fields(schema.Common[f])...))
}

// textFields are the members of the record schema that are text, even if they look like a number.
var textFields = sync.OnceValue(func() map[string]bool {
	m := make(map[string]bool)
	keys, _ := schema.Keys()
	for key, f := range keys {
		switch f {
		case schema.Duration, schema.Links, schema.Queued, schema.SampleRate, schema.Sampled, schema.Source:
		default:
			m[key] = true
		}
	}
	// Of the others, these are numbers or truths.
	delete(m, "trace_flags")
	delete(m, "logging.googleapis.com/trace_sampled")
	return m
})

// IsText reports whether a member is text by its name, whatever it looks like.
func IsText(key string) bool { return textFields()[key] }

// distinct removes later copies.
func distinct(list []string) []string {
	var all []string
	for _, s := range list {
		if !slices.Contains(all, s) {
			all = append(all, s)
		}
	}
	return all
}
