package traceotlp

import (
	"cmp"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"strconv"
	"strings"
	"time"

	"github.com/slogtrace/slogtrace"
	"github.com/slogtrace/slogtrace/internal/deliver"
	"github.com/slogtrace/slogtrace/internal/otlp"
)

// An environment reads OpenTelemetry's variables. An empty one counts as not set (OpenTelemetry Specification,
// "Environment Variable Specification", "Parsing empty value").
type environment struct {
	lookup  func(string) string
	ignored []string // what is not valid, and so has no effect
}

// of returns the variable of a signal, else the one of all signals, and its name.
func (e *environment) of(signal, name string) (value, variable string) {
	variable = "OTEL_EXPORTER_OTLP_" + signal + "_" + name
	if value = e.lookup(variable); value == "" {
		variable = "OTEL_EXPORTER_OTLP_" + name
		value = e.lookup(variable)
	}
	return value, variable
}

func (e *environment) ignore(variable, value, want string) {
	e.ignored = append(e.ignored, fmt.Sprintf("%s: want %s, got %q", variable, want, value))
}

// number returns the value of a variable, which must be a whole number of at least 1.
func (e *environment) number(variable string, def int) int {
	text := e.lookup(variable)
	if text == "" {
		return def
	}
	n, err := strconv.ParseInt(strings.TrimSpace(text), 10, 32)
	if err != nil || n < 1 {
		e.ignore(variable, text, "a whole number of at least 1")
		return def
	}
	return int(n)
}

func (e *environment) millis(variable string, def time.Duration) time.Duration {
	return time.Duration(e.number(variable, int(def/time.Millisecond))) * time.Millisecond
}

// A signal is traces or logs.
type signal struct {
	name    string // in variables: TRACES
	path    string // below the endpoint
	batches string // the prefix of the variables of its batches: OTEL_BSP_
	delay   time.Duration
}

var (
	traces = signal{"TRACES", "v1/traces", "OTEL_BSP_", 5 * time.Second}
	logs   = signal{"LOGS", "v1/logs", "OTEL_BLRP_", time.Second}
)

// endpoint returns the URL of a signal.
func (e *environment) endpoint(opts *Options, s signal) (string, error) {
	base, from := opts.Endpoint, "Options.Endpoint"
	if base == "" {
		if own := "OTEL_EXPORTER_OTLP_" + s.name + "_ENDPOINT"; e.lookup(own) != "" {
			return checkURL(e.lookup(own), own) // as it is
		}
		from = "OTEL_EXPORTER_OTLP_ENDPOINT"
		base = cmp.Or(e.lookup(from), "http://localhost:4318")
	}
	base, err := checkURL(base, from)
	if err != nil {
		return "", err
	}
	u, err := url.Parse(base)
	if err != nil {
		return "", err // checkURL has parsed it
	}
	for _, added := range []string{traces.path, logs.path} {
		if strings.HasSuffix(strings.TrimRight(u.Path, "/"), "/"+added) {
			return "", fmt.Errorf("traceotlp: %s: want the URL without /%s, which is added to it", from, added)
		}
	}
	return u.JoinPath(s.path).String(), nil
}

func checkURL(text, from string) (string, error) {
	u, err := url.Parse(text)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" {
		return "", fmt.Errorf("traceotlp: %s: want a URL such as http://localhost:4318", from)
	}
	if u.Port() == "4317" {
		return "", fmt.Errorf("traceotlp: %s has port 4317, where receivers speak gRPC; this package speaks HTTP, which is port 4318 in most receivers", from)
	}
	return text, nil
}

// protocol checks the protocol of a signal, and returns what Stats.Protocol says.
func (e *environment) protocol(s signal) (string, error) {
	value, variable := e.of(s.name, "PROTOCOL")
	switch value {
	case "", "http/json":
		return "http/json", nil
	case "http/protobuf":
		return "http/json, although " + variable + " is http/protobuf", nil
	case "grpc":
		return "", fmt.Errorf("traceotlp: %s is grpc; this package speaks http/json: set that, and port 4318 in most receivers", variable)
	}
	return "", fmt.Errorf("traceotlp: %s: want http/json, got %q", variable, value)
}

