package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/txtar"
	"github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/slogtrace/slogtrace/internal/loggen"
)

// schemaRuns has the command lines whose output is compared with docs/schema/COMMAND.json. They run in a directory with
// the booking example's logs in "booking" and the fixtures of package tracelog in "fixtures".
//
// If you add a command, write its schema. It describes one JSON value of the output: the array of a command that writes
// an array, or each object of one that writes an object per line. Every member needs a description, with its unit, and no
// object may have other members (additionalProperties or, beside a $ref, unevaluatedProperties). Then list runs here
// that together write each member at least once. If the command has modes that write other members, list a run for each.
var schemaRuns = map[string][]string{
	"ls":      {"booking", "fixtures", "--error booking", "--limit 1 fixtures", "fixtures/unfinished.log", "abandoned.log", "fixtures/external-parent.log"},
	"show":    {"booking", "--limit 0 fixtures", "8b77 booking"},
	"stats":   {"booking", "fixtures", "--self booking", "--by service,http.route booking", "--every 1s booking", "--traces --every 1h fixtures", "--lines booking", "--lines --every 1s booking", "--every 1s notime.log"},
	"errors":  {"booking", "fixtures", "--sort last --new-since 2026-03-01 booking"},
	"tail":    {"--follow=false booking", "--follow=false -n -1 fixtures"},
	"diff":    {"8b77 7d04 booking", "booking booking/api.log", "before.log after.log"},
	"why":     {"--error before.log", "before.log", "--where http.route=/charges after.log"},
	"check":   {"booking", "fixtures", "fixtures/bad-lines.log", "fixtures/external-parent.log", "shared.log", "unknown.log"},
	"map":     {"booking", "fixtures", "edges.log"},
	"flame":   {"booking", "fixtures"},
	"export":  {"otlp -o /dev/null booking", "csv -o /dev/null fixtures/unfinished.log", "otlp --logs -o /dev/null long.log"},
	"queries": {"", "duckdb"},
	"version": {""},
}

// unseenMembers are members of schemas that no run writes.
var unseenMembers = []string{
	"version.json#/properties/revision",                                 // only in a binary that was built in a checkout
	"export.json#/properties/delivered", "export.json#/properties/lost", // only with --endpoint: see TestExportEndpoint
}

// What each command writes with --json is what its schema describes.
func TestSchemas(t *testing.T) {
	schemas := compileSchemas(t)
	dir := t.TempDir()
	writeSchemaFixtures(t, dir)
	t.Chdir(dir)
	seen := make(map[string]bool) // by all commands, since they share schemas
	for _, cmd := range newSession(nil, nil, nil).root().Commands() {
		name := cmd.Name()
		schema := schemas[name]
		if schema == nil || len(schemaRuns[name]) == 0 {
			t.Errorf("%s: want docs/schema/%[1]s.json and runs in schemaRuns", name)
			continue
		}
		d := describer{t: t, command: name, seen: seen}
		for i, run := range schemaRuns[name] {
			for _, v := range runJSON(t, append([]string{name, "--json"}, strings.Fields(run)...)) {
				if err := schema.Validate(v); err != nil {
					t.Errorf("slogtrace %s --json %s: %v", name, run, err)
				}
				d.mutate = nil
				if i == 0 {
					d.mutate = func() error { return schema.Validate(v) }
				}
				d.value(schema, v, "")
			}
		}
	}
	for name, schema := range schemas {
		for at := range describedMembers(schema, nil) {
			if !seen[at] && !slices.ContainsFunc(unseenMembers, func(s string) bool { return strings.HasSuffix(at, s) }) {
				t.Errorf("%s: no run of schemaRuns writes %s", name, at)
			}
		}
	}
}

