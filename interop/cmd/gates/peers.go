package main

// A peer is somebody else's software that is measured. What its slog handler gets wrong is in findings.go.
type peer struct {
	name    string
	modules []string // whose versions count
}

var peers = []peer{
	{name: "OpenTelemetry SDK", modules: []string{
		"go.opentelemetry.io/otel", "go.opentelemetry.io/otel/sdk", "go.opentelemetry.io/otel/exporters/stdout/stdouttrace",
	}},
	{name: "OTLP", modules: []string{"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracehttp", "go.opentelemetry.io/collector/pdata"}},
	{name: "otelhttp", modules: []string{"go.opentelemetry.io/contrib/instrumentation/net/http/otelhttp"}},
	{name: "otelsql", modules: []string{"github.com/XSAM/otelsql"}},
	{name: "otelslog", modules: []string{
		"go.opentelemetry.io/contrib/bridges/otelslog", "go.opentelemetry.io/otel/sdk/log",
		"go.opentelemetry.io/otel/exporters/stdout/stdoutlog",
	}},
	{name: "Datadog", modules: []string{
		"github.com/DataDog/dd-trace-go/v2", "github.com/DataDog/dd-trace-go/contrib/log/slog/v2",
	}},
	{name: "zerolog", modules: []string{"github.com/rs/zerolog"}},
	{name: "zap", modules: []string{"go.uber.org/zap", "go.uber.org/zap/exp"}},
	{name: "phuslu/log", modules: []string{"github.com/phuslu/log"}},
}
