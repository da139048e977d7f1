package tracelog

import (
	"cmp"
	"slices"
	"strings"
	"time"
)

// A CallMap collects which service calls which other one, database, queue or host, and how that went. The zero value is empty.
// It is not safe for concurrent use.
//
// A call is counted once: by the client's span if there is one, as the caller sees it, else by the span of the service called. Work
// that waited, in a queue or for a webhook, is an edge with its wait, even within one service. A call is weighted by its span's Weight.
type CallMap struct {
	// Traces is how many traces were added, Unknown how many client spans name nothing that they called, and Dropped how many
	// calls were left out because there are too many edges.
	Traces, Unknown, Dropped int

	edges map[edgeKey]*CallEdge
	path  float64 // of all critical paths, in nanoseconds
}

// A CallNode is an end of an edge. The zero CallNode is whatever calls from outside: the beginning of traces.
type CallNode struct {
	Name string
	Kind string // "service", "database", "queue" or "host"
}

// A CallEdge is calls from one node to another.
type CallEdge struct {
	From, To CallNode
	Kind     string // "entry", "call", "queue" or "webhook"

	// Calls has the durations and failures of calls that have ended, and Wait how long those waited that say so.
	Calls, Wait Stat

	// Open is how many calls have not ended.
	Open int

	// Share is the part of all critical paths that the calls took, without calls that they made themselves. The shares of all edges
	// add up to 1, unless calls were dropped.
	Share float64

	path float64
}

type edgeKey struct {
	from, to CallNode
	kind     string
}

// maxEdges limits the edges of a CallMap.
const maxEdges = 1000

// Add adds a trace.
func (m *CallMap) Add(t *Trace) {
	m.Traces++
	if m.edges == nil {
		m.edges = make(map[edgeKey]*CallEdge)
	}
	below := make(map[*Span]*CallEdge) // the edge by which the work at a span was reached
	service := make(map[*Span]string)
	for _, s := range t.All() {
		service[s] = s.Service
		if s.Service == "" && s.Parent != nil {
			service[s] = service[s.Parent]
		}
		if s.Parent != nil {
			below[s] = below[s.Parent]
		}
		if e := m.reached(s, service); e != nil {
			below[s] = e
		}
		if e := m.calls(s, service); e != nil {
			below[s] = e
		}
	}
	for _, seg := range CriticalPath(t) {
		took := float64(seg.End.Sub(seg.Start)) * seg.Span.Weight
		m.path += took
		if e := below[seg.Span]; e != nil {
			e.path += took
		}
	}
}

// reached adds the edge by which the work at a span began, if it began somewhere else or waited.
func (m *CallMap) reached(s *Span, service map[*Span]string) *CallEdge {
	p := s.Parent
	to := serviceNode(service[s])
	switch {
	case s.External:
		return nil
	case s.Kind == "consumer" || p != nil && (p.Kind == "producer" || s.Queued > 0):
		kind := "queue"
		if s.Kind == "server" {
			kind = "webhook"
		}
		from := CallNode{}
		if name := queueName(s); name != "" && kind == "queue" {
			from = CallNode{name, "queue"}
		} else if p != nil {
			from = serviceNode(service[p])
			if name := queueName(p); name != "" && kind == "queue" && p.Kind == "producer" {
				from = CallNode{name, "queue"}
			}
		}
		return m.add(from, to, kind, s)
	case p == nil || p.External:
		return m.add(CallNode{}, to, "entry", s)
	case service[s] != service[p] && p.Kind != "client":
		return m.add(serviceNode(service[p]), to, "call", s)
	}
	return nil // called by a client, which is counted
}

// calls adds the edge of a client or producer span.
func (m *CallMap) calls(s *Span, service map[*Span]string) *CallEdge {
	from := serviceNode(service[s])
	switch s.Kind {
	case "producer":
		if name := queueName(s); name != "" {
			return m.add(from, CallNode{name, "queue"}, "queue", s)
		}
		return nil // its consumers have edges
	case "client":
		for _, c := range s.Children {
			if c.Service != "" && c.Service != service[s] {
				return m.add(from, serviceNode(c.Service), "call", s)
			}
		}
		to := calledNode(s)
		if to.Name == "" {
			m.Unknown++
			return nil
		}
		return m.add(from, to, "call", s)
	}
	return nil
}

func (m *CallMap) add(from, to CallNode, kind string, s *Span) *CallEdge {
	key := edgeKey{from, to, kind}
	e := m.edges[key]
	if e == nil {
		if len(m.edges) >= maxEdges {
			m.Dropped++
			return nil
		}
		e = &CallEdge{From: cloneNode(from), To: cloneNode(to), Kind: kind}
		m.edges[edgeKey{e.From, e.To, kind}] = e
	}
	if s.State == Ended {
		e.Calls.Add(s.Duration, s.Failed, s.Weight)
	} else {
		e.Open++
	}
	if s.Queued > 0 && kind != "entry" {
		e.Wait.Add(s.Queued, false, s.Weight)
	}
	return e
}

// cloneNode returns n without a reference to the trace.
func cloneNode(n CallNode) CallNode { return CallNode{strings.Clone(n.Name), n.Kind} }

func serviceNode(name string) CallNode { return CallNode{cmp.Or(name, "(no service)"), "service"} }

// calledNode returns what a client called, by its attributes.
func calledNode(s *Span) CallNode {
	if system := textOf(s, "db.system.name", "db.system"); system != "" || textOf(s, "db.namespace", "db.name") != "" {
		name := strings.TrimSpace(system + " " + textOf(s, "db.namespace", "db.name"))
		return CallNode{name, "database"}
	}
	if name := queueName(s); name != "" {
		return CallNode{name, "queue"}
	}
	return CallNode{s.Peer(), "host"}
}

func queueName(s *Span) string { return textOf(s, "messaging.destination.name", "messaging.system") }

// textOf returns the first of a span's attributes under these keys that is a text and not empty.
func textOf(s *Span, keys ...string) string {
	for _, key := range keys {
		for _, a := range s.Attrs {
			if a.Key == key && len(a.Value) > 2 && a.Value[0] == '"' {
				return a.Text()
			}
		}
	}
	return ""
}

// Edges returns the edges, those with the greatest share of time first.
func (m *CallMap) Edges() []*CallEdge {
	var list []*CallEdge
	for _, e := range m.edges {
		e.Share = 0
		if m.path > 0 {
			e.Share = e.path / m.path
		}
		list = append(list, e)
	}
	slices.SortFunc(list, func(a, b *CallEdge) int {
		return cmp.Or(cmp.Compare(b.Share, a.Share), cmp.Compare(b.total(), a.total()),
			compareNodes(a.From, b.From), compareNodes(a.To, b.To), strings.Compare(a.Kind, b.Kind))
	})
	return list
}

func compareNodes(a, b CallNode) int {
	return cmp.Or(strings.Compare(a.Name, b.Name), strings.Compare(a.Kind, b.Kind))
}

func (e *CallEdge) total() time.Duration { return e.Calls.Sum() }