// compileSchemas compiles the schemas, by command.
func compileSchemas(t *testing.T) map[string]*jsonschema.Schema {
	t.Helper()
	paths, err := filepath.Glob("../../docs/schema/*.json")
	if err != nil {
		t.Fatal(err)
	}
	c := jsonschema.NewCompiler()
	c.AssertFormat()
	ids := make(map[string]string)
	for _, path := range paths {
		file, err := os.Open(path)
		if err != nil {
			t.Fatal(err)
		}
		doc, err := jsonschema.UnmarshalJSON(file)
		file.Close()
		if err != nil {
			t.Fatalf("%s: %v", path, err)
		}
		id, _ := doc.(map[string]any)["$id"].(string)
		name := filepath.Base(path)
		if !strings.HasSuffix(id, "/docs/schema/"+name) {
			t.Errorf("%s: $id is %q", path, id)
		}
		if err := c.AddResource(id, doc); err != nil {
			t.Fatal(err)
		}
		ids[strings.TrimSuffix(name, ".json")] = id
	}
	schemas := make(map[string]*jsonschema.Schema)
	for name, id := range ids {
		if schemas[name], err = c.Compile(id); err != nil {
			t.Fatal(err)
		}
		if schemas[name].DraftVersion != 2020 {
			t.Errorf("%s: draft %d, want 2020-12", name, schemas[name].DraftVersion)
		}
		if newSession(nil, nil, nil).command(name) == nil {
			t.Errorf("docs/schema/%s.json: there is no such command", name)
		}
	}
	return schemas
}

// command returns a command by its name, or nil.
func (s *session) command(name string) any {
	for _, cmd := range s.root().Commands() {
		if cmd.Name() == name {
			return cmd
		}
	}
	return nil
}

// writeSchemaFixtures writes the logs for schemaRuns.
func writeSchemaFixtures(t *testing.T, dir string) {
	t.Helper()
	if err := os.CopyFS(filepath.Join(dir, "booking"), os.DirFS("testdata/booking")); err != nil {
		t.Fatal(err)
	}
	fixtures, err := filepath.Glob("../../tracelog/testdata/*.txtar")
	if err != nil || len(fixtures) == 0 {
		t.Fatal("no fixtures: ", err)
	}
	logs := filepath.Join(dir, "fixtures")
	if err := os.Mkdir(logs, 0o777); err != nil {
		t.Fatal(err)
	}
	for _, path := range fixtures {
		a, err := txtar.ParseFile(path)
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range a.Files {
			if f.Name != "log" {
				continue
			}
			name := strings.TrimSuffix(filepath.Base(path), ".txtar") + ".log"
			if err := os.WriteFile(filepath.Join(logs, name), f.Data, 0o666); err != nil {
				t.Fatal(err)
			}
		}
	}
	for seed, name := range []string{"before.log", "after.log"} { // enough traces for tests and intervals
		var log bytes.Buffer
		if _, err := loggen.Generate(&log, loggen.Options{Seed: uint64(seed), Size: 2 << 20}); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, name), log.Bytes(), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	long := `{"time":"2026-03-01T09:00:00Z","msg":"span end","trace":"t","span":"s","op":"loop","start":"2026-03-01T09:00:00Z","duration_ms":1}` + "\n"
	edges := ""
	for i := range 1200 {
		long += fmt.Sprintf(`{"time":"2026-03-01T09:00:00Z","msg":"turn %d","trace":"t","span":"s"}`+"\n", i)
		edges += fmt.Sprintf(`{"msg":"span end","trace":"t%d","span":"s","op":"a","service":"s%[1]d","start":"2026-03-01T09:00:00Z","duration_ms":1}`+"\n", i)
	}
	for name, text := range map[string]string{
		"long.log":  long,
		"edges.log": edges,
		"abandoned.log": `{"time":"2026-03-01T09:00:00Z","level":"INFO","msg":"span start","trace":"t","span":"s","op":"import"}
{"time":"2026-03-01T10:00:00Z","level":"INFO","msg":"an hour later"}
`,
		"notime.log": `{"msg":"span end","trace":"t","span":"b","op":"done","duration_ms":200}
`,
		"shared.log": `[{"time":"2026-03-01T09:00:00Z","msg":"a","trace":"t"},{"time":"2026-03-01T09:00:01Z","msg":"b","trace":"t"}]
`,
		"unknown.log": `{"ts":"2026-03-01T09:15:00Z","name":"GET /","ctx":{"tid":"4bf92f3577b34da6a3ce929d0e0e4736","sid":"00f067aa0ba902b7"},"ms":3}
{"ts":"2026-03-01T09:15:01Z","name":"GET /","ctx":{"tid":"4bf92f3577b34da6a3ce929d0e0e4737","sid":"00f067aa0ba902b8"},"ms":3}
`,
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o666); err != nil {
			t.Fatal(err)
		}
	}
}

