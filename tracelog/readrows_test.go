package tracelog

import (
	"strings"
	"testing"
)

// Lines that are no table are read as if none had been looked for.
func TestRowsFail(t *testing.T) {
	const names, row = `["time","msg","trace"]`, `["2026-03-01 09:15:00","m","t"]`
	record := rawRecords(t)[0]
	for name, lines := range map[string][]string{
		"names only":         {names},
		"names and types":    {names, `["String","String","String"]`},
		"names, then text":   {names, "panic: x", "goroutine 1 [running]:", "main.main()"},
		"names, then object": {names, record},
		"other numbers":      {names, `["a","b"]`, `["a","b","c","d"]`},
		"no record":          {`["msg","n"]`, `[5,"x"]`, record},
		"a document":         {names, "{", `"a": 1`, "x"},
		"printed":            {names, "api-1  | {", "api-1  | x", names, "api-1  | {"},
		"no names":           {`["a","b","c"]`, row},
		"the same names":     {`["msg","msg"]`, `["m","m"]`},
		"no strings":         {`["time","msg",5]`, row},
		"an empty name":      {`["time","msg",""]`, row},
		"records in strings": {"[" + quotedJSON(record) + ",\"msg\"]", `["a","b"]`},
	} {
		t.Run(name, func(t *testing.T) {
			checkSingly(t, strings.Join(lines, "\n")+"\n")
		})
	}
}

// A table is read alike by any number of workers, in blocks of any size, and from its names on anywhere.
func TestRowsInParts(t *testing.T) {
	record := rawRecords(t)[0]
	var b strings.Builder
	b.WriteString("{\n" + record[1:] + "\n" + strings.Repeat(record+"\n", 30))
	b.WriteString(`["time","level","msg","trace","span"]` + "\n")
	for range 50 {
		b.WriteString(`["2026-03-01 09:15:00.5","INFO","m","t","s"]` + "\n" + record + "\n")
	}
	b.WriteString("no row\n[1,2,3]\n[1,2,3,4,5]\n")
	for _, workers := range []int{1, 3} {
		for _, chunk := range []int{100, 0} {
			checkDocument(t, "rows", b.String(), &ScanOptions{Workers: workers, chunk: chunk})
		}
	}
	got, src := scanAll(t, []byte(b.String()))
	if len(got) != 132 || src.Blank != 1 || src.Bad != 2 {
		t.Errorf("%d records: %+v", len(got), src)
	}
}
