package tracelog

import "testing"

// The peer of a producer is its consumer.
func TestPeerOfProducer(t *testing.T) {
	s := &Span{Kind: "producer", Service: "api", Children: []*Span{{Kind: "consumer", Service: "worker"}}}
	if got := s.Peer(); got != "worker" {
		t.Errorf("%q", got)
	}
	s.Children[0].Service = "api"
	if got := s.Peer(); got != "" {
		t.Errorf("%q", got)
	}
}
