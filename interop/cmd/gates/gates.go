package main

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
)

var gates = []gate{
	{"J1", ownInfo, 0.62, 0, &known{0.71, 0, half}},
	{"J1", ownAttrs, 0.56, 0, &known{0.70, 0, half}},
	{"J1", wrapInfo, 1.40, 0, nil},
	{"J1", wrapAttr, 1.40, 0, nil},

	{"J1g", ownInfo, 0.65, 0, &known{0.70, 0, half}},
	{"J1g", ownAttrs, 0.65, 0, &known{0.69, 0, half}},
	{"J1g", wrapInfo, 1.05, -1, &known{1.08, 0, found}},
	{"J1g", wrapAttr, 1.05, -1, &known{1.09, 0, found}},
	{"J1gf", wrapInfo, 2.00, -1, &known{2.95, 0, rebound}},
	{"J1gf", wrapAttr, 2.00, -1, &known{3.15, 0, rebound}},

	{"J2", own, 0.50, 2, &known{1.00, 2, "a fifth is the collection of 272 bytes an op, and a fifth are the two readings of the clock"}},
	{"J2", wrap, 1.25, 3, &known{2.65, 6, "what is added is a group that is made for each end, and that slog formats member by member"}},

	{"J3", "slogtrace", 0.35, 3, &known{0.80, 5, "the remote parent takes three of the allocations, and the collection of 352 bytes an op a third of the time"}},
	{"J3j", "slogtrace.Carrier", 1.15, -1, nil},

	{"J4", ownInfo, 0.62, -1, &known{0.72, 0, parts}},
	{"J4", ownAttrs, 0.54, 10, &known{0.70, 14, parts}},
	{"J4", wrapInfo, 1.40, -1, &known{2.10, 0, thrice}},
	{"J4", wrapAttr, 1.40, -1, &known{2.20, 0, thrice}},

	{"disabled", own, 1.05, 0, nil},
	{"disabled", wrap, 1.05, 0, &known{1.09, 0, "it asks the inner handler: one more call through an interface, of 0.7 ns"}},
}

// What profiles show of what does not hold yet.
const (
	half    = "slog.Logger itself is half of the row; of the handler's half a fifth looks for reserved keys, and most of the rest writes strings"
	found   = "each attribute is looked at, whether its key is reserved, and the handler bound for the span is looked up"
	rebound = "two fifths of Handler.Handle bind the logger's group and attributes anew in each span"
	parts   = "as J1 and J2: the records are half of the row, the ends a quarter, the starts a sixth"
	thrice  = "for each span something is made and bound that its three records are too few to pay for: 60 of the 74 allocations"
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
