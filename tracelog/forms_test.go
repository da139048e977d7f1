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

// Every form of lines has a file in testdata/forms: a log as programs write it, what each of its lines says,
// and the traces that come out, as package draw shows them. The goldens were read, line by line.
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

	// Whatever the names: the same trace, the same ids.
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

// dump writes all that the entries say, but for zero values.
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

// The table of the design, so that no preset is lost.
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
