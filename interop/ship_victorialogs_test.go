package interop

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/slogtrace/slogtrace"
	"github.com/slogtrace/slogtrace/interop/internal/victorialogs"
	"github.com/slogtrace/slogtrace/traceship"
)

// A shipmentKind is a way into VictoriaLogs.
type shipmentKind struct {
	name string
	path string // of the URL
	opts traceship.Options
	line string // the member with the whole line; "": its members are there
	ms   bool   // times are kept in milliseconds
}

var shipments = []shipmentKind{
	{"JSONLines", "/insert/jsonline?_time_field=time&_msg_field=msg&_stream_fields=service", traceship.Options{}, "", false},
	{"JSONLines with gzip", "/insert/jsonline?_time_field=time&_msg_field=msg&_stream_fields=service", traceship.Options{Gzip: true}, "", false},
	{"JSONLines with the line", "/insert/jsonline?_time_field=time&_stream_fields=service", traceship.Options{KeepLine: "_msg"}, "_msg", false},
	{"Elasticsearch", "/insert/elasticsearch/_bulk?_time_field=time&_msg_field=msg&_stream_fields=service", traceship.Options{Framing: traceship.Elasticsearch}, "", false},
	{"Elasticsearch with the line", "/insert/elasticsearch/_bulk?_time_field=time&_stream_fields=service", traceship.Options{Framing: traceship.Elasticsearch, KeepLine: "_msg"}, "_msg", false},
	{"Loki", "/insert/loki/api/v1/push?_msg_field=msg", traceship.Options{Framing: traceship.Loki, Labels: map[string]string{"app": "booking"}}, "", false},
	{"Loki, whole", "/insert/loki/api/v1/push?disable_message_parsing=1", traceship.Options{Framing: traceship.Loki}, "_msg", false},
	{"Datadog", "/insert/datadog/api/v2/logs", traceship.Options{Framing: traceship.Datadog, Labels: map[string]string{"service": "booking", "ddsource": "go"}}, "_msg", true},
	{"Splunk", "/insert/splunk/services/collector/event", traceship.Options{Framing: traceship.Splunk, Labels: map[string]string{"host": "h1"}}, "_msg", true},
}

// TestShipVictoriaLogs sends the lines of a logger each way, to one node and to a cluster, and finds all of them.
func TestShipVictoriaLogs(t *testing.T) {
	t.Run("node", func(t *testing.T) {
		n := victorialogs.Start(t)
		shipAll(t, n, 60, nil)
	})
	t.Run("cluster", func(t *testing.T) {
		c := victorialogs.StartCluster(t, 2)
		shipAll(t, c.Front, 500, func() {
			for i, n := range c.Storage {
				if len(n.Query(t, "* | limit 1")) == 0 {
					t.Errorf("storage node %d has nothing", i)
				}
			}
		})
	})
}

func shipAll(t *testing.T, n *victorialogs.Node, requests int, then func()) {
	for i, s := range shipments {
		t.Run(s.name, func(t *testing.T) {
			run := fmt.Sprintf("run%d", i)
			w, file := ship(t, n.URL+s.path, s.opts)
			shipRequests(t, io.MultiWriter(file, w), run, requests)
			if err := w.Shutdown(t.Context()); err != nil {
				t.Error(err)
			}
			n.Flush(t)
			checkLines(t, n, run, file.Bytes(), i)
		})
	}
	if then != nil {
		then()
	}
}

// ship returns a Writer, and a buffer for what is written to it.
func ship(t *testing.T, url string, opts traceship.Options) (*traceship.Writer, *bytes.Buffer) {
	t.Helper()
	opts.MaxBatch = 100
	w, err := traceship.NewWriter(url, &opts)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { w.Shutdown(t.Context()) })
	return w, new(bytes.Buffer)
}

