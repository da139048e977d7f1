package main

import (
	"fmt"
	"slices"
)

// merge returns committed with the jobs of r in place of its own, each with its origin. order names all jobs there are.
// It fails if the two were measured with different versions of a peer: the table has one version of each.
func (r *result) merge(committed *result, order []string) (*result, error) {
	m := *committed
	m.Peers = r.Peers
	for _, before := range committed.Peers {
		i := slices.IndexFunc(r.Peers, func(p peerResult) bool { return p.Name == before.Name })
		if i >= 0 && !slices.Equal(r.Peers[i].Modules, before.Modules) {
			return nil, fmt.Errorf("-merge: %s: want the versions %v of the other rows, got %v", before.Name, before.Modules, r.Peers[i].Modules)
		}
	}
	// What is known of a handler is as new as its rows.
	m.Handlers = slices.Clone(committed.Handlers)
	for _, h := range r.Handlers {
		if !slices.ContainsFunc(m.Handlers, func(b handlerResult) bool { return b.Name == h.Name }) {
			m.Handlers = append(m.Handlers, h)
		}
	}
	m.Jobs = nil
	for _, name := range order {
		named := func(j jobResult) bool { return j.Name == name }
		if i := slices.IndexFunc(r.Jobs, named); i >= 0 {
			j := r.Jobs[i]
			j.Origin = &r.origin
			m.Jobs = append(m.Jobs, j)
		} else if i := slices.IndexFunc(committed.Jobs, named); i >= 0 {
			m.Jobs = append(m.Jobs, committed.Jobs[i])
		}
	}
	return &m, nil
}
