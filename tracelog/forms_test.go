package tracelog

import (
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/slogtrace/slogtrace/tracelog/internal/fixture"
)

// Each form of lines has a file in testdata/forms: a log as programs write it, the members of each line,
// and the traces, as package draw shows them. A person has checked the goldens line by line.
func TestForms(t *testing.T) {
	stories := map[string]string{}
	for _, file := range formFiles(t) {
		name := strings.TrimSuffix(filepath.Base(file), ".txtar")
		t.Run(name, func(t *testing.T) {
			f := fixture.Read(t, file)
			entries, src := scanAll(t, f.Log())
			checkSource(t, src, len(entries))
			traces := Assemble(entries)
			checkTraces(t, entries, traces)
			for _, tr := range traces {
				for _, s := range tr.All() {
					stories[name] += fmt.Sprintln(tr.ID, s.ID, s.ParentID, s.Op, s.Service, s.Kind, s.State, s.Start, s.Duration, s.Error, len(s.Logs))
				}
			}
			got := dump(entries, src)
			if *update {
				f.Set("lines", got)
				f.Write(t, file)
			} else if diff := cmp.Diff(f.Parts["lines"], got); diff != "" {
				t.Errorf("lines (-want +got):\n%s", diff)
			}
		})
	}

	// All names give the same trace and the same ids.
	presets := 0
	for name, text := range stories {
		if strings.HasPrefix(name, "preset-") {
			presets++
			if diff := cmp.Diff(stories["preset-slogtrace"], text); diff != "" {
				t.Errorf("%s tells another story (-want +got):\n%s", name, diff)
			}
		}
	}
	if presets != len(layouts) {
		t.Errorf("%d of %d presets have a fixture", presets, len(layouts))
	}
}

// dump returns all fields of the entries as text, except zero values.
func dump(entries []Entry, src Source) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%d lines, %d records, %d joined, %d blank, %d bad\n", src.Lines, src.Records, src.Joined, src.Blank, src.Bad)
	for _, bad := range src.BadLines {
		fmt.Fprintf(&b, "%d: %s", bad.Line, bad.Reason)
		if bad.More > 0 {
			fmt.Fprintf(&b, " and %d more", bad.More)
		}
		b.WriteString("\n")
	}
	for i := range entries {
		e := &entries[i]
		fmt.Fprintf(&b, "\n%d: %v %s %s %+q\n", e.Line, e.Event, e.Time.Format("2006-01-02T15:04:05.999999999"), e.Level, e.Message)
		var fields []string
		add := func(key, value string) {
			if value != "" {
				fields = append(fields, key+"="+value)
			}
		}
		add("schema", e.Schema)
		add("trace", e.Trace)
		add("span", e.Span)
		add("op", e.Op)
		add("service", e.Service)
		add("parent", e.Parent)
		add("kind", e.Kind)
		if e.Event != EventLog {
			add("start", e.Start.Format("05.999999999"))
			add("duration", e.Duration.String())
		}
		if e.Failed {
			add("error", fmt.Sprintf("%+q", e.Error))
		}
		for _, l := range e.Links {
			add("link", l.Trace+"/"+l.Span)
		}
		if e.SampleRate != 0 || e.Unsampled {
			add("sampled", fmt.Sprint(!e.Unsampled, " at ", e.SampleRate))
		}
		if len(fields) > 0 {
			b.WriteString("   " + strings.Join(fields, " ") + "\n")
		}
		for _, a := range e.Attrs() {
			fmt.Fprintf(&b, "   . %+q %s\n", a.Key, strings.ReplaceAll(fmt.Sprintf("%+q", a.Value), `\"`, `'`))
		}
	}
	return b.String()
}

// The schemas by preset, so that no preset is forgotten.
func TestPresetNames(t *testing.T) {
	var names []string
	for i := range layouts {
		names = append(names, layouts[i].name)
	}
	slices.Sort(names)
	want := []string{"axiom", "datadog", "ecs", "gcp", "honeycomb", "newrelic", "otel", "slogtrace", "victorialogs", "xray"}
	if diff := cmp.Diff(want, names); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func formFiles(t testing.TB) []string {
	t.Helper()
	files, err := filepath.Glob("testdata/forms/*.txtar")
	if err != nil || len(files) < 30 {
		t.Fatalf("%d fixtures, %v", len(files), err)
	}
	return files
}

// In each form of a prefix, a name may contain an underscore.
func TestNamesWithUnderscores(t *testing.T) {
	for _, prefix := range []string{
		"Mar  1 09:15:00 web_1 my_api[4711]: ", "<134>Mar  1 09:15:00 web_1 my_api: ", "2026-03-01T09:15:00.5+00:00 web_1 my_api[47]: ",
		"<134>1 2026-03-01T09:15:00.5Z web_1 my_api 4711 - - ", "my_api-1  | ", "my_pod-7d9f my_api ",
	} {
		entries, _ := scanAll(t, []byte(prefix+`{"msg":"m","trace":"t"}`))
		if len(entries) != 1 || entries[0].Trace != "t" || entries[0].Service != "my_api" {
			t.Errorf("%s: %+v", prefix, entries)
		}
	}
}

// Edge cases of the readers of prefixes and of text.
func TestEdgesOfForms(t *testing.T) {
	const object = `{"msg":"m","trace":"t"}`
	for line, service := range map[string]string{
		"a-very-long-service-name-1  | " + object: "a-very-long-service-name", "web-  | " + object: "web-", "9  | " + object: "9", "-1  | " + object: "",
		"ns pod-7d9f api " + object: "api", "ns ns pod-7d9f api " + object: "", "pod-x api " + object: "api", "pod api " + object: "",
		"<9>Mar  1 09:15:00 web1 api[1]: " + object: "api", "<>Mar  1 09:15:00 web1 api[1]: " + object: "",
		"Mar x1 09:15:00 web1 api[1]: " + object: "", "Mar  x 09:15:00 web1 api[1]: " + object: "", "Mar  1 09:15:00 web1 /usr/bin/api[1]: " + object: "api",
		`<134>1 2026-03-01T09:15:00Z web1 api 1 - [x a="\] b"] ` + object: "api", `<134>1 2026-03-01T09:15:00Z web1 api 1 - [x a="b"` + object: "",
	} {
		entries, _ := scanAll(t, []byte(line))
		// Behind other text a record is read, too, but the text does not name a service.
		if len(entries) != 1 || entries[0].Trace != "t" || entries[0].Service != service {
			t.Errorf("%s: %+v, want the service %s", line, entries, service)
		}
	}
	for line, want := range map[string]string{
		"2026/03/01 09:15:00 INFO seat held  trace=t":                       "seat held",
		"2026/03/01 09:15:00 INFO" + strings.Repeat("x", 20) + " m trace=t": "", "msg=a trace=t x=\x01": "",
	} {
		entries, _ := scanAll(t, []byte(line))
		if got := len(entries) == 1 && entries[0].Message == want; got != (want != "") {
			t.Errorf("%q: %+v", line, entries)
		}
	}
}
