package tracetest

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"log/slog"
	"slices"
	"sync"
	"time"

	"github.com/slogtrace/slogtrace"
)

// An output is the writer of a handler.
type output struct {
	mu      sync.Mutex
	buf     bytes.Buffer
	writing bool
	overlap bool // Write was called during another call
	slow    int  // number of calls of Write that let others in between
	full    bool
}

const maxOutput = 4 << 20

func (o *output) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.writing {
		o.overlap = true
	}
	if o.full = o.full || o.buf.Len()+len(p) > maxOutput; o.full {
		return 0, io.ErrShortWrite
	}
	if o.slow > 0 {
		o.slow--
		o.writing = true
		o.mu.Unlock()
		time.Sleep(10 * time.Microsecond)
		o.mu.Lock()
		o.writing = false
	}
	return o.buf.Write(p)
}

// patience limits the time that a handler may take for a few records.
const patience = 20 * time.Second

// session calls f with a new handler and returns the lines that it wrote. code is the code of f, for a violation.
// It returns nil if the handler panics or does not return.
func (k *checker) session(code string, f func(slog.Handler)) []object {
	return k.sessionTo(new(output), ruleLines, code, f)
}

func (k *checker) sessionTo(out *output, lineRule, code string, f func(slog.Handler)) []object {
	if k.stopped {
		return nil
	}
	if failure := k.guard(func() {
		h := k.newHandler(out)
		if h == nil {
			panic("newHandler returned nil")
		}
		f(h)
	}); failure != "" {
		k.report(problem{rule: ruleReturns, what: failure}, code)
		return nil
	}
	out.mu.Lock()
	defer out.mu.Unlock()
	if out.full {
		k.report(problem{rule: ruleLines, what: "the handler writes without end"}, code)
		k.stopped = true
		return nil
	}
	return k.parse(out.buf.Bytes(), lineRule, code)
}

// guard calls f. If f does not return, failure describes why.
func (k *checker) guard(f func()) (failure string) {
	done := make(chan string, 1)
	go func() {
		failure := "the handler ended the goroutine"
		defer func() {
			if p := recover(); p != nil {
				failure = fmt.Sprintf("the handler panicked: %v", p)
			}
			done <- failure
		}()
		f()
		failure = ""
	}()
	timer := time.NewTimer(patience)
	defer timer.Stop()
	select {
	case failure := <-done:
		return failure
	case <-timer.C:
		k.stopped = true // it would not return the next time either
		return fmt.Sprintf("the handler did not return within %v", patience)
	}
}

// parse returns the lines of b that are JSON objects. If there are none, it returns an empty slice, not nil.
// It reports other lines as violations of rule.
func (k *checker) parse(b []byte, rule, code string) []object {
	lines := []object{}
	bad := func(what string, line []byte) {
		if len(line) > maxShown {
			line = line[:maxShown]
		}
		k.report(problem{rule: rule, what: what, want: "one JSON object and a newline for each record"}, fmt.Sprintf("%s\n\tgot  %q", code, line))
	}
	for len(b) > 0 {
		line, rest, found := bytes.Cut(b, []byte("\n"))
		b = rest
		if !found {
			bad("a line has no newline at its end", line)
		}
		o, err := parseLine(line)
		if err != nil {
			bad("a line is "+err.Error(), line)
			continue
		}
		lines = append(lines, o)
	}
	return lines
}

// withMessage returns the lines with the message msg.
func (k *checker) withMessage(lines []object, msg string) (found []object) {
	for _, o := range lines {
		for _, m := range o {
			if m.value == any(msg) && (len(k.names.message) == 0 || slices.Contains(k.names.message, m.key)) {
				found = append(found, o)
				break
			}
		}
	}
	return found
}

// A scene is a context to log under.
type scene struct {
	about string                                                 // a comment about ctx; "" in the normal case, a span
	enter func(slog.Handler) (ctx context.Context, leave func()) // spans are reported to the handler
}

const opName = "work"

// inSpan is in a span that is not a root: some handlers write the id of a root twice, as ECS's transaction.id.
var inSpan = scene{"", func(h slog.Handler) (context.Context, func()) {
	ctx, root := slogtrace.NewTracer(h, nil).Start(context.Background(), "root")
	ctx, span := slogtrace.Start(ctx, opName)
	return ctx, func() { span.End(); root.End() }
}}

var outside = scene{"ctx is outside any trace", func(slog.Handler) (context.Context, func()) {
	return context.Background(), func() {}
}}

func (s scene) comment(code string) string {
	if s.about == "" {
		return code
	}
	return code + " // " + s.about
}

// A place is what the ids of a line must be.
type place struct {
	slogtrace.SpanContext
	op    string
	names *names
}

func (k *checker) placeOf(ctx context.Context) place {
	at := place{slogtrace.SpanContextFromContext(ctx), slogtrace.SpanFromContext(ctx).Op(), &k.names}
	k.mu.Lock()
	defer k.mu.Unlock()
	label := func(what string, forms []string) {
		if at.op == "" {
			what = "<remote " + what + ">"
		} else {
			what = "<" + what + " of " + at.op + ">"
		}
		for _, s := range forms {
			if _, ok := k.labels[s]; !ok {
				k.labels[s] = what
			}
		}
	}
	label("trace", traceForms(at.TraceID))
	label("span", spanForms(at.SpanID))
	return at
}

// play runs p in a scene and returns its lines. ok is false if there are more or fewer than there should be.
func (k *checker) play(s scene, p program) (lines []object, at place, ok bool) {
	return k.playOn(s, p, p.String(), func(h slog.Handler) slog.Handler { return h })
}

// playOn is play with handlers around the handler, as in code.
func (k *checker) playOn(s scene, p program, code string, wrap func(slog.Handler) slog.Handler) (lines []object, at place, ok bool) {
	code = s.comment(code)
	var there place
	lines = k.session(code, func(h slog.Handler) {
		h = wrap(h)
		ctx, leave := s.enter(h)
		there = k.placeOf(ctx)
		p.run(ctx, h)
		leave()
	})
	if lines == nil {
		return nil, at, false // the handler may still be running
	}
	at = there
	times := max(p.times, 1)
	found := k.withMessage(lines, recordMessage)
	if len(found) != times {
		var got object
		if len(found) > times {
			got = found[len(found)-1]
		} else if len(lines) > 0 {
			got = lines[0]
		}
		k.report(problem{ruleLines, fmt.Sprintf("lines with the message at the root: got %d, want %d", len(found), times), "", got}, code)
		return nil, at, false
	}
	return found, at, true
}

// spanMarker is in span records, where lines of spans must be told from others.
const spanMarker = "tracetest-span-record"
