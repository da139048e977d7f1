package traceotlp_test

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"time"

	"github.com/slogtrace/slogtrace"
	"github.com/slogtrace/slogtrace/traceotlp"
)

// Lines go to standard output, and spans and logs to a Collector.
func ExampleNewHandler() {
	h, err := traceotlp.NewHandler(&traceotlp.Options{Endpoint: "http://localhost:4318"})
	if err != nil {
		fmt.Println(err)
		return
	}
	slog.SetDefault(slog.New(slog.NewMultiHandler(slogtrace.NewJSONHandler(os.Stdout, nil), h)))

	// … the program …

	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	if err := h.Shutdown(ctx); err != nil {
		fmt.Println(err) // names what was lost
	}
	// Output:
}
