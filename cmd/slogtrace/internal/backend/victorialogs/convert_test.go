package victorialogs

import (
	"bytes"
	"encoding/json"
	"testing"
)

// Whatever a row is, what is written is one line of valid JSON, or nothing. Every member but VictoriaLogs's own is in it.
func FuzzRow(f *testing.F) {
	for _, row := range []string{
		`{"_msg":"m","_time":"2026-03-01T09:15:00Z","a":"1","b\"c":"\\","d":"[1]"}`, `{}`, `{"a":"b"`, `{"a":"b","a":"c"}`, `{"a":1}`, `{"a":"0x1"}`,
		`{"_msg":"{\"time\":1}"}`, `{"_msg":"{\"time\":1}\n"}`, `{"a":"\u00e9\ud800"}`, `{"a":"-"}`, `{"a":"1e"}`, `{"a":""}`, `{"a":"b",}`, `{"a":"[1,]"}`, `{"a":"[1\n,2]"}`,
	} {
		f.Add([]byte(row))
	}
	f.Fuzz(func(t *testing.T, row []byte) {
		if !json.Valid(row) || bytes.IndexByte(row, '\n') >= 0 {
			return // eachRow and VictoriaLogs see to that
		}
		var b bytes.Buffer
		c := converter{w: &b}
		err := c.row(row)
		c.flush()
		var members map[string]string
		if json.Unmarshal(row, &members) != nil {
			if err == nil {
				var any map[string]any
				if json.Unmarshal(row, &any) != nil {
					t.Fatalf("%s became %s", row, &b)
				}
			}
			return
		}
		if err != nil {
			if bytes.ContainsAny(row, " \t\r") || len(members) == 0 {
				return // VictoriaLogs writes no spaces
			}
			t.Fatalf("%s: %v", row, err)
		}
		if !json.Valid(b.Bytes()) || bytes.Count(b.Bytes(), []byte("\n")) != 1 {
			t.Fatalf("%s became %s", row, &b)
		}
		if _, whole := c.whole([]byte(members["_msg"])); whole || members["_msg"] != "" {
			return
		}
		var got map[string]json.RawMessage
		if err := json.Unmarshal(b.Bytes(), &got); err != nil {
			t.Fatal(err)
		}
		for key, value := range members {
			switch key {
			case "_time", "_stream", "_stream_id":
				continue
			}
			var text string
			if json.Unmarshal(got[key], &text) != nil {
				text = string(got[key])
			}
			if value != "" && text != value && value[0] != '[' {
				t.Fatalf("%s: %q is %q, want %q", row, key, text, value)
			}
		}
	})
}
