package slogtrace

import (
	"log/slog"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
	"github.com/slogtrace/slogtrace/internal/w3c"
)

// Values are percent-decoded as OpenTelemetry writes them: a plus is no space, and only unencoded white space is trimmed.
func TestEnvAttrs(t *testing.T) {
	for _, c := range []struct {
		name, service, resource string
		want                    string // as key=value, in order
	}{
		{name: "nothing"},
		{"the service", "api", "", "service=api"},
		{"the service by the resource", "", "service.name=api", "service=api"},
		{"OTEL_SERVICE_NAME counts more", "api", "service.name=web,x=1", "service=api|x=1"},
		{"the service comes first", "", "x=1,service.name=api,y=2", "service=api|x=1|y=2"},
		{"no service", "", "x=1,deployment.environment=prod", "x=1|deployment.environment=prod"},
		{"the last of a key", "", "x=1,y=2,x=3,service.name=a,service.name=b", "service=b|x=3|y=2"},
		{"percent-encoded", "", "team=a%2Cb%3Dc,caf%C3%A9=%25,plus=1+1", "team=a,b=c|café=%|plus=1+1"},
		{"space around", "", " x = 1 ,\ty=%20z%20", "x=1|y= z "},
		{"an = in the value", "", "x=a=b", "x=a=b"},
		{"empty values and members", "", ",x=,,y=1,", "x=|y=1"},
		{"OTEL_SERVICE_NAME is taken as it is", "a%20b", "", "service=a%20b"},
		{"an attribute named service", "api", "service=x", "service=api|attr.service=x"},
		{"an attribute named service alone", "", "service=x", "service=x"},
		{"no =", "api", "x=1,y", "service=api|resource_error=slogtrace: OTEL_RESOURCE_ATTRIBUTES: member 2: want key=value, got no ="},
		{"no key", "", "x=1, =2", "resource_error=slogtrace: OTEL_RESOURCE_ATTRIBUTES: member 2: want a key, got none"},
		{"a bad escape", "", "service.name=api,x=%zz", `resource_error=slogtrace: OTEL_RESOURCE_ATTRIBUTES: member 2: invalid URL escape "%zz"`},
		{"no UTF-8", "", "x=%ff", "resource_error=slogtrace: OTEL_RESOURCE_ATTRIBUTES: member 1: want UTF-8"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Setenv("OTEL_SERVICE_NAME", c.service)
			t.Setenv("OTEL_RESOURCE_ATTRIBUTES", c.resource)
			if diff := cmp.Diff(c.want, attrsAsText(EnvAttrs())); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

func attrsAsText(attrs []slog.Attr) string {
	var texts []string
	for _, a := range attrs {
		texts = append(texts, a.Key+"="+a.Value.String())
	}
	return strings.Join(texts, "|")
}

func TestFormatEnvAttrs(t *testing.T) {
	t.Setenv("OTEL_SERVICE_NAME", "api")
	t.Setenv("OTEL_RESOURCE_ATTRIBUTES", "service=x,dd.service=y,z=1")
	for want, f := range map[string]Format{
		"service=api|attr.service=x|dd.service=y|z=1":    {},
		"dd.service=api|service=x|attr.dd.service=y|z=1": Datadog,
		"prog=api|service=x|dd.service=y|z=1":            {Service: "prog"},
	} {
		if diff := cmp.Diff(want, attrsAsText(f.EnvAttrs())); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
	}
}

// Datadog's variables come before OpenTelemetry's, for its preset only.
func TestDatadogEnvAttrs(t *testing.T) {
	for _, c := range []struct{ service, env, version, name, resource, want string }{
		{"", "", "", "", "", ""},
		{"shop", "prod", "1.4", "", "", "dd.service=shop|dd.env=prod|dd.version=1.4"},
		{"shop", "", "", "api", "z=1", "dd.service=shop|z=1"},
		{"", "prod", "", "api", "z=1", "dd.service=api|dd.env=prod|z=1"},
		{"", "", "1.4", "", "dd.version=2,dd.env=test,z=1", "dd.version=1.4|dd.env=test|z=1"},
		{"shop", "prod", "", "", "dd.service=x,dd.env=test", "dd.service=shop|dd.env=prod|attr.dd.service=x"},
	} {
		t.Setenv("DD_SERVICE", c.service)
		t.Setenv("DD_ENV", c.env)
		t.Setenv("DD_VERSION", c.version)
		t.Setenv("OTEL_SERVICE_NAME", c.name)
		t.Setenv("OTEL_RESOURCE_ATTRIBUTES", c.resource)
		if diff := cmp.Diff(c.want, attrsAsText(Datadog.EnvAttrs())); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
		if got := attrsAsText(Axiom.EnvAttrs()); strings.Contains(got, "shop") || strings.Contains(got, "1.4") {
			t.Errorf("another preset has %s", got)
		}
	}
}

// FuzzEnvAttrs: encoded attributes come back, and nothing panics.
func FuzzEnvAttrs(f *testing.F) {
	f.Add("a", "b,c=%d", " e ", "x=1")
	f.Add("service.name", "ä", "service.name", "x=%")
	f.Fuzz(func(t *testing.T, key1, value1, key2, raw string) {
		for _, s := range []string{key1, value1, key2} {
			if s == "" || !utf8.ValidString(s) || strings.ContainsRune(s, 0) {
				return
			}
		}
		encode := func(s string) string {
			var b strings.Builder
			for i := range len(s) {
				b.WriteString("%" + string(w3c.LowerHex[s[i]>>4]) + string(w3c.LowerHex[s[i]&15]))
			}
			return b.String()
		}
		attrs, err := parseResource(encode(key1) + "=" + encode(value1) + "," + encode(key2) + "=")
		if want := key1 + "=" + value1 + "|" + key2 + "="; err != nil || attrsAsText(attrs) != want {
			t.Errorf("got %s, %v, want %s", attrsAsText(attrs), err, want)
		}
		if attrs, err := parseResource(raw); err != nil && attrs != nil {
			t.Errorf("%q is refused, and yet there is %v", raw, attrs)
		}
	})
}

// OpenTelemetry's specification of environment variables, value by value. Its own SDK is asked in interop.
func TestSamplerFromEnv(t *testing.T) {
	const (
		all, none, tenth = 0, 1 << 56, 0xe6666666666666
		wantSampler      = `slogtrace: OTEL_TRACES_SAMPLER: want always_on, always_off or traceidratio, or one of them after parentbased_, got `
		wantArg          = `slogtrace: OTEL_TRACES_SAMPLER_ARG: want a number from 0 to 1, got `
		wantDisabled     = `slogtrace: OTEL_SDK_DISABLED: want true or false, got `
	)
	for _, tt := range []struct {
		sampler, arg, off string
		threshold         uint64
		ignores           bool
		err               string
	}{
		{"", "", "", all, false, ""},
		{"", "0.1", "", all, false, ""},
		{"", "junk", "", all, false, ""},
		{"always_on", "", "", all, true, ""},
		{"always_off", "", "", none, true, ""},
		{"always_off", "1", "", none, true, ""},
		{"traceidratio", "0.1", "", tenth, true, ""},
		{"traceidratio", "", "", all, true, ""},
		{"traceidratio", " ", "", all, true, ""},
		{"parentbased_always_on", "", "", all, false, ""},
		{"parentbased_always_on", "junk", "", all, false, ""},
		{"parentbased_always_off", "", "", none, false, ""},
		{"parentbased_traceidratio", "0.1", "", tenth, false, ""},
		{" ParentBased_TraceIdRatio\t", " 1e-1 ", "", tenth, false, ""},
		{"parentbased_traceidratio", "0", "", none, false, ""},
		{"parentbased_traceidratio", "1.0", "", all, false, ""},
		{"parentbased_traceidratio", "", "", all, false, ""},

		{"parentbased_traceidratio", "1.1", "", all, false, wantArg + `"1.1"`},
		{"parentbased_traceidratio", "-0.1", "", all, false, wantArg + `"-0.1"`},
		{"parentbased_traceidratio", "NaN", "", all, false, wantArg + `"NaN"`},
		{"traceidratio", "10%", "", all, true, wantArg + `"10%"`},
		{"traceidratio", "0,1", "", all, true, wantArg + `"0,1"`},
		{"traceidratio", "1e999", "", all, true, wantArg + `"1e999"`},
		{"jaeger_remote", "endpoint=http://localhost:14250", "", all, false, wantSampler + `"jaeger_remote"`},
		{"parentbased_jaeger_remote", "", "", all, false, wantSampler + `"parentbased_jaeger_remote"`},
		{"xray", "", "", all, false, wantSampler + `"xray"`},
		{"parentbased_", "", "", all, false, wantSampler + `"parentbased_"`},
		{"parentbased_parentbased_always_off", "", "", all, false, wantSampler + `"parentbased_parentbased_always_off"`},
		{"Sometimes\n" + strings.Repeat("x", 100), "0.1", "", all, false, wantSampler + `"Sometimes\nxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx" and 70 bytes more`},

		{"always_off", "", "false", none, true, ""},
		{"always_off", "", "FALSE", none, true, ""},
		{"always_off", "", " ", none, true, ""},
		{"always_off", "", "1", none, true, wantDisabled + `"1"`},
		{"traceidratio", "x", "yes", all, true, wantDisabled + `"yes"; ` + wantArg + `"x"`},
		{"junk", "", "yes", all, false, wantDisabled + `"yes"; ` + wantSampler + `"junk"`},
		{"always_on", "", "true", none, false, ""},
		{"junk", "junk", "True", none, false, ""},
	} {
		t.Setenv("OTEL_TRACES_SAMPLER", tt.sampler)
		t.Setenv("OTEL_TRACES_SAMPLER_ARG", tt.arg)
		t.Setenv("OTEL_SDK_DISABLED", tt.off)
		s, err := SamplerFromEnv()
		got := ""
		if err != nil {
			got = err.Error()
		}
		if got != tt.err {
			t.Errorf("%+v: error %q", tt, got)
		}
		tr := NewTracer(nil, &TracerOptions{Sampler: s})
		if tr.ignoresParent != tt.ignores || tr.disabled != strings.EqualFold(tt.off, "true") {
			t.Errorf("%+v: ignores the parent %t, disabled %t", tt, tr.ignoresParent, tr.disabled)
		}
		for _, n := range []uint64{0, tenth - 1, tenth, 1<<56 - 1} {
			if sampled, _ := s.Sample(SampleInput{TraceID: randomTraceID(n)}); sampled != (n >= tt.threshold) {
				t.Errorf("%+v: %x sampled %t", tt, n, sampled)
			}
		}
	}
}