// shipRequests logs what a service would: for each request a span, a child that fails, and lines with values of each kind.
func shipRequests(t *testing.T, w io.Writer, run string, requests int) {
	t.Helper()
	h := slogtrace.NewJSONHandler(w, &slog.HandlerOptions{AddSource: true}).WithAttrs([]slog.Attr{slog.String("service", "booking"), slog.String("run", run)})
	tracer, log := slogtrace.NewTracer(h, nil), slog.New(h)
	for i := range requests {
		ctx, root := tracer.Start(t.Context(), "POST /bookings", slogtrace.KindServer, slog.Int("seq", 3*i))
		log.InfoContext(ctx, "seat \"held\"\n\u2028é😀\x00", "seq", 3*i+1, "min", int64(math.MinInt64), "max", uint64(math.MaxUint64), "f", 0.1, "big", 1e300, "yes", true,
			"empty", "", "nil", nil, "list", []any{1, "a", nil, 1.5}, "d", time.Second, slog.Group("g", "x", 1, slog.Group("h", "y", "z")), "path", `C:\dir`, "<&>", "<&>")
		_, child := tracer.Start(ctx, "charge", slogtrace.KindClient, slog.Int("seq", 3*i+2), slogtrace.Link(root.SpanContext()))
		child.Fail(errors.New("card declined"))
		child.End()
		root.End()
	}
}

// checkLines compares the lines of a run with what was written, as a whole or by their members.
func checkLines(t *testing.T, n *victorialogs.Node, run string, written []byte, shipment int) {
	t.Helper()
	line := shipments[shipment].line
	want := make(map[string]victorialogs.Line) // by seq
	for text := range bytes.Lines(written) {
		text = bytes.TrimSuffix(text, []byte("\n"))
		l := flattened(t, text)
		want[l["seq"]] = l
		l["line"] = string(text)
	}
	query := "run:=" + run
	if line != "" {
		query = fmt.Sprintf("%s:%q", line, `"run":"`+run+`"`)
	}
	lines := n.Await(t, query, len(want))
	if len(lines) != len(want) {
		t.Errorf("%d lines, want %d", len(lines), len(want))
	}
	seen := make(map[string]bool)
	for _, got := range lines {
		seq := got["seq"]
		if line != "" {
			seq = flattened(t, []byte(got[line]))["seq"]
		}
		w := want[seq]
		if w == nil || seen[seq] {
			t.Fatalf("line %s is there twice, or was not written: %v", seq, got)
		}
		seen[seq] = true
		if line != "" && got[line] != w["line"] {
			t.Errorf("got\n%s\nwant\n%s", got[line], w["line"])
		}
		at := w["_time"]
		if shipments[shipment].ms {
			at = truncated(t, at)
		}
		if got["_time"] != at {
			t.Errorf("line %s: time %s, want %s", seq, got["_time"], at)
		}
		if line != "" {
			continue
		}
		if shipments[shipment].opts.Framing == traceship.Loki { // all members are the line's, and the labels are beside them
			w["app"], w["time"] = "booking", got["time"]
		}
		delete(w, "line")
		delete(w, "_time")
		delete(got, "_time")
		if diff := cmp.Diff(w, got); diff != "" {
			t.Fatalf("line %s (-want +got):\n%s", seq, diff)
		}
	}
}

// truncated returns a time in milliseconds.
func truncated(t *testing.T, text string) string {
	t.Helper()
	at, err := time.Parse(time.RFC3339Nano, text)
	if err != nil {
		t.Fatal(err)
	}
	return at.Truncate(time.Millisecond).Format(time.RFC3339Nano)
}

// flattened returns a line as VictoriaLogs keeps it.
func flattened(t *testing.T, line []byte) victorialogs.Line {
	t.Helper()
	l := victorialogs.Line{}
	var add func(prefix string, value json.RawMessage)
	add = func(key string, value json.RawMessage) {
		switch value[0] {
		case '{':
			var members map[string]json.RawMessage
			if err := json.Unmarshal(value, &members); err != nil {
				t.Fatalf("%v in %s", err, line)
			}
			for k, v := range members {
				add(strings.TrimPrefix(key+"."+k, "."), v)
			}
		case '"':
			var text string
			if err := json.Unmarshal(value, &text); err != nil {
				t.Fatalf("%v in %s", err, line)
			}
			if text != "" {
				l[key] = text
			}
		case 'n':
		default:
			l[key] = string(value)
		}
	}
	add("", line)
	at, err := time.Parse(time.RFC3339Nano, l["time"])
	if err != nil {
		t.Fatal(err)
	}
	l["_time"], l["_msg"] = at.UTC().Format(time.RFC3339Nano), l["msg"]
	delete(l, "time")
	delete(l, "msg")
	return l
}

