package traceship_test

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"os"
	"time"

	"github.com/slogtrace/slogtrace"
	"github.com/slogtrace/slogtrace/traceship"
)

// Lines go to standard output and to VictoriaLogs.
func ExampleNewWriter() {
	w, err := traceship.NewWriter("http://localhost:9428/insert/jsonline?_time_field=time&_msg_field=msg&_stream_fields=service", nil)
	if err != nil {
		fmt.Println(err)
		return
	}
	slog.SetDefault(slog.New(slogtrace.NewJSONHandler(io.MultiWriter(os.Stdout, w), nil)))

	// … the program …

	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	if err := w.Shutdown(ctx); err != nil {
		fmt.Println(err) // names what was lost
	}
	// Output:
}

// A slow standard output delays no log call.
func ExampleNewAsyncWriter() {
	w := traceship.NewAsyncWriter(os.Stdout, nil)
	log := slog.New(slog.NewTextHandler(w, &slog.HandlerOptions{ReplaceAttr: func(_ []string, a slog.Attr) slog.Attr {
		if a.Key == slog.TimeKey {
			return slog.Attr{}
		}
		return a
	}}))
	log.Info("booked", "seat", "12A")
	log.Info("paid", "amount", 129)

	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	if err := w.Shutdown(ctx); err != nil {
		fmt.Println(err) // names what was lost
	}
	fmt.Println(w.Stats().Delivered, "lines")
	// Output:
	// level=INFO msg=booked seat=12A
	// level=INFO msg=paid amount=129
	// 2 lines
}

// Each line is kept whole beside its members, exactly as it was written.
func ExampleNewWriter_keepLine() {
	w, err := traceship.NewWriter("http://localhost:9428/insert/jsonline?_time_field=time&_stream_fields=service", &traceship.Options{
		KeepLine: "_msg",
		Gzip:     true,
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(w.Shutdown(context.Background()))
	// Output: <nil>
}

// The Datadog preset names the members as Datadog wants them, and the Writer sends the lines without an Agent.
func ExampleNewWriter_datadog() {
	w, err := traceship.NewWriter("https://http-intake.logs.datadoghq.com/api/v2/logs", &traceship.Options{
		Framing: traceship.Datadog,
		Token:   os.Getenv("DD_API_KEY"),
		Labels:  map[string]string{"service": "bookings", "ddsource": "go", "ddtags": "env:prod"},
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	h := slogtrace.Datadog.NewJSONHandler(w, nil)
	slog.SetDefault(slog.New(h.WithAttrs(slogtrace.Datadog.EnvAttrs())))

	// … the program …

	if err := w.Shutdown(context.Background()); err != nil {
		fmt.Println(err)
	}
	// Output:
}
