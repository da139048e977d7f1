package redact

import "log/slog"

// What the tests of package redact_test need, which log through handlers.
const MaxDepth = maxDepth

var (
	TooDeep  = tooDeep
	JSONIsV2 = jsonIsV2
)

// NewRedactor is New with the replacement that is the default of handlers.
func NewRedactor(opts Options) *Redactor {
	if opts.Replacement == "" {
		opts.Replacement = "[redacted]"
	}
	return New(opts)
}

// Rewrite returns v as a rewriter writes it, and whether anything was replaced.
func (x *Redactor) Rewrite(v any, guided bool) (clean slog.Value, changed bool) {
	return x.rewrite(v, guided, Shown, 0)
}
