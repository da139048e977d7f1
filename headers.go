package slogtrace

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/slogtrace/slogtrace/internal/headers"
)

func init() {
	headers.Inject, headers.Extract = injectHeaders, extractHeaders
}

// injectHeaders is headers.Inject.
func injectHeaders(ctx context.Context) (traceparent, tracestate, baggage string) {
	c := currentOf(ctx)
	if !c.inTrace() {
		return "", "", ""
	}
	b := append(make([]byte, 0, traceparentLen), "00-"...)
	b = append(append(b, c.ids().traceText()...), '-')
	b = append(append(b, c.ids().spanText()...), '-', '0', '0'+byte(c.flags()&knownFlags))
	return string(b), c.env.state, ""
}

// extractHeaders is headers.Extract.
func extractHeaders(ctx context.Context, traceparent, tracestate, baggage []string) (context.Context, error) {
	switch len(traceparent) {
	case 0:
		return ctx, nil
	case 1:
	default:
		// W3C Trace Context Level 2, 3.2: more than one is none.
		return ctx, fmt.Errorf("slogtrace: traceparent: want one header line, got %d", len(traceparent))
	}
	sc, err := ParseTraceparent(traceparent[0])
	if err != nil {
		return ctx, err
	}
	var stateErr error
	sc.State, stateErr = parseTracestate(tracestate...)
	return withRemote(ctx, sc, "", time.Time{}), errors.Join(stateErr)
}
