package slogtrace

import (
	"strings"
	"testing"
)

// What was broken on purpose in a copy, found by TestSamplerFromEnv: always_off keeps a remote parent's decision,
// an argument that is not valid counts as 0, NaN is valid, "1" is true, upper case is not read,
// an unknown sampler ignores the parent.

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
