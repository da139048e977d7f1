package tracetest

// The names of the rules, in the order of CheckHandler's doc.
const (
	ruleReturns      = "returns"
	ruleLines        = "lines"
	ruleSlogtest     = "slogtest"
	ruleIDs          = "ids"
	ruleOp           = "op"
	ruleOutside      = "outside a trace"
	ruleDerived      = "derived loggers"
	ruleRoot         = "ids at the root"
	ruleDuplicates   = "duplicate keys"
	ruleAttributes   = "attributes"
	ruleInlineGroups = "inline groups"
	ruleBuiltins     = "built-ins"
	ruleCurrentSpan  = "current span"
	ruleUnsampled    = "unsampled"
	ruleRemoteParent = "remote parent"
	ruleColliding    = "colliding keys"
	ruleSiblings     = "siblings"
	ruleRecord       = "record left alone"
	ruleConcurrent   = "concurrent use"
	ruleSpanRecords  = "span records"
	ruleNested       = "nested"
	ruleWith         = "With"
)

var rules = []string{
	ruleReturns, ruleLines, ruleSlogtest, ruleIDs, ruleOp, ruleOutside, ruleDerived, ruleRoot, ruleDuplicates,
	ruleAttributes, ruleInlineGroups, ruleBuiltins, ruleCurrentSpan, ruleUnsampled, ruleRemoteParent, ruleColliding,
	ruleSiblings, ruleRecord, ruleConcurrent, ruleSpanRecords, ruleNested, ruleWith,
}