// A line that VictoriaLogs would not take is dropped by name, and takes none of those behind it along.
func TestShipLongLines(t *testing.T) {
	const most = 256<<10 - 1 // with a newline it is 256 KiB
	n := victorialogs.Start(t)
	for i, s := range shipments {
		t.Run(s.name, func(t *testing.T) {
			opts := s.opts
			if opts.Framing != "" && opts.Framing != traceship.JSONLines { // others' limits are those of other stores
				opts.MaxLine = most
			}
			w, _ := ship(t, n.URL+s.path, opts)
			line := func(seq, size int, fill string) string {
				head := fmt.Sprintf(`{"time":"2026-03-01T09:15:00Z","msg":"m","run":"long%d","seq":%d,"x":"`, i, seq)
				return head + strings.Repeat(fill, (size-len(head)-2)/len(fill)) + "\"}"
			}
			var lost, fit int
			for seq, l := range []string{
				line(0, 100, "x"), line(1, most+1, "x"), line(2, 100, "x"), line(3, most, "x"), line(4, 100, "x"), line(5, most/2+100, "x"), line(6, 100, "x"),
				line(7, most-100, `\"`), line(8, 100, "x"), line(9, 10*most, "x"), line(10, most/3, `\"`), line(11, 100, "x"), line(12, most/4, "\xff"), line(13, 100, "x"),
			} {
				before := w.Stats().Dropped["line too long"]
				io.WriteString(w, l+"\n")
				if w.Stats().Dropped["line too long"] > before {
					lost++
					t.Logf("line %d of %d bytes is dropped", seq, len(l))
					continue
				}
				fit++
			}
			err := w.Shutdown(t.Context())
			if want := fmt.Sprintf("traceship: %d lost: %[1]d line too long", lost); err == nil || err.Error() != want {
				t.Errorf("Shutdown: got %v, want %s", err, want)
			}
			n.Flush(t)
			query := fmt.Sprintf("run:=long%d | fields seq", i)
			if s.line != "" {
				query = fmt.Sprintf("%s:%q | fields %[1]s", s.line, fmt.Sprintf(`"run":"long%d"`, i))
			}
			if got := n.Await(t, query, fit); len(got) != fit {
				t.Errorf("%d lines found, want %d", len(got), fit)
			}
		})
	}
}

// While the store restarts, in order or by a crash, lines wait. All are there afterwards; some may be there twice.
func TestShipRestart(t *testing.T) {
	t.Parallel()
	const lines = 6000
	for name, restart := range map[string]func(t *testing.T, n *victorialogs.Node, pause func()){
		"in order": func(t *testing.T, n *victorialogs.Node, pause func()) {
			n.Stop(t)
			pause()
			n.Restart(t)
		},
		"a crash": func(t *testing.T, n *victorialogs.Node, pause func()) {
			n.Kill(t)
			pause()
			n.Restart(t)
		},
	} {
		t.Run(name, func(t *testing.T) {
			n := victorialogs.Start(t)
			w, _ := ship(t, n.URL+shipments[0].path, traceship.Options{Delay: 10 * time.Millisecond})
			seq := 0
			write := func(upTo int) {
				for ; seq < upTo; seq++ {
					fmt.Fprintf(w, `{"time":"2026-03-01T09:15:00Z","msg":"m","service":"s","seq":%d}`+"\n", seq)
					if seq%100 == 0 {
						time.Sleep(time.Millisecond)
					}
				}
			}
			write(lines / 3)
			if name == "a crash" { // what the store has in its memory alone is lost with it: that is not the Writer's loss
				if err := w.Flush(t.Context()); err != nil {
					t.Error(err)
				}
				n.Sync(t)
			}
			var writer sync.WaitGroup
			if name != "a crash" {
				writer.Go(func() { write(2 * lines / 3) })
			}
			restart(t, n, func() {
				writer.Wait()
				write(lines - 1000)
			})
			write(lines)
			if err := w.Shutdown(t.Context()); err != nil {
				t.Error(err)
			}
			if s := w.Stats(); s.Delivered != lines || s.Retries == 0 {
				t.Errorf("%+v", s)
			}
			n.Flush(t)
			got := n.Await(t, "seq:* | fields seq", lines)
			times := make(map[string]int)
			for _, l := range got {
				times[l["seq"]]++
			}
			for i := range lines {
				if times[strconv.Itoa(i)] == 0 {
					t.Fatalf("line %d of %d is missing", i, lines)
				}
			}
			t.Logf("%d lines, %d of them twice", len(got), len(got)-len(times))
		})
	}
}
