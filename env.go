package slogtrace

import (
	"cmp"
	"fmt"
	"log/slog"
	"net/url"
	"os"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/slogtrace/slogtrace/internal/w3c"
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

// EnvAttrs is the function [EnvAttrs] with f's name for the service. That of [Datadog] also reads Datadog's own variables, which
// take precedence: DD_SERVICE is the name, DD_ENV is dd.env and DD_VERSION dd.version.
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
	if f.form == datadogForm {
		name = cmp.Or(os.Getenv("DD_SERVICE"), name)
		var tags []slog.Attr
		for _, v := range [...][2]string{{"dd.env", os.Getenv("DD_ENV")}, {"dd.version", os.Getenv("DD_VERSION")}} {
			if v[1] != "" {
				tags = append(tags, slog.String(v[0], v[1]))
				attrs = slices.DeleteFunc(attrs, func(a slog.Attr) bool { return a.Key == v[0] })
			}
		}
		attrs = append(tags, attrs...)
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

// SamplerFromEnv returns the Sampler that OpenTelemetry's environment variables ask for
// ("OpenTelemetry Environment Variable Specification", General SDK Configuration):
//
//	OTEL_TRACES_SAMPLER
//	  parentbased_always_on      Ratio(1); also if it is not set
//	  parentbased_always_off     Ratio(0)
//	  parentbased_traceidratio   Ratio(p), p being OTEL_TRACES_SAMPLER_ARG, from 0 to 1; 1 if it is not set
//	  always_on, always_off, traceidratio
//	                             the same under IgnoreParent
//	OTEL_SDK_DISABLED
//	  true                       Disabled()
//
// As with every [Sampler], failed spans are written even with always_off.
//
// Case and space around a value are ignored, and an empty value counts as not set.
// The Sampler can be used even if there is an error. The error names, in one line, the values that are not valid;
// they count as not set. Log it: OpenTelemetry requires a warning. The samplers jaeger_remote, parentbased_jaeger_remote
// and xray are not supported, so they are not valid here.
func SamplerFromEnv() (Sampler, error) {
	var err error
	switch v := getenv("OTEL_SDK_DISABLED"); strings.ToLower(v) {
	case "true":
		return disabled{}, nil
	case "false", "":
	default:
		err = envError("OTEL_SDK_DISABLED", "true or false", v)
	}
	const sampler, arg = "OTEL_TRACES_SAMPLER", "OTEL_TRACES_SAMPLER_ARG"
	value := getenv(sampler)
	name, parentBased := strings.CutPrefix(strings.ToLower(value), "parentbased_")
	p := 1.0
	switch name {
	case "always_on":
	case "always_off":
		p = 0
	case "traceidratio":
		if v := getenv(arg); v != "" {
			n, parseErr := strconv.ParseFloat(v, 64)
			if parseErr == nil && n >= 0 && n <= 1 {
				p = n
			} else {
				err = w3c.JoinErrors(err, envError(arg, "a number from 0 to 1", v))
			}
		}
	default:
		parentBased = true
		if value != "" {
			err = w3c.JoinErrors(err, envError(sampler, "always_on, always_off or traceidratio, or one of them after parentbased_", value))
		}
	}
	if parentBased {
		return Ratio(p), err
	}
	return IgnoreParent(Ratio(p)), err
}

func getenv(name string) string { return strings.TrimSpace(os.Getenv(name)) }

func envError(name, want, got string) error {
	return fmt.Errorf("slogtrace: %s: want %s, got %s", name, want, w3c.QuoteShort(got))
}
