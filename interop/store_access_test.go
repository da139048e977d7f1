package interop

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"io"
	"log"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/slogtrace/slogtrace/internal/loggen"
	"github.com/slogtrace/slogtrace/interop/internal/clickhouse"
	"github.com/slogtrace/slogtrace/interop/internal/victorialogs"
)

// An authority signs certificates.
type authority struct {
	file string // its own, in PEM
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
}

func newAuthority(t testing.TB) *authority {
	t.Helper()
	a := &authority{file: filepath.Join(t.TempDir(), "ca.pem")}
	var err error
	if a.key, err = ecdsa.GenerateKey(elliptic.P256(), rand.Reader); err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "Private CA"}, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &a.key.PublicKey, a.key)
	if err != nil {
		t.Fatal(err)
	}
	if a.cert, err = x509.ParseCertificate(der); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(a.file, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), 0o666); err != nil {
		t.Fatal(err)
	}
	return a
}

// sign returns the certificate of a server or a client, valid for a time from now on, which may be negative.
func (a *authority) sign(t testing.TB, valid time.Duration, ip net.IP) tls.Certificate {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(2), Subject: pkix.Name{CommonName: "store"}, NotBefore: time.Now().Add(-2 * time.Hour), NotAfter: time.Now().Add(valid),
		IPAddresses: []net.IP{ip}, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, a.cert, &key.PublicKey, a.key)
	if err != nil {
		t.Fatal(err)
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}
}

// files writes a certificate and its key in PEM.
func files(t testing.TB, c tls.Certificate) (cert, key string) {
	t.Helper()
	der, err := x509.MarshalPKCS8PrivateKey(c.PrivateKey)
	if err != nil {
		t.Fatal(err)
	}
	cert, key = filepath.Join(t.TempDir(), "cert.pem"), filepath.Join(t.TempDir(), "key.pem")
	for name, block := range map[string]*pem.Block{cert: {Type: "CERTIFICATE", Bytes: c.Certificate[0]}, key: {Type: "PRIVATE KEY", Bytes: der}} {
		if err := os.WriteFile(name, pem.EncodeToMemory(block), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return cert, key
}

// before starts a server in front of a store, with TLS if there is a config. It passes on requests for which allowed is nil or returns true.
func before(t testing.TB, store string, config *tls.Config, allowed func(*http.Request) bool) *httptest.Server {
	t.Helper()
	to, err := url.Parse(store)
	if err != nil {
		t.Fatal(err)
	}
	silent := log.New(io.Discard, "", 0) // about clients that refuse a certificate or leave
	proxy := &httputil.ReverseProxy{FlushInterval: -1, ErrorLog: silent, Rewrite: func(r *httputil.ProxyRequest) {
		r.SetURL(to)
		r.Out.Header.Del("Authorization")
	}}
	s := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if allowed != nil && !allowed(r) {
			http.Error(w, "who are you?", http.StatusUnauthorized)
			return
		}
		proxy.ServeHTTP(w, r)
	}))
	s.Config.ErrorLog = silent
	if s.TLS = config; config == nil {
		s.Start()
	} else {
		s.StartTLS()
	}
	t.Cleanup(s.Close)
	return s
}

// realStores are a table of ClickHouse and a node of VictoriaLogs with the same lines. From is the address at another host.
type realStore struct {
	name, url string
	from      func(url string) string
	file      string
}

func realStores(t *testing.T) []realStore {
	t.Helper()
	lines := generated(t, loggen.Options{Traces: 20})
	n, server := victorialogs.Start(t), clickhouse.Start(t)
	v, c := storeLines(t, n, "0", 0, lines), storeColumns(t, server, "logs", lines)
	at := func(kind, path string) func(string) string {
		return func(u string) string {
			return strings.NewReplacer("https:", kind+"+https:", "http:", kind+":").Replace(u) + path
		}
	}
	return []realStore{
		{"VictoriaLogs", n.URL, at("victorialogs", ""), v.file},
		{"ClickHouse", server.URL, at("clickhouse", "/default/logs"), c.file},
	}
}

