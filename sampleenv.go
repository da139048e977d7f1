package slogtrace

import (
	"fmt"
	"os"
	"strconv"
	"strings"

	"github.com/slogtrace/slogtrace/internal/w3c"
)

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

// Disabled returns a Sampler with which a Tracer writes no span record at all, not even of failed spans, which all other
// Samplers let through. The records are counted: see [TracerStats.Withheld]. Disabled must be [TracerOptions.Sampler] itself:
// inside another Sampler it samples nothing, like [Ratio](0).
//
// Ids still appear on log records and still travel. A remote parent's decision travels unchanged.
// Traces that begin here travel as not sampled, so services that follow that decision write none of them.
func Disabled() Sampler { return disabled{} }

type disabled struct{}

func (disabled) Sample(SampleInput) (bool, float64) { return false, 0 }