// client returns a client for a signal, and what Stats.Protocol says.
func (e *environment) client(opts *Options, s signal) (*deliver.Client, string, error) {
	u, err := e.endpoint(opts, s)
	if err != nil {
		return nil, "", err
	}
	protocol, err := e.protocol(s)
	if err != nil {
		return nil, "", err
	}
	config, err := e.tls(opts, s)
	if err != nil {
		return nil, "", err
	}
	client, err := deliver.NewClient(u, deliver.ClientOptions{
		Header: e.headers(opts, s), Gzip: e.gzip(opts, s), TLS: config, Transport: opts.Transport,
	})
	if err != nil {
		return nil, "", fmt.Errorf("traceotlp: endpoint of %s: %w", strings.ToLower(s.name), err)
	}
	return client, protocol, nil
}

// headers returns the headers of a signal. They are a list as in W3C Baggage, without properties.
func (e *environment) headers(opts *Options, s signal) http.Header {
	header := http.Header{"Content-Type": {"application/json"}, "User-Agent": {"slogtrace-traceotlp/" + version()}}
	list, variable := e.of(s.name, "HEADERS")
	for member := range strings.SplitSeq(list, ",") {
		if strings.TrimSpace(member) == "" {
			continue
		}
		key, value, ok := strings.Cut(member, "=")
		key, keyErr := url.PathUnescape(strings.TrimSpace(key))
		value, valueErr := url.PathUnescape(strings.TrimSpace(value))
		if !ok || keyErr != nil || valueErr != nil || !validHeader(key, value) {
			// The text may be a secret: it is not repeated.
			e.ignored = append(e.ignored, variable+": want key=value,key=value")
			continue
		}
		header.Set(key, value)
	}
	for key, value := range opts.Headers {
		header.Set(key, value)
	}
	return header
}

// validHeader reports whether package net/http takes the header. It refuses whole requests otherwise.
func validHeader(key, value string) bool {
	token := func(r rune) bool {
		return r > ' ' && r < 0x7f && !strings.ContainsRune(`()<>@,;:\"/[]?={}`, r)
	}
	return key != "" && strings.IndexFunc(key, func(r rune) bool { return !token(r) }) < 0 &&
		strings.IndexFunc(value, func(r rune) bool { return r < ' ' && r != '\t' || r == 0x7f }) < 0
}

func (e *environment) gzip(opts *Options, s signal) bool {
	if opts.Gzip {
		return true
	}
	switch value, variable := e.of(s.name, "COMPRESSION"); value {
	case "gzip":
		return true
	case "", "none":
	default:
		e.ignore(variable, value, "gzip or none")
	}
	return false
}

// tls returns the TLS configuration of a signal. It is nil if nothing is set.
func (e *environment) tls(opts *Options, s signal) (*tls.Config, error) {
	if opts.TLS != nil {
		return opts.TLS, nil
	}
	ca, caVariable := e.of(s.name, "CERTIFICATE")
	cert, certVariable := e.of(s.name, "CLIENT_CERTIFICATE")
	key, keyVariable := e.of(s.name, "CLIENT_KEY")
	if ca == "" && cert == "" && key == "" {
		return nil, nil
	}
	c := &tls.Config{MinVersion: tls.VersionTLS12}
	if ca != "" {
		pem, err := os.ReadFile(ca)
		if err != nil {
			return nil, fmt.Errorf("traceotlp: %s: %w", caVariable, err)
		}
		c.RootCAs = x509.NewCertPool()
		if !c.RootCAs.AppendCertsFromPEM(pem) {
			return nil, fmt.Errorf("traceotlp: %s: %s has no certificate in PEM", caVariable, ca)
		}
	}
	if cert != "" || key != "" {
		if cert == "" || key == "" {
			return nil, fmt.Errorf("traceotlp: want both %s and %s, or neither", certVariable, keyVariable)
		}
		pair, err := tls.LoadX509KeyPair(cert, key)
		if err != nil {
			return nil, fmt.Errorf("traceotlp: %s, %s: %w", certVariable, keyVariable, err)
		}
		c.Certificates = []tls.Certificate{pair}
	}
	return c, nil
}