// The server's certificate must be of an authority that the system or SLOGTRACE_CA_FILE trusts, for its host, and valid.
func TestStoreTLS(t *testing.T) {
	t.Parallel()
	ca, other := newAuthority(t), newAuthority(t)
	here := net.IPv4(127, 0, 0, 1)
	good, expired, elsewhere := ca.sign(t, time.Hour, here), ca.sign(t, -time.Hour, here), ca.sign(t, time.Hour, net.IPv4(192, 0, 2, 1))
	for _, store := range realStores(t) {
		want := command(t, nil, "ls", "--json", "--since", sinceAll, store.file).stdout
		ask := func(cert tls.Certificate, env ...string) ran {
			s := before(t, store.url, &tls.Config{Certificates: []tls.Certificate{cert}}, nil)
			return command(t, env, "ls", "--json", "--since", sinceAll, "--from", store.from(s.URL))
		}
		trusted := [][]string{{"SLOGTRACE_CA_FILE=" + ca.file}}
		if runtime.GOOS == "linux" {
			trusted = append(trusted, []string{"SSL_CERT_FILE=" + ca.file})
		}
		for _, env := range trusted {
			if r := ask(good, env...); r.stdout != want || r.code != 0 || r.stderr != "" {
				t.Errorf("%s, %s: exit code %d, %s\n%s", store.name, env, r.code, r.stderr, cmp.Diff(want, r.stdout))
			}
		}
		for words, r := range map[string]ran{
			"certificate signed by unknown authority (SLOGTRACE_CA_FILE": ask(good),
			"certificate signed by unknown authority":                    ask(good, "SLOGTRACE_CA_FILE="+other.file),
			"certificate has expired":                                    ask(expired, "SLOGTRACE_CA_FILE="+ca.file),
			"certificate is valid for 192.0.2.1, not 127.0.0.1":          ask(elsewhere, "SLOGTRACE_CA_FILE="+ca.file),
		} {
			if r.code != 1 || r.stdout != "" || !strings.Contains(r.stderr, words) || strings.Count(r.stderr, "\n") != 1 {
				t.Errorf("%s: %+v, want an error with %q", store.name, r, words)
			}
		}
		clients := x509.NewCertPool()
		clients.AddCert(ca.cert)
		strict := before(t, store.url, &tls.Config{Certificates: []tls.Certificate{good}, ClientAuth: tls.RequireAndVerifyClientCert, ClientCAs: clients}, nil)
		cert, key := files(t, good)
		args := []string{"ls", "--json", "--since", sinceAll, "--from", store.from(strict.URL)}
		if r := command(t, []string{"SLOGTRACE_CA_FILE=" + ca.file, "SLOGTRACE_CERT_FILE=" + cert, "SLOGTRACE_KEY_FILE=" + key}, args...); r.stdout != want || r.stderr != "" {
			t.Errorf("%s with a client's certificate: exit code %d, %s", store.name, r.code, r.stderr)
		}
		if r := command(t, []string{"SLOGTRACE_CA_FILE=" + ca.file}, args...); r.code != 1 || r.stdout != "" || !strings.Contains(r.stderr, "certificate required") {
			t.Errorf("%s without a client's certificate: %+v", store.name, r)
		}
		plain := before(t, store.url, nil, nil)
		r := command(t, nil, "ls", "--since", sinceAll, "--from", store.from(strings.Replace(plain.URL, "http:", "https:", 1)))
		if r.code != 1 || !strings.Contains(r.stderr, "server gave HTTP response to HTTPS client") {
			t.Errorf("%s without TLS: %+v", store.name, r)
		}
	}
}

// Credentials come from the environment or files. They are sent on each request, and no message has them.
func TestStoreCredentials(t *testing.T) {
	t.Parallel()
	secret := filepath.Join(t.TempDir(), "secret")
	if err := os.WriteFile(secret, []byte("pa:ss=wörd\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	basic := func(r *http.Request) bool {
		user, password, _ := r.BasicAuth()
		return user == "ann" && password == "pa:ss=wörd"
	}
	bearer := func(r *http.Request) bool { return r.Header.Get("Authorization") == "Bearer pa:ss=wörd" }
	for _, store := range realStores(t) {
		want := command(t, nil, "ls", "--json", "--since", sinceAll, store.file).stdout
		for _, test := range []struct {
			allowed func(*http.Request) bool
			env     []string
			ok      bool
		}{
			{basic, []string{"SLOGTRACE_USER=ann", "SLOGTRACE_PASSWORD=pa:ss=wörd"}, true},
			{basic, []string{"SLOGTRACE_USER=ann", "SLOGTRACE_PASSWORD_FILE=" + secret}, true},
			{bearer, []string{"SLOGTRACE_TOKEN=pa:ss=wörd"}, true},
			{bearer, []string{"SLOGTRACE_TOKEN_FILE=" + secret}, true},
			{basic, nil, false},
			{basic, []string{"SLOGTRACE_USER=ann", "SLOGTRACE_PASSWORD=guessed"}, false},
			{bearer, []string{"SLOGTRACE_TOKEN=guessed"}, false},
		} {
			s := before(t, store.url, nil, test.allowed)
			for _, args := range [][]string{{"ls", "--json", "--since", sinceAll, "--from", store.from(s.URL)}, {"ls", "--json", "--since", sinceAll, "--partial", "--from", store.from(s.URL)}} {
				r := command(t, test.env, args...)
				switch {
				case test.ok && (r.code != 0 || r.stdout != want || r.stderr != ""):
					t.Errorf("%s, %s: exit code %d, %s", store.name, test.env, r.code, r.stderr)
				case !test.ok && (r.code != 1 || r.stdout != "" || !strings.Contains(r.stderr, "status 401: who are you? (credentials come from") || strings.Contains(r.stderr, "guessed")):
					t.Errorf("%s, %s: %+v, want an error about credentials", store.name, test.env, r)
				}
			}
		}
		// At another host, which is a proxy here, they could be read by others.
		s := before(t, store.url, nil, bearer)
		env := []string{"SLOGTRACE_TOKEN=pa:ss=wörd", "HTTP_PROXY=" + s.URL}
		r := command(t, env, "ls", "--json", "--since", sinceAll, "--from", store.from("http://logs.example:9428"))
		if want != r.stdout || !strings.Contains(r.stderr, "logs.example:9428: the password or token goes there without encryption") || strings.Contains(r.stderr, "wörd") {
			t.Errorf("%s: %+v, want a warning", store.name, r)
		}
		s = before(t, store.url, nil, nil)
		if r := command(t, []string{"HTTP_PROXY=" + s.URL}, "ls", "--json", "--since", sinceAll, "--from", store.from("http://logs.example:9428")); r.stderr != "" || want != r.stdout {
			t.Errorf("%s without credentials: %+v", store.name, r)
		}
	}
}
