package slogtrace

import (
	"fmt"
	"log/slog"
	"net/url"
	"os"
	"strings"
	"unicode/utf8"
)

// serviceKey is the schema's key of the program's name.
const serviceKey = "service"

// EnvAttrs returns what the environment says about this program, as attributes for a logger to carry:
//
//	slog.SetDefault(slog.New(slogtrace.NewJSONHandler(os.Stdout, nil).WithAttrs(slogtrace.EnvAttrs())))
//
// The first is service, the name: OTEL_SERVICE_NAME, else service.name of OTEL_RESOURCE_ATTRIBUTES.
// The rest of OTEL_RESOURCE_ATTRIBUTES (key1=value1,key2=value2) follows under its own keys, in its order, the last one
// of a key; all values are strings. Keys and values are percent-decoded, white space around them is dropped.
// An empty variable counts as none.
//
// If anything in OTEL_RESOURCE_ATTRIBUTES cannot be read, all of it is discarded, as OpenTelemetry's specification
// wants it (Resource SDK, "Specifying resource information via an environment variable"), and an attribute
// resource_error says why.
func EnvAttrs() []slog.Attr { return Format{}.EnvAttrs() }

// EnvAttrs is the function [EnvAttrs] with f's name for the service.
func (f Format) EnvAttrs() []slog.Attr {
	const nameKey = "service.name"
	if f.Service == "" {
		f.Service = serviceKey
	}
	rest, err := parseResource(os.Getenv("OTEL_RESOURCE_ATTRIBUTES"))
	var name string
	var set attrSet
	for _, a := range rest {
		if a.Key == nameKey {
			name = a.Value.String()
		} else {
			set.add([]slog.Attr{a})
		}
	}
	attrs := set.attrs
	if s := os.Getenv("OTEL_SERVICE_NAME"); s != "" {
		name = s
	}
	if name != "" {
		// One that is called service in the resource is another thing, and gives way.
		for i := range attrs {
			if attrs[i].Key == f.Service {
				attrs[i].Key = "attr." + f.Service
			}
		}
		attrs = append([]slog.Attr{slog.String(f.Service, name)}, attrs...)
	}
	if err != nil {
		attrs = append(attrs, slog.String("resource_error", err.Error()))
	}
	return attrs
}

// parseResource reads the value of OTEL_RESOURCE_ATTRIBUTES. Members that are empty are skipped.
func parseResource(s string) ([]slog.Attr, error) {
	var attrs []slog.Attr
	n := 0
	for member := range strings.SplitSeq(s, ",") {
		n++
		if member = strings.TrimSpace(member); member == "" {
			continue
		}
		key, value, ok := strings.Cut(member, "=")
		if !ok {
			return nil, fmt.Errorf("slogtrace: OTEL_RESOURCE_ATTRIBUTES: member %d: want key=value, got no =", n)
		}
		for _, part := range []*string{&key, &value} {
			text, err := url.PathUnescape(strings.TrimSpace(*part))
			switch {
			case err != nil:
				return nil, fmt.Errorf("slogtrace: OTEL_RESOURCE_ATTRIBUTES: member %d: %w", n, err)
			case !utf8.ValidString(text):
				return nil, fmt.Errorf("slogtrace: OTEL_RESOURCE_ATTRIBUTES: member %d: want UTF-8", n)
			}
			*part = text
		}
		if key == "" {
			return nil, fmt.Errorf("slogtrace: OTEL_RESOURCE_ATTRIBUTES: member %d: want a key, got none", n)
		}
		attrs = append(attrs, slog.String(key, value))
	}
	return attrs, nil
}
