package tracelog

import "slices"

// peerKeys are the attributes that name the service a client called, the plainest first.
var peerKeys = [...]string{
	"peer.service", "server.address", "net.peer.name", "http.host", "rpc.service",
	"db.namespace", "db.system.name", "db.system", "messaging.destination.name", "messaging.system",
}

// Peer returns the service that a span of kind client or producer called. It is the service of the span there, if
// that is in the trace, else the value of one of the span's attributes, under OpenTelemetry's names. It is "" for
// other spans, and if nothing is known.
func (s *Span) Peer() string {
	if s.Kind != "client" && s.Kind != "producer" {
		return ""
	}
	for _, c := range s.Children {
		if c.Service != "" && c.Service != s.Service && (c.Kind == "server" || c.Kind == "consumer") {
			return c.Service
		}
	}
	for _, key := range peerKeys {
		for _, a := range s.Attrs {
			if a.Key == key && len(a.Value) > 0 && a.Value[0] == '"' {
				if text := a.Text(); text != "" {
					return text
				}
			}
		}
	}
	return ""
}

// PeerKeys returns the keys of the attributes that [Span.Peer] reads. A program that keeps only some attributes of spans
// must keep these for Peer to work.
func PeerKeys() []string { return slices.Clone(peerKeys[:]) }
