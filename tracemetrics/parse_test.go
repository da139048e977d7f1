package tracemetrics

import (
	"fmt"
	"maps"
	"math"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"
)

// This file reads both formats, as strictly as their descriptions allow. It has nothing in common with the code that writes them.

type parsedFamily struct {
	name, kind, unit, help string
	samples                []parsedSample
}

type parsedSample struct {
	name     string
	labels   map[string]string
	value    float64
	text     string // the value as it was written
	exemplar *parsedExemplar
}

type parsedExemplar struct {
	labels      map[string]string
	value, time float64
}

func (s *parsedSample) id() string {
	id := s.name
	for _, name := range slices.Sorted(maps.Keys(s.labels)) {
		if s.labels[name] != "" { // the same as no label
			id += fmt.Sprintf(",%s=%q", name, s.labels[name])
		}
	}
	return id
}

var (
	parsedName  = regexp.MustCompile(`^[a-zA-Z_:][a-zA-Z0-9_:]*$`)
	parsedLabel = regexp.MustCompile(`^[a-zA-Z_][a-zA-Z0-9_]*$`)
	parsedValue = regexp.MustCompile(`^(?:[+-]?[0-9]+(?:\.[0-9]+)?(?:e[+-]?[0-9]+)?|[+-]Inf|NaN)$`)
)

// parse reads an answer: OpenMetrics 1.0 if open, else text 0.0.4.
func parse(text string, open bool) (families []parsedFamily, err error) {
	if !utf8.ValidString(text) {
		return nil, fmt.Errorf("not UTF-8")
	}
	if open {
		var ok bool
		if text, ok = strings.CutSuffix(text, "# EOF\n"); !ok {
			return nil, fmt.Errorf("no # EOF at the end")
		}
	}
	if !strings.HasSuffix(text, "\n") {
		return nil, fmt.Errorf("the last line does not end")
	}
	var family *parsedFamily
	names, series := map[string]bool{}, map[string]bool{}
	for i, line := range strings.Split(strings.TrimSuffix(text, "\n"), "\n") {
		fail := func(format string, args ...any) ([]parsedFamily, error) {
			return nil, fmt.Errorf("line %d, %q: %s", i+1, line, fmt.Sprintf(format, args...))
		}
		if comment, ok := strings.CutPrefix(line, "# "); ok {
			word, rest, _ := strings.Cut(comment, " ")
			name, rest, ok := strings.Cut(rest, " ")
			switch {
			case !ok || !parsedName.MatchString(name):
				return fail("want # WORD NAME TEXT")
			case word == "HELP":
				if names[name] {
					return fail("the second family of this name")
				}
				names[name] = true
				families = append(families, parsedFamily{name: name, help: rest})
				family = &families[len(families)-1]
			case family == nil || family.name != name || len(family.samples) > 0:
				return fail("not directly after its HELP")
			case word == "TYPE" && family.kind == "" && slices.Contains([]string{"counter", "gauge", "histogram"}, rest):
				family.kind = rest
			case word == "UNIT" && open && family.unit == "" && strings.HasSuffix(name, "_"+rest):
				family.unit = rest
			default:
				return fail("not known here")
			}
			continue
		}
		s, err := parseSample(line, open)
		if err != nil {
			return fail("%v", err)
		}
		if family == nil || family.kind == "" {
			return fail("no family")
		}
		suffixes := map[string][]string{"gauge": {""}, "counter": {""}, "histogram": {"_bucket", "_sum", "_count"}}[family.kind]
		if family.kind == "counter" && open {
			suffixes = []string{"_total"}
		}
		suffix, ok := strings.CutPrefix(s.name, family.name)
		if !ok || !slices.Contains(suffixes, suffix) {
			return fail("not a name of the family %s", family.name)
		}
		if family.kind != "gauge" && !(s.value >= 0 && s.value < math.Inf(1)) {
			return fail("the value")
		}
		if s.exemplar != nil && suffix != "_bucket" && suffix != "_total" {
			return fail("an exemplar")
		}
		if series[s.id()] {
			return fail("the second sample of %s", s.id())
		}
		series[s.id()] = true
		family.samples = append(family.samples, *s)
	}
	for i := range families {
		if families[i].kind == "histogram" {
			if err := families[i].checkHistogram(open); err != nil {
				return nil, err
			}
		}
	}
	return families, nil
}

