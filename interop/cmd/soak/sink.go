package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strconv"
	"sync"
)

// A sink is a place where records of a series arrive, as it is seen there: in a file or by a receiver.
type sink struct {
	name       string
	series     *series
	behindTail bool // it does not get what the tail handler drops

	seen    bitmap
	again   bitmap // may come again: the receiver broke the connection after it had taken them
	refused bitmap // the receiver said that it does not take them

	mu       sync.Mutex
	refusals map[string]uint64 // records, by the reason that the handler should count
	arrived  uint64            // records, each as often as it came
	repeated uint64            // came again, and may have
	bytes    uint64
	problems []string // the first ones; any is a failure
	more     int
}

func newSink(name string, s *series, behindTail bool) *sink {
	return &sink{
		name: name, series: s, behindTail: behindTail, refusals: map[string]uint64{},
		seen: newBitmap(s.room), again: newBitmap(s.room), refused: newBitmap(s.room),
	}
}

func (s *sink) nextLap() {
	s.seen.reset()
	s.again.reset()
	s.refused.reset()
}

// problem notes what must not happen.
func (s *sink) problem(format string, args ...any) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.problems) < 20 {
		s.problems = append(s.problems, s.name+": "+fmt.Sprintf(format, args...))
	} else {
		s.more++
	}
}

// secret is in values that redaction must replace.
const secret = "hunter2"

var (
	lineNumber = []byte(`"` + numberKey + `":`)
	otlpNumber = []byte(`{"key":"` + numberKey + `","value":{"intValue":"`)
	otlpSpan   = []byte(`"startTimeUnixNano":`)
	otlpLog    = []byte(`"observedTimeUnixNano":`)
	secretText = []byte(secret)
)

// lines returns the numbers of lines of JSON. Each must be whole and have exactly one.
func (s *sink) lines(text []byte, numbers []int) []int {
	for line := range bytes.Lines(text) {
		body := bytes.TrimSuffix(line, []byte("\n"))
		if len(body) == len(line) || len(body) == 0 || body[0] != '{' || !json.Valid(body) {
			s.problem("torn line: %.200q", line)
			continue
		}
		before := len(numbers)
		if numbers = s.find(body, lineNumber, numbers); len(numbers) != before+1 {
			s.problem("want one number in a line, got %d: %.200q", len(numbers)-before, line)
		}
	}
	return numbers
}

// otlp returns the numbers of a request.
func (s *sink) otlp(body []byte, numbers []int) []int {
	if !json.Valid(body) {
		s.problem("a request that is no JSON: %.200q", body)
		return numbers
	}
	records := bytes.Count(body, otlpSpan) + bytes.Count(body, otlpLog)
	if numbers = s.find(body, otlpNumber, numbers); len(numbers) != records {
		s.problem("want one number in each of %d records, got %d: %.200q", records, len(numbers), body)
	}
	return numbers
}

// find appends the numbers behind each key, as indexes of this lap.
func (s *sink) find(text, key []byte, numbers []int) []int {
	if bytes.Contains(text, secretText) {
		s.problem("a secret: %.200q", text)
	}
	for {
		i := bytes.Index(text, key)
		if i < 0 {
			return numbers
		}
		text = text[i+len(key):]
		end := 0
		for end < len(text) && '0' <= text[end] && text[end] <= '9' {
			end++
		}
		n, err := strconv.ParseUint(string(text[:end]), 10, 64)
		if index := n - s.series.base - 1; err == nil && n > s.series.base && index < uint64(s.series.room) {
			numbers = append(numbers, int(index))
		} else {
			s.problem("a record of another lap: %.20q", text)
		}
	}
}

// take notes records that have arrived. repeats says that they may come again.
func (s *sink) take(numbers []int, size int, repeats bool) {
	repeated := 0
	for _, i := range numbers {
		if s.refused.has(i) {
			s.problem("number %d arrived after it was refused", s.series.base+uint64(i)+1)
		}
		if s.seen.set(i) {
			if !s.again.has(i) {
				s.problem("number %d is there twice", s.series.base+uint64(i)+1)
			}
			repeated++
		}
		if repeats {
			s.again.set(i)
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.arrived += uint64(len(numbers))
	s.repeated += uint64(repeated)
	s.bytes += uint64(size)
}

// refuse notes records that are not taken.
func (s *sink) refuse(numbers []int, reason string) {
	for _, i := range numbers {
		s.refused.set(i)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.refusals[reason] += uint64(len(numbers))
}

// came reports whether some of the records have been here before: it is a batch that is sent again.
func (s *sink) came(numbers []int) bool {
	for _, i := range numbers {
		if s.seen.has(i) {
			return true
		}
	}
	return false
}
