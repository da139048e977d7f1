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