// queue returns the options of the queue of a signal, without Send.
func (e *environment) queue(opts *Options, s signal) deliver.Options {
	q := deliver.Options{
		Name:         "traceotlp: " + strings.ToLower(s.name),
		MaxRecords:   cmp.Or(opts.MaxQueue, e.number(s.batches+"MAX_QUEUE_SIZE", 2048)),
		MaxBytes:     opts.MaxQueueBytes,
		BatchRecords: cmp.Or(opts.MaxBatch, e.number(s.batches+"MAX_EXPORT_BATCH_SIZE", 512)),
		Delay:        cmp.Or(opts.Delay, e.millis(s.batches+"SCHEDULE_DELAY", s.delay)),
		Timeout:      opts.Timeout,
	}
	if opts.Immediate {
		q.BatchRecords, q.Delay = 1, -1
	}
	if q.Timeout == 0 {
		variable := "OTEL_EXPORTER_OTLP_" + s.name + "_TIMEOUT"
		q.Timeout = e.millis("OTEL_EXPORTER_OTLP_TIMEOUT", 10*time.Second)
		q.Timeout = e.millis(variable, q.Timeout)
		q.Timeout = min(q.Timeout, e.millis(s.batches+"EXPORT_TIMEOUT", 30*time.Second))
	}
	return q
}

// resource returns the attributes of the resource: the options', else the environment's, else what is known anyway.
func (e *environment) resource(opts *Options) []otlp.Attr {
	var list []otlp.Attr
	add := func(more []otlp.Attr) {
		for _, a := range more {
			if !hasKey(list, a.Key) {
				list = append(list, a)
			}
		}
	}
	flat := func(attrs ...slog.Attr) (list []otlp.Attr) {
		for _, a := range attrs {
			list = otlp.Flatten(list, "", a)
		}
		return list
	}
	add(flat(opts.Resource...))
	for _, a := range slogtrace.EnvAttrs() {
		switch a.Key {
		case "service":
			a.Key = "service.name"
		case "resource_error":
			e.ignored = append(e.ignored, a.Value.String())
			continue
		}
		add(flat(a))
	}
	build := buildVersion()
	if build != "" {
		add(flat(slog.String("service.version", build)))
	}
	add(flat(
		slog.String("service.name", "unknown_service:"+filepath.Base(os.Args[0])),
		slog.String("telemetry.sdk.name", "slogtrace"),
		slog.String("telemetry.sdk.language", "go"),
		slog.String("telemetry.sdk.version", version()),
		slog.String("process.runtime.version", runtime.Version())))
	return list
}

func hasKey(list []otlp.Attr, key string) bool {
	for i := range list {
		if list[i].Key == key {
			return true
		}
	}
	return false
}

// buildVersion returns the version of the program, or the revision that it was built from.
func buildVersion() string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return ""
	}
	if v := info.Main.Version; v != "" && v != "(devel)" {
		return v
	}
	for _, s := range info.Settings {
		if s.Key == "vcs.revision" {
			return s.Value
		}
	}
	return ""
}

const modulePath = "github.com/slogtrace/slogtrace"

// version returns the version of this module in the program.
func version() string {
	if info, ok := debug.ReadBuildInfo(); ok {
		for _, m := range append(info.Deps, &info.Main) {
			if m.Path == modulePath && m.Version != "" {
				return m.Version
			}
		}
	}
	return "(devel)"
}
