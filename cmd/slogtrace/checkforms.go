package main

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"

	"github.com/slogtrace/slogtrace/tracelog/draw"
)

// unreadForms are forms of text that stores and shells write and that are not read: what each line of it is, and what to do.
var unreadForms = []struct {
	name, advice string
	line         *regexp.Regexp
}{
	{"a list that PowerShell printed", "write it with ConvertTo-Json", regexp.MustCompile(`^\w[\w .]* +: `)},
	{"YAML", "ask for JSON, such as gcloud logging read --format=json", regexp.MustCompile(`^ *(- )?[\w./@'"-]+:( |$)|^---$`)},
	{"CSV", "ask for JSON, or for a table as JSON", regexp.MustCompile(`^("([^"]|"")*"|[^",{]*)(,("([^"]|"")*"|[^",]*)){2,}$`)},
}

// wordsOfUnread are words for a file without records whose lines have trace ids. The texts are the beginnings of its lines.
func wordsOfUnread(file string, texts map[int]string) (looks, advice string) {
	if !slices.ContainsFunc(slices.Collect(maps.Values(texts)), hasTraceID) {
		return "", ""
	}
	name := draw.Text(file, 100)
	for _, form := range unreadForms {
		n := 0
		for _, text := range texts {
			if form.line.MatchString(strings.TrimRight(text, "\r")) {
				n++
			}
		}
		if 10*n >= 8*len(texts) {
			return form.name + ", which is not read", fmt.Sprintf("%s looks like %s, which is not read: %s", name, form.name, form.advice)
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
