package traceotlp

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"log/slog"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// setenv sets the variables of OpenTelemetry, and no others of theirs.
func setenv(t *testing.T, variables map[string]string) {
	t.Helper()
	for _, e := range os.Environ() {
		if key, _, _ := strings.Cut(e, "="); strings.HasPrefix(key, "OTEL_") {
			t.Setenv(key, "")
		}
	}
	for key, value := range variables {
		t.Setenv(key, value)
	}
}

func TestEndpoint(t *testing.T) {
	const general, own = "OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT"
	for _, test := range []struct {
		option, general, own string
		traces, logs         string
	}{
		{"", "", "", "http://localhost:4318/v1/traces", "http://localhost:4318/v1/logs"},
		{"", "https://c:1/", "", "https://c:1/v1/traces", "https://c:1/v1/logs"},
		{"", "https://c:1/a", "", "https://c:1/a/v1/traces", "https://c:1/a/v1/logs"},
		{"", "https://c:1/a?k=v", "", "https://c:1/a/v1/traces?k=v", "https://c:1/a/v1/logs?k=v"},
		{"", "https://c:1", "http://d:2/x", "http://d:2/x", "https://c:1/v1/logs"},
		{"", "", "http://d:2", "http://d:2", "http://localhost:4318/v1/logs"},
		{"http://o", "https://c:1", "http://d:2/x", "http://o/v1/traces", "http://o/v1/logs"},
	} {
		setenv(t, map[string]string{general: test.general, own: test.own})
		e := &environment{lookup: os.Getenv}
		for _, s := range []struct {
			signal
			want string
		}{{traces, test.traces}, {logs, test.logs}} {
			got, err := e.endpoint(&Options{Endpoint: test.option}, s.signal)
			if err != nil || got != s.want {
				t.Errorf("%+v: %s: got %s, %v, want %s", test, s.name, got, err, s.want)
			}
		}
	}
}

