package slogtrace

import (
	"fmt"
	"log/slog"
	"net/url"
	"os"
	"strings"
	"unicode/utf8"
)

// EnvAttrs returns attributes that describe this program, from the environment. Give them to a logger:
//
//	slog.SetDefault(slog.New(slogtrace.NewJSONHandler(os.Stdout, nil).WithAttrs(slogtrace.EnvAttrs())))
//
// The first is service, the name: OTEL_SERVICE_NAME, or else service.name in OTEL_RESOURCE_ATTRIBUTES.
// The other members of OTEL_RESOURCE_ATTRIBUTES (key1=value1,key2=value2) follow under their own keys, in order.
// If a key appears more than once, the last one counts. All values are strings. Keys and values are percent-decoded,
// and white space around them is dropped. An empty variable counts as not set.
//
// If any part of OTEL_RESOURCE_ATTRIBUTES cannot be read, all of it is discarded, as OpenTelemetry requires
// (Resource SDK, "Specifying resource information via an environment variable"). An attribute
// resource_error then gives the reason.
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
		// A resource attribute called service is something else and gives way.
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

// parseResource parses the value of OTEL_RESOURCE_ATTRIBUTES. It skips empty members.
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
