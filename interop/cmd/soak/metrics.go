package main

import (
	"bufio"
	"fmt"
	"io"
	"math"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// scrape reads the metrics of the rooms service every now and then, as Prometheus does, until done is closed.
func (s *soak) scrape(done <-chan struct{}) {
	ticker := time.NewTicker(200 * time.Millisecond)
	defer ticker.Stop()
	for {
		select {
		case <-done:
			return
		case <-ticker.C:
			if _, err := s.readMetrics(); err != nil {
				s.spans.problem("metrics: %v", err)
			}
		}
	}
}

// readMetrics returns the sums of all series of each metric that an answer has.
func (s *soak) readMetrics() (map[string]float64, error) {
	resp, err := s.scraper.Get(s.metricsURL)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("status %d", resp.StatusCode)
	}
	s.scrapes.Add(1)
	sums := map[string]float64{}
	for lines := bufio.NewScanner(resp.Body); lines.Scan(); {
		line := lines.Text()
		if strings.HasPrefix(line, "#") || line == "" {
			continue
		}
		name, _, _ := strings.Cut(line, "{")
		name, _, _ = strings.Cut(name, " ")
		value, err := strconv.ParseFloat(line[strings.LastIndexByte(line, ' ')+1:], 64)
		if err != nil {
			return nil, fmt.Errorf("%w in %.200q", err, line)
		}
		sums[name] += value
	}
	_, err = io.Copy(io.Discard, resp.Body)
	return sums, err
}

// checkMetrics compares the last answer with the account: spans of traces that are sampled count by their rate, others not.
func (s *soak) checkMetrics() {
	sums, err := s.readMetrics()
	if err != nil {
		s.problems = append(s.problems, "metrics: "+err.Error())
		return
	}
	series := s.roomsSeries
	for name, want := range map[string]float64{
		"slogtrace_spans_total":                   float64(series.sampled.Load()) / ratio,
		"slogtrace_span_duration_seconds_count":   float64(series.sampled.Load()) / ratio,
		"slogtrace_metrics_unsampled_spans_total": float64(series.saved.Load()),
	} {
		if got, ok := sums[name]; !ok || math.Abs(got-want) > 1e-9*want+1e-6 {
			s.problems = append(s.problems, fmt.Sprintf("metrics: %s is %v, want %v", name, got, want))
		}
	}
}
