package main

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"

	"github.com/slogtrace/slogtrace/tracelog/draw"
)

// unreadForms are forms of text that stores, exporters and shells write and that are not read: what to do, a line that each
// has, or nil, and what most of its lines are.
var unreadForms = []struct {
	name, advice string
	one, most    *regexp.Regexp
}{
	{"the output of a console exporter of OpenTelemetry", "export OTLP as JSON lines, such as with the collector's file exporter",
		regexp.MustCompile(`^(Activity|LogRecord)\.\w+: |^ *(Trace ID|Span ID) *: `), regexp.MustCompile(`^ *(Activity|LogRecord|Resource|Scope|Span|Instrumentation)\w*[. ][\w# ]*(:|$)|^ +-> |^ *(Trace ID|Span ID|Parent ID|ID|Name|Kind|Start time|End time|Status \w+|Timestamp|ObservedTimestamp|Severity\w+|Body|Flags|Attributes|Trace\w*) *:|^ *[\w.]+: `)},
	{"objects that Node.js printed", "write them with JSON.stringify", nil, regexp.MustCompile(`^ *([\w']+: .*[,{\[]|[\w']+: .*|[}\]],?|[{\[])$`)},
	{"a list that PowerShell printed", "write it with ConvertTo-Json", nil, regexp.MustCompile(`^\w[\w .]* +: `)},
	{"YAML", "ask for JSON, such as gcloud logging read --format=json", nil, regexp.MustCompile(`^ *(- )?[\w./@'"-]+:( |$)|^---$`)},
	{"CSV without the names of its columns", "put a line with names before the rows, such as time,level,message,trace,span, or name the columns with --map", nil, regexp.MustCompile(`^("([^"]|"")*"|[^",{]*)(,("([^"]|"")*"|[^",]*)){2,}$`)},
}

// wordsOfUnread are words for a file without records whose lines have trace ids. The texts are the beginnings of its lines.
func wordsOfUnread(file string, texts map[int]string) (looks, advice string) {
	if !slices.ContainsFunc(slices.Collect(maps.Values(texts)), hasTraceID) {
		return "", ""
	}
	name := draw.Text(file, 100)
	for _, form := range unreadForms {
		n, one := 0, form.one == nil
		for _, text := range texts {
			text = strings.TrimRight(text, "\r")
			if one = one || form.one.MatchString(text); form.most.MatchString(text) {
				n++
			}
		}
		if one && 10*n >= 8*len(texts) {
			looks = form.name + ", a form that is not read"
			return looks, fmt.Sprintf("%s looks like %s: %s", name, looks, form.advice)
		}
	}
	return "lines with trace ids that are not records",
		fmt.Sprintf("%s has trace ids on lines that are not records: give each record a line of its own, as a JSON object with nothing behind it (what is before it does not matter)", name)
}

func hasTraceID(text string) bool {
	for word := range strings.FieldsFuncSeq(text, func(r rune) bool { return !strings.ContainsRune("0123456789abcdefABCDEF", r) }) {
		if isHexID(word) == 32 {
			return true
		}
	}
	return false
}
