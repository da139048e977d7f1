package main

import "slices"

// A gate is a bound that a row has to hold.
type gate struct {
	job, subject string
	ratio        float64 // at most; 0: none
	allocs       int     // at most; -1: none
	known        *known  // why it does not hold
}

// A known failure fails neither a run nor the check, as long as it is not worse than this.
type known struct {
	Ratio  float64 `json:"ratio"`
	Allocs int     `json:"allocs"`
	Reason string  `json:"reason"` // what a profile shows
}

const (
	own      = "slogtrace.JSONHandler"
	wrap     = "slogtrace.Handler over slog.JSONHandler"
	ownInfo  = own + ", InfoContext"
	ownAttrs = own + ", LogAttrs"
	wrapInfo = wrap + ", InfoContext"
	wrapAttr = wrap + ", LogAttrs"

	redactJSON    = "slogtrace.NewRedactHandler over " + own
	redactHandler = "slogtrace.NewRedactHandler over " + wrap

	dropRecords = "slogtrace.TailHandler over " + wrap + ", dropped"
	dropLines   = "slogtrace.TailHandler over " + own + ", dropped"
	keepLines   = "slogtrace.TailHandler over " + own + ", kept"
)

var gates = slices.Concat([]gate{
	{"J1", ownInfo, 0.62, 0, nil},
	{"J1", ownAttrs, 0.56, 0, nil},
	{"J1", wrapInfo, 1.40, 0, nil},
	{"J1", wrapAttr, 1.40, 0, nil},

	{"duration", ownInfo, 0.62, 0, nil},
	{"uint", ownInfo, 0.62, 0, nil},
	{"error", ownInfo, 0.62, 0, nil},
	{"time", ownInfo, 0.62, 0, nil},
	{"times", ownInfo, 0.70, 0, nil},
	{"ten", ownInfo, 0.62, -1, nil},

	{"J1g", ownInfo, 0.65, 0, nil},
	{"J1g", ownAttrs, 0.65, 0, nil},
	{"J1g", wrapInfo, 1.05, -1, nil},
	{"J1g", wrapAttr, 1.05, -1, &known{1.07, 0, passedOn}},
	{"J1gf", wrapInfo, 2.00, -1, &known{2.60, 0, rebound}},
	{"J1gf", wrapAttr, 2.00, -1, &known{2.60, 0, rebound}},

	{"J2", own, 0.50, 2, nil},
	{"J2", wrap, 1.25, 3, &known{1.75, 4, formatted}},

	{"J3", "slogtrace", 0.35, 3, nil},
	{"J3j", "slogtrace.Carrier", 1.15, -1, nil},

	{"J4", ownInfo, 0.62, -1, nil},
	{"J4", ownAttrs, 0.54, 10, nil},
	{"J4", wrapInfo, 1.40, -1, &known{1.60, 0, thrice}},
	{"J4", wrapAttr, 1.40, -1, &known{1.60, 0, thrice}},

	{"J1r", redactJSON + ", InfoContext", 1.03, 0, nil},
	{"J1r", redactJSON + ", LogAttrs", 1.03, 0, nil},
	{"J1r", redactHandler + ", InfoContext", 1.03, 0, nil},
	{"J1r", redactHandler + ", LogAttrs", 1.03, 0, nil},
	{"J4r", redactJSON + ", InfoContext", 1.03, 10, nil},
	{"J4r", redactJSON + ", LogAttrs", 1.03, 10, nil},
	{"J4r", redactHandler + ", InfoContext", 1.03, 36, nil},
	{"J4r", redactHandler + ", LogAttrs", 1.03, 36, nil},

	{"J4t", dropRecords + ", InfoContext", 0.75, -1, nil},
	{"J4t", dropRecords + ", LogAttrs", 0.75, -1, nil},
	{"J4tj", dropLines + ", InfoContext", 1.10, -1, nil},
	{"J4tj", dropLines + ", LogAttrs", 1.10, -1, nil},
	{"J4tf", dropLines + ", InfoContext", 1.00, -1, nil},
	{"J4tf", dropLines + ", LogAttrs", 1.00, -1, nil},
	{"J4tf", keepLines + ", InfoContext", 1.00, -1, nil},
	{"J4tf", keepLines + ", LogAttrs", 1.00, -1, nil},

	{"http", own, 0.35, -1, nil},

	{"sqlexec", own, 0.70, -1, nil},
	{"sqlprepared", own, 0.70, -1, nil},
	{"sqlrow", own, 0.50, -1, nil},
	{"sqlrows", own, 0.50, -1, nil},
	{"sqlrows", own + rowTimes, 0.90, -1, &known{1.00, 0, clocked}},

	{"disabled", own, 1.05, 0, nil},
	{"disabled", wrap, 1.05, 0, &known{1.13, 0, "it asks the inner handler: one more call through an interface, of 0.8 ns"}},
}, presetGates(), otlpGates, apiGates)

// What profiles show of what does not hold.
const (
	rebound = "a third of it is slog binding the logger's group and attributes again in each span, because there is no other way to the root: " +
		"with the ids in a group of the record's own, attributes that inner handlers add would be outside that group"
	formatted = "slog's own work on the line is 0.9 of the floor already, since it formats the ids member by member, " +
		"and the span's clock, ids and memory are another 0.3"
	passedOn = "slog's own handler takes 94 % of the time in Handle, the check of the attributes' keys 3 %, the context and the call the rest (profile); runs differ from 1.04 to 1.06"
	clocked  = "the clock is read twice a row, which is two thirds of it (profile); runs differ from 0.83 to 1.00"
	flushed  = "no part dominates: clocks, memory, attributes, encoding; runs differ from 0.54 to 0.71, and with garbage collection from 0.52 to 0.54"
	thrice   = "slog formats the ids of each record member by member, 0.15 of the floor, and two records " +
		"do not pay for what is made and remembered for each span"
)

// gateOf returns the gate of a row.
func gateOf(job, subject string) (gate, bool) {
	for _, g := range gates {
		if g.job == job && g.subject == subject {
			return g, true
		}
	}
	return gate{}, false
}

// A status says whether a row holds its gate.
type status string

const (
	ungated     status = ""
	pass        status = "pass"
	fail        status = "FAIL"
	knownToFail status = "known"
)

// judge says whether a row with these figures holds g. Ratios may exceed it by the share tolerance.
func (g gate) judge(ratio float64, allocs int, tolerance float64) status {
	if (g.ratio == 0 || ratio <= g.ratio*(1+tolerance)) && (g.allocs < 0 || allocs <= g.allocs) {
		return pass
	}
	// A known failure is a figure of one run, and runs differ, so some tolerance it always has.
	if g.known != nil {
		worst := g.known.Ratio * (1 + max(tolerance, knownTolerance))
		if (g.ratio == 0 || ratio <= max(worst, g.ratio)) && (g.allocs < 0 || allocs <= max(g.known.Allocs, g.allocs)) {
			return knownToFail
		}
	}
	return fail
}

const knownTolerance = 0.1