// runJSON runs the command and returns the JSON values that it writes.
func runJSON(t *testing.T, args []string) (values []any) {
	t.Helper()
	var stdout, stderr strings.Builder
	run(t.Context(), args, strings.NewReader(""), &stdout, &stderr)
	for in := json.NewDecoder(strings.NewReader(stdout.String())); ; {
		in.UseNumber()
		var v any
		if err := in.Decode(&v); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			t.Fatalf("%q: %v", args, err)
		}
		values = append(values, v)
	}
	if len(values) == 0 {
		t.Errorf("%q writes nothing: %s", args, stderr.String())
	}
	return values
}

// A describer checks that the schema of a command has a description of each member of a value.
type describer struct {
	t       *testing.T
	command string
	seen    map[string]bool // the members of the schemas that a value has
	mutate  func() error    // if not nil, validates the whole value, which must fail if it has an unknown member
}

func (d *describer) value(s *jsonschema.Schema, v any, at string) {
	for _, one := range s.OneOf {
		if one.Validate(v) == nil {
			d.value(one, v, at)
			return
		}
	}
	if s.Types == nil && s.Ref == nil {
		return // the value of an attribute: anything
	}
	switch v := v.(type) {
	case []any:
		items := findItems(s)
		if items == nil {
			d.t.Errorf("%s: %s[] has no schema", d.command, at)
			return
		}
		for _, e := range v {
			d.value(items, e, at+"[]")
		}
	case map[string]any:
		for key, e := range v {
			m := findMember(s, key)
			if m == nil || m.Description == "" {
				d.t.Errorf("%s: %s.%s has no description", d.command, at, key)
				continue
			}
			d.seen[m.Location] = true
			d.value(m, e, at+"."+key)
		}
		if d.mutate != nil && findMember(s, "not in any output") == nil {
			v["not in any output"] = true
			if d.mutate() == nil {
				d.t.Errorf("%s: %s may have any member", d.command, at)
			}
			delete(v, "not in any output")
		}
	}
}

// findItems returns the schema of an array's elements, or nil.
func findItems(s *jsonschema.Schema) *jsonschema.Schema {
	for ; s != nil; s = s.Ref {
		if s.Items2020 != nil {
			return s.Items2020
		}
	}
	return nil
}

// findMember returns the schema of an object's member, or nil.
func findMember(s *jsonschema.Schema, key string) *jsonschema.Schema {
	for ; s != nil; s = s.Ref {
		if m := s.Properties[key]; m != nil {
			return m
		}
		if m, ok := s.AdditionalProperties.(*jsonschema.Schema); ok {
			return m
		}
	}
	return nil
}

// describedMembers returns the places of all members in a schema.
func describedMembers(s *jsonschema.Schema, all map[string]bool) map[string]bool {
	if all == nil {
		all = make(map[string]bool)
	}
	if s == nil {
		return all
	}
	for _, m := range s.Properties {
		if !all[m.Location] {
			all[m.Location] = true
			describedMembers(m, all)
		}
	}
	describedMembers(s.Ref, all)
	describedMembers(s.Items2020, all)
	for _, one := range s.OneOf {
		describedMembers(one, all)
	}
	if m, ok := s.AdditionalProperties.(*jsonschema.Schema); ok {
		describedMembers(m, all)
	}
	return all
}
