package main

import (
	"math"
	"time"

	"github.com/slogtrace/slogtrace/cmd/slogtrace/internal/term"
	"github.com/slogtrace/slogtrace/tracelog/compare"
)

// A changeJSON is an element of what diff --json writes. docs/schema/diff.json explains its members.
type changeJSON struct {
	Op      string           `json:"op"`
	Path    []string         `json:"path"`
	Change  compare.Change   `json:"change"`
	Changes []compare.Change `json:"changes"`
	P       *float64         `json:"p,omitempty"`
	Q       *float64         `json:"q,omitempty"`
	Need    int              `json:"need_traces,omitempty"`
	P50     quantileJSON     `json:"p50_ms"`
	P95     quantileJSON     `json:"p95_ms"`
	P99     quantileJSON     `json:"p99_ms"`
	Queued  *quantileJSON    `json:"queued_p95_ms,omitempty"`
	Counts  countsJSON       `json:"counts"`
	Calls   pairJSON         `json:"calls"`
	Errors  pairJSON         `json:"error_rate"`
	Own     pairJSON         `json:"own_ms"`
	Share   *float64         `json:"share"`
}

// A pairJSON has a number for each side.
type pairJSON struct {
	Before float64 `json:"before"`
	After  float64 `json:"after"`
}

// A quantileJSON is a quantile of each side; null where there are no spans. Low and High are null if there are not enough traces.
type quantileJSON struct {
	Before *float64 `json:"before"`
	After  *float64 `json:"after"`
	Low    *float64 `json:"low"`
	High   *float64 `json:"high"`
	Need   int      `json:"need_traces,omitempty"`
}

type countsJSON struct {
	Traces countJSON `json:"traces"`
	Spans  countJSON `json:"spans"`
	Failed countJSON `json:"failed"`
}

type countJSON struct {
	Before int `json:"before"`
	After  int `json:"after"`
}

func (s *session) diffJSON(r *compare.Report, rows []compare.Row) error {
	list := make([]changeJSON, len(rows))
	for i := range rows {
		row := &rows[i]
		quantile := func(q compare.Quantile) quantileJSON {
			j := quantileJSON{Need: q.Need}
			if row.Spans[0] > 0 {
				j.Before = millisOf(q.Before)
			}
			if row.Spans[1] > 0 {
				j.After = millisOf(q.After)
			}
			if q.Need == 0 {
				j.Low, j.High = millisOf(q.Low), millisOf(q.High)
			}
			if r.Single {
				j.Need = 0
			}
			return j
		}
		j := changeJSON{
			Op: row.Op, Path: row.Path, Change: row.Change, Changes: append([]compare.Change{}, row.Changes...), Need: row.Need,
			P50: quantile(row.P50), P95: quantile(row.P95), P99: quantile(row.P99),
			Counts: countsJSON{countJSON{row.Traces[0], row.Traces[1]}, countJSON{row.Spans[0], row.Spans[1]}, countJSON{row.Failed[0], row.Failed[1]}},
			Calls:  pairJSON{row.Calls[0], row.Calls[1]}, Errors: pairJSON{row.Errors[0], row.Errors[1]},
			Own: pairJSON{*millisOf(row.Own[0]), *millisOf(row.Own[1])},
		}
		if row.Queues {
			q := quantile(row.Wait)
			j.Queued = &q
		}
		if !r.Single {
			j.P, j.Q = &row.P, &row.Q
		}
		if !math.IsNaN(row.Share) {
			j.Share = &row.Share
		}
		list[i] = j
	}
	return term.WriteArray(s.out, list)
}

// millisOf returns milliseconds with three decimals.
func millisOf(d time.Duration) *float64 {
	ms := math.Round(float64(d)/float64(time.Microsecond)) / 1000
	return &ms
}