// checkHistogram checks that the samples of each histogram are together, in order, and fit together.
func (f *parsedFamily) checkHistogram(open bool) error {
	for list := f.samples; len(list) > 0; {
		labels := maps.Clone(list[0].labels)
		delete(labels, "le")
		last, count, at := math.Inf(-1), 0.0, 0
		for ; at < len(list) && list[at].name == f.name+"_bucket"; at++ {
			s := &list[at]
			text := s.labels["le"]
			le, err := strconv.ParseFloat(text, 64)
			own := maps.Clone(s.labels)
			delete(own, "le")
			switch {
			case err != nil || !(le > last) || s.value < count || !maps.Equal(own, labels):
				return fmt.Errorf("%s: bucket %d", s.id(), at)
			case open && !strings.ContainsAny(text, ".eI"):
				return fmt.Errorf("%s: le is not canonical", s.id())
			case open && !regexp.MustCompile(`^[0-9]+$`).MatchString(s.text):
				return fmt.Errorf("%s: %s is no integer", s.id(), s.text)
			case s.exemplar != nil && (s.exemplar.value > le+1e-9 || s.exemplar.value < last-1e-9):
				return fmt.Errorf("%s: the exemplar is not in the bucket", s.id())
			}
			last, count = le, s.value
		}
		if !math.IsInf(last, 1) || len(list) < at+2 || list[at].name != f.name+"_sum" || list[at+1].name != f.name+"_count" ||
			list[at+1].value != count || !maps.Equal(list[at].labels, labels) || !maps.Equal(list[at+1].labels, labels) {
			return fmt.Errorf("%s: the end of its histogram", list[0].id())
		}
		list = list[at+2:]
	}
	return nil
}

func parseSample(line string, open bool) (*parsedSample, error) {
	s := &parsedSample{}
	at := strings.IndexAny(line, "{ ")
	if at < 0 || !parsedName.MatchString(line[:at]) {
		return nil, fmt.Errorf("no name")
	}
	s.name = line[:at]
	rest, err := line[at:], error(nil)
	if s.labels, rest, err = parseLabels(rest); err != nil {
		return nil, err
	}
	rest, ok := strings.CutPrefix(rest, " ")
	value, rest, more := strings.Cut(rest, " ")
	if !ok || !parsedValue.MatchString(value) {
		return nil, fmt.Errorf("no value")
	}
	s.text = value
	s.value, _ = strconv.ParseFloat(value, 64)
	if !more {
		return s, nil
	}
	if rest, ok = strings.CutPrefix(rest, "# "); !ok || !open {
		return nil, fmt.Errorf("%q after the value", rest)
	}
	e := &parsedExemplar{}
	if e.labels, rest, err = parseLabels(rest); err != nil {
		return nil, err
	}
	length := 0
	for name, value := range e.labels {
		length += utf8.RuneCountInString(name) + utf8.RuneCountInString(value)
	}
	words := strings.Split(rest, " ")
	if length > 128 || len(words) != 3 || words[0] != "" || !parsedValue.MatchString(words[1]) || !parsedValue.MatchString(words[2]) {
		return nil, fmt.Errorf("exemplar %q", rest)
	}
	e.value, _ = strconv.ParseFloat(words[1], 64)
	e.time, _ = strconv.ParseFloat(words[2], 64)
	s.exemplar = e
	return s, nil
}

// parseLabels reads labels in braces, if there are any.
func parseLabels(text string) (labels map[string]string, rest string, err error) {
	labels = map[string]string{}
	text, ok := strings.CutPrefix(text, "{")
	for ok {
		name, after, found := strings.Cut(text, `="`)
		if _, twice := labels[name]; !found || twice || !parsedLabel.MatchString(name) || strings.HasPrefix(name, "__") {
			return nil, "", fmt.Errorf("label %q", name)
		}
		var b strings.Builder
		for after != "" && after[0] != '"' {
			c := after[0]
			if c == '\\' {
				if len(after) < 2 || !strings.ContainsRune(`\"n`, rune(after[1])) {
					return nil, "", fmt.Errorf("escape in %q", after)
				}
				after = after[1:]
				if c = after[0]; c == 'n' {
					c = '\n'
				}
			}
			b.WriteByte(c)
			after = after[1:]
		}
		if len(after) < 2 {
			return nil, "", fmt.Errorf("no end of labels")
		}
		labels[name] = b.String()
		if after[1] == '}' {
			return labels, after[2:], nil
		}
		if after[1] != ',' {
			return nil, "", fmt.Errorf("after a label: %q", after)
		}
		text = after[2:]
	}
	return labels, text, nil
}