// What cannot work is an error that says what to set; what is merely wrong is said in Stats.
func TestConstructor(t *testing.T) {
	dir := t.TempDir()
	garbage := filepath.Join(dir, "garbage.pem")
	if err := os.WriteFile(garbage, []byte("garbage"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		variable, value string
		err             string // a part of the error; "" for none
		ignored         string // a part of Stats.Ignored
	}{
		{"ENDPOINT", "collector:4318", "OTEL_EXPORTER_OTLP_ENDPOINT: want a URL", ""},
		{"ENDPOINT", "http://collector:4317", "gRPC; this package speaks HTTP, which is port 4318", ""},
		{"ENDPOINT", "http://collector:4318/v1/traces/", "OTEL_EXPORTER_OTLP_ENDPOINT: want the URL without /v1/traces, which is added", ""},
		{"ENDPOINT", "http://collector:4318/a/v1/logs", "want the URL without /v1/logs", ""},
		{"LOGS_ENDPOINT", "http://collector:4317/v1/logs", "OTEL_EXPORTER_OTLP_LOGS_ENDPOINT has port 4317", ""},
		{"PROTOCOL", "grpc", "OTEL_EXPORTER_OTLP_PROTOCOL is grpc", ""},
		{"TRACES_PROTOCOL", "http/xml", "OTEL_EXPORTER_OTLP_TRACES_PROTOCOL: want http/json", ""},
		{"PROTOCOL", "http/protobuf", "", ""},
		{"CERTIFICATE", filepath.Join(dir, "missing.pem"), "OTEL_EXPORTER_OTLP_CERTIFICATE", ""},
		{"CERTIFICATE", garbage, "has no certificate", ""},
		{"CLIENT_KEY", garbage, "want both OTEL_EXPORTER_OTLP_CLIENT_CERTIFICATE and OTEL_EXPORTER_OTLP_CLIENT_KEY", ""},
		{"TIMEOUT", "soon", "", "OTEL_EXPORTER_OTLP_TIMEOUT: want a whole number"},
		{"TIMEOUT", "-1", "", "OTEL_EXPORTER_OTLP_TIMEOUT"},
		{"COMPRESSION", "zstd", "", "OTEL_EXPORTER_OTLP_COMPRESSION: want gzip or none"},
		{"HEADERS", "a=b,hunter2", "", "OTEL_EXPORTER_OTLP_HEADERS: want key=value"},
		{"HEADERS", "a\x7f=b", "", "OTEL_EXPORTER_OTLP_HEADERS"},
		{"HEADERS", "a=b%zz", "", "OTEL_EXPORTER_OTLP_HEADERS"},
		{"HEADERS", "a=b%0a", "", "OTEL_EXPORTER_OTLP_HEADERS"},
	} {
		t.Run(test.variable+" "+filepath.Base(test.value), func(t *testing.T) {
			setenv(t, map[string]string{"OTEL_EXPORTER_OTLP_" + test.variable: test.value})
			h, err := NewHandler(nil)
			if test.err != "" {
				if err == nil || !strings.Contains(err.Error(), test.err) {
					t.Errorf("got %v, want %q", err, test.err)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			defer h.Shutdown(t.Context())
			ignored := strings.Join(h.Stats().Ignored, "\n")
			if !strings.Contains(ignored, test.ignored) || test.ignored == "" && ignored != "" || strings.Contains(ignored, "hunter2") {
				t.Errorf("ignored is %q, want %q", ignored, test.ignored)
			}
		})
	}
	setenv(t, map[string]string{"OTEL_EXPORTER_OTLP_LOGS_PROTOCOL": "http/protobuf"})
	h, err := NewHandler(nil)
	if err != nil {
		t.Fatal(err)
	}
	defer h.Shutdown(t.Context())
	diff(t, "protocol", h.Stats().Protocol, "http/json, although OTEL_EXPORTER_OTLP_LOGS_PROTOCOL is http/protobuf")
	if _, err := NewHandler(&Options{Logs: 7}); err == nil {
		t.Error("Logs: 7 is accepted")
	}
}

func TestQueueVariables(t *testing.T) {
	describe := func(s signal, opts Options, variables map[string]string) string {
		setenv(t, variables)
		q := (&environment{lookup: os.Getenv}).queue(&opts, s)
		return fmt.Sprint(q.MaxRecords, q.BatchRecords, q.Delay, q.Timeout)
	}
	diff(t, "spans", describe(traces, Options{}, nil), "2048 512 5s 10s")
	diff(t, "logs", describe(logs, Options{}, nil), "2048 512 1s 10s")
	set := map[string]string{
		"OTEL_BSP_MAX_QUEUE_SIZE": "10", "OTEL_BSP_MAX_EXPORT_BATCH_SIZE": "5", "OTEL_BSP_SCHEDULE_DELAY": "7", "OTEL_EXPORTER_OTLP_TIMEOUT": "20000",
		"OTEL_BSP_EXPORT_TIMEOUT": "15000", "OTEL_BLRP_MAX_QUEUE_SIZE": "11", "OTEL_BLRP_SCHEDULE_DELAY": "8", "OTEL_EXPORTER_OTLP_LOGS_TIMEOUT": "3",
	}
	diff(t, "spans, set", describe(traces, Options{}, set), "10 5 7ms 15s")
	diff(t, "logs, set", describe(logs, Options{}, set), "11 512 8ms 3ms")
	diff(t, "options", describe(traces, Options{MaxQueue: 1, MaxBatch: 2, Delay: 3, Timeout: 4}, set), "1 2 3ns 4ns")
	diff(t, "immediate", describe(traces, Options{Immediate: true}, set), "10 1 -1ns 15s")
}

func TestDisabled(t *testing.T) {
	r := newReceiver(t)
	setenv(t, map[string]string{"OTEL_SDK_DISABLED": "True", "OTEL_EXPORTER_OTLP_ENDPOINT": r.URL, "OTEL_EXPORTER_OTLP_PROTOCOL": "grpc"})
	h, err := NewHandler(nil)
	if err != nil {
		t.Fatal(err)
	}
	if h.Enabled(t.Context(), slog.LevelError) {
		t.Error("it is enabled")
	}
	slog.New(h).With("a", 1).WithGroup("g").Error("m")
	if err := h.Handle(t.Context(), slog.NewRecord(time.Now(), slog.LevelError, "m", 0)); err != nil {
		t.Error(err)
	}
	if err := h.Flush(t.Context()); err != nil {
		t.Error(err)
	}
	if err := h.Shutdown(t.Context()); err != nil {
		t.Error(err)
	}
	if h.Stats().Logs.Records != 0 || len(r.requests) != 0 {
		t.Errorf("%+v", h.Stats())
	}
}

// Headers, compression and certificates reach the server, and are of the signal that they are set for.
func TestTLS(t *testing.T) {
	ca, server, client, key := certificates(t)
	requests := make(chan *http.Request, 10)
	s := httptest.NewUnstartedServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { requests <- r }))
	pool := x509.NewCertPool()
	pool.AddCert(ca)
	s.TLS = &tls.Config{Certificates: []tls.Certificate{server}, ClientAuth: tls.RequireAndVerifyClientCert, ClientCAs: pool}
	s.StartTLS()
	defer s.Close()
	caFile := writePEM(t, "CERTIFICATE", ca.Raw)
	setenv(t, map[string]string{
		"OTEL_EXPORTER_OTLP_ENDPOINT": s.URL, "OTEL_EXPORTER_OTLP_CERTIFICATE": caFile,
		"OTEL_EXPORTER_OTLP_CLIENT_CERTIFICATE": client, "OTEL_EXPORTER_OTLP_CLIENT_KEY": key,
		"OTEL_EXPORTER_OTLP_HEADERS": " api-key = a%20b , x=1", "OTEL_EXPORTER_OTLP_LOGS_HEADERS": "y=2", "OTEL_EXPORTER_OTLP_LOGS_COMPRESSION": "gzip",
		"OTEL_SERVICE_NAME": "api", "OTEL_RESOURCE_ATTRIBUTES": "service.name=other,service.version=v9,zone=a",
	})
	h, err := NewHandler(&Options{Headers: map[string]string{"X": "option"}, Delay: -1})
	if err != nil {
		t.Fatal(err)
	}
	log := slog.New(h)
	log.Info("m")
	if err := h.Shutdown(t.Context()); err != nil {
		t.Fatal(err)
	}
	r := <-requests
	diff(t, "headers of logs", fmt.Sprint(r.Header["Api-Key"], r.Header["X"], r.Header["Y"], r.Header["Content-Encoding"]), "[] [option] [2] [gzip]")
	got := map[string]string{}
	for _, a := range h.resource {
		got[a.Key] = a.Value.String()
	}
	diff(t, "resource", fmt.Sprint(got["service.name"], got["service.version"], got["zone"]), "apiv9a")

	h, err = NewHandler(&Options{Resource: []slog.Attr{slog.String("service.name", "mine")}})
	if err != nil {
		t.Fatal(err)
	}
	defer h.Shutdown(context.Background())
	diff(t, "service.name", h.resource[0].Value.String(), "mine")
}

// certificates makes a CA, a server's certificate, and files with a client's.
func certificates(t *testing.T) (ca *x509.Certificate, server tls.Certificate, clientFile, keyFile string) {
	t.Helper()
	newKey := func() *ecdsa.PrivateKey {
		key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
		if err != nil {
			t.Fatal(err)
		}
		return key
	}
	caKey := newKey()
	sign := func(c *x509.Certificate, parent *x509.Certificate, key *ecdsa.PrivateKey) []byte {
		c.SerialNumber, c.NotBefore, c.NotAfter = big.NewInt(time.Now().UnixNano()), time.Now().Add(-time.Hour), time.Now().Add(time.Hour)
		der, err := x509.CreateCertificate(rand.Reader, c, parent, &key.PublicKey, caKey)
		if err != nil {
			t.Fatal(err)
		}
		return der
	}
	template := &x509.Certificate{Subject: pkix.Name{CommonName: "CA"}, IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign}
	ca, err := x509.ParseCertificate(sign(template, template, caKey))
	if err != nil {
		t.Fatal(err)
	}
	serverKey, clientKey := newKey(), newKey()
	server = tls.Certificate{PrivateKey: serverKey, Certificate: [][]byte{sign(&x509.Certificate{
		DNSNames: []string{"localhost"}, IPAddresses: []net.IP{{127, 0, 0, 1}}, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}, ca, serverKey)}}
	der := sign(&x509.Certificate{Subject: pkix.Name{CommonName: "client"}, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}}, ca, clientKey)
	keyDER, err := x509.MarshalECPrivateKey(clientKey)
	if err != nil {
		t.Fatal(err)
	}
	return ca, server, writePEM(t, "CERTIFICATE", der), writePEM(t, "EC PRIVATE KEY", keyDER)
}

func writePEM(t *testing.T, kind string, der []byte) string {
	t.Helper()
	f, err := os.CreateTemp(t.TempDir(), "*.pem")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if err := pem.Encode(f, &pem.Block{Type: kind, Bytes: der}); err != nil {
		t.Fatal(err)
	}
	return f.Name()
}
