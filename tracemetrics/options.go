package tracemetrics

import (
	"cmp"
	"math"
	"slices"
	"strings"
	"time"
)

// Options are options for [NewHandler]. The zero value means the defaults.
type Options struct {
	// Labels are the labels that a series has besides op and kind. Nil: those of [DefaultLabels]. Empty, but not nil: none.
	Labels []Label

	MaxOps    int // different values of the label op, at most; default 500
	MaxSeries int // series, which are combinations of label values, at most; default 2,000

	// Buckets are the upper bounds of the buckets of durations, in seconds. Nil: 0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5,
	// 0.75, 1, 2.5, 5, 7.5 and 10, those of OpenTelemetry's http.server.request.duration.
	// Bounds that are not greater than 0 and finite are left out. +Inf is always there.
	Buckets []float64

	// QueueBuckets are the same for the time that work waited in a queue. Nil: 0.01, 0.1, 0.5, 1, 5, 10, 30, 60, 300, 900, 3,600,
	// 21,600 and 86,400.
	QueueBuckets []float64

	// Timeouts are values of error.type that mean a timeout, besides "timeout", "504" of HTTP, "DEADLINE_EXCEEDED" of gRPC
	// and "57014" of PostgreSQL.
	Timeouts []string

	// NoExemplars leaves out the exemplars. They need 40 bytes for each bucket of a series.
	NoExemplars bool
}

// A Label makes a label of an attribute of spans, of the logger that they are written with, or of slogtrace.With or the baggage.
// If several have the attribute, the span's own counts, then the logger's.
type Label struct {
	Attr string // the attribute's key, such as "http.route". Keys in groups have the groups' names and dots before them
	Name string // the label's name; "": Attr with underscores in place of what no name may have, such as "http_route"
	Max  int    // different values, at most; default 100. All others become "_OTHER"

	// Kind, such as "client", lets only spans of that kind have the label. "internal" is the kind of spans without one.
	// "": all spans.
	Kind string
}

// DefaultLabels returns the labels of a Handler whose [Options.Labels] are nil. Those of HTTP, databases and messaging are attributes
// of OpenTelemetry's semantic conventions, as tracehttp and tracesql set them:
//
//	service                     the program's name, bound to the logger
//	http.route                  of a request
//	server.address              of client spans only: a stranger chooses that of a server span
//	db.system.name              such as postgresql, redis
//	db.operation.name           such as SELECT
//	messaging.destination.name  the queue
//	task                        the type of a background task
//	webhook                     the type of a webhook
//
// The slice is yours. Append to it to have more labels.
func DefaultLabels() []Label {
	return []Label{
		{Attr: "service"},
		{Attr: "http.route"},
		{Attr: "server.address", Kind: "client"},
		{Attr: "db.system.name"},
		{Attr: "db.operation.name"},
		{Attr: "messaging.destination.name"},
		{Attr: "task"},
		{Attr: "webhook"},
	}
}

const (
	defaultMaxOps    = 500
	defaultMaxSeries = 2000
	defaultMaxValues = 100
	maxErrorTypes    = 50 // different values of error_type
	maxBreakers      = 100
	maxBounds        = 100

	// maxText limits a label's value, in bytes. Longer ones are cut.
	maxText = 128

	// overflow is the value of a label that has too many others. OpenTelemetry's conventions have it for methods of HTTP.
	overflow = "_OTHER"
)

var (
	defaultBuckets      = []float64{0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10}
	defaultQueueBuckets = []float64{0.01, 0.1, 0.5, 1, 5, 10, 30, 60, 300, 900, 3600, 21600, 86400}
	defaultTimeouts     = []string{timeout, "504", "DEADLINE_EXCEEDED", "57014"}
)

// Attributes that are not labels. A span of a call through a circuit breaker has the last two.
const (
	errorTypeKey    = "error.type"
	breakerNameKey  = "circuit_breaker.name"
	breakerStateKey = "circuit_breaker.state"
)

// Names of labels that are not attributes.
const (
	opLabel        = "op"
	kindLabel      = "kind"
	outcomeLabel   = "outcome"
	errorTypeLabel = "error_type"
	breakerLabel   = "circuit_breaker_name"
	leLabel        = "le"

	seriesLimit = "series" // in place of a label's name, the limit of all series
)

// bounds are the upper bounds of buckets. The last bucket has none.
type bounds struct {
	seconds []float64
	limits  []time.Duration // the same
}

// newBounds returns the valid ones of list in order, each once, or those of def if there is none.
func newBounds(list, def []float64) bounds {
	list = slices.DeleteFunc(slices.Clone(list), func(s float64) bool {
		return !(s > 0) || s > math.MaxInt64/float64(time.Second)/2
	})
	if len(list) == 0 {
		list = def
	}
	list = slices.Clone(list)
	slices.Sort(list)
	list = slices.Compact(list)
	list = list[:min(len(list), maxBounds)]
	b := bounds{seconds: list}
	for _, s := range list {
		b.limits = append(b.limits, time.Duration(math.Round(s*float64(time.Second))))
	}
	return b
}

// bucket returns the index of d's bucket. A bound belongs to the bucket below it.
func (b *bounds) bucket(d time.Duration) int {
	i := 0
	for i < len(b.limits) && d > b.limits[i] {
		i++
	}
	return i
}

// withDefaults returns copies of labels, with a valid name that no other label has, and a limit.
func withDefaults(labels []Label) []Label {
	if labels == nil {
		labels = DefaultLabels()
	}
	taken := []string{opLabel, kindLabel, outcomeLabel, errorTypeLabel, leLabel, breakerLabel, seriesLimit}
	out := make([]Label, 0, len(labels))
	for _, l := range labels {
		l.Name = labelName(cmp.Or(l.Name, l.Attr))
		for slices.Contains(taken, l.Name) {
			l.Name = "attr_" + l.Name
		}
		taken = append(taken, l.Name)
		if l.Max <= 0 {
			l.Max = defaultMaxValues
		}
		if l.Kind == internalKind {
			l.Kind = noKind
		} else if l.Kind == "" {
			l.Kind = anyKind
		}
		out = append(out, l)
	}
	return out
}

// Kinds of a Label in a Handler.
const (
	internalKind = "internal" // in labels and options
	noKind       = ""         // in a SpanInfo
	anyKind      = "*"
)

// labelName returns text as the name of a label: letters, digits and underscores, not a digit first
// (Prometheus, "Metric names and labels"). Names that begin with two underscores are Prometheus's own.
func labelName(text string) string {
	name := strings.Map(func(r rune) rune {
		if r == '_' || '0' <= r && r <= '9' || 'a' <= r && r <= 'z' || 'A' <= r && r <= 'Z' {
			return r
		}
		return '_'
	}, text)
	if name == "" || strings.HasPrefix(name, "__") || '0' <= name[0] && name[0] <= '9' {
		name = "attr_" + name
	}
	return name
}
