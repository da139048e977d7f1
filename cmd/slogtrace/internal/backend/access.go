package backend

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"strings"
	"time"
)

// The variables of the environment that say how to reach a store. A secret is never an argument, which other users can see.
const (
	EnvUser         = "SLOGTRACE_USER"
	EnvPassword     = "SLOGTRACE_PASSWORD"
	EnvPasswordFile = "SLOGTRACE_PASSWORD_FILE"
	EnvToken        = "SLOGTRACE_TOKEN"
	EnvTokenFile    = "SLOGTRACE_TOKEN_FILE"
	EnvCAFile       = "SLOGTRACE_CA_FILE"
	EnvCertFile     = "SLOGTRACE_CERT_FILE"
	EnvKeyFile      = "SLOGTRACE_KEY_FILE"
)

// An Access is how to reach a store over HTTP: its address, who asks, and whom to trust.
type Access struct {
	URL    *url.URL // its base
	Header http.Header
	Client *http.Client

	idle time.Duration // how long the store may be silent
}

// NewAccess reads an address such as victorialogs://host:9428 or victorialogs+https://host/prefix, and the environment.
func NewAccess(address string, getenv func(string) string) (*Access, error) {
	u, err := url.Parse(address)
	if err != nil {
		return nil, errors.New("not a URL") // the error has all of it, perhaps with a password
	}
	if u.User != nil {
		return nil, fmt.Errorf("want no user or password in the URL, where others can see it: set %s and %s, or %s", EnvUser, EnvPasswordFile, EnvTokenFile)
	}
	_, secure, _ := strings.Cut(u.Scheme, "+")
	switch {
	case u.Host == "":
		return nil, errors.New("want a host, as in victorialogs://host:9428")
	case secure != "" && secure != "https" && secure != "http":
		return nil, fmt.Errorf("unknown %q in the URL: want +https or nothing", "+"+secure)
	}
	base := &url.URL{Scheme: "http", Host: u.Host, Path: strings.TrimSuffix(u.Path, "/")}
	if secure == "https" {
		base.Scheme = "https"
	}
	a := &Access{URL: base, Header: http.Header{}, idle: idleLimit}
	if ip := net.ParseIP(base.Hostname()); ip.IsLoopback() || base.Hostname() == "localhost" {
		a.Header.Set("Accept-Encoding", "identity") // to compress takes longer than to send
	}
	if err := a.authorize(getenv); err != nil {
		return nil, err
	}
	config, err := tlsConfig(getenv)
	if err != nil {
		return nil, err
	}
	a.Client = &http.Client{
		Transport: &http.Transport{
			Proxy: http.ProxyFromEnvironment, TLSClientConfig: config, ForceAttemptHTTP2: true,
			MaxIdleConns: 4, IdleConnTimeout: 30 * time.Second, TLSHandshakeTimeout: 10 * time.Second,
			MaxResponseHeaderBytes: 256 << 10,
		},
		// What the headers contain goes to no other server.
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	return a, nil
}

// authorize sets the header Authorization.
func (a *Access) authorize(getenv func(string) string) error {
	token, err := secret(getenv, EnvToken, EnvTokenFile)
	if err != nil {
		return err
	}
	password, err := secret(getenv, EnvPassword, EnvPasswordFile)
	if err != nil {
		return err
	}
	user := getenv(EnvUser)
	switch {
	case token != "" && (user != "" || password != ""):
		return fmt.Errorf("%s and %s: want one of them", EnvToken, EnvUser)
	case token != "":
		a.Header.Set("Authorization", "Bearer "+token)
	case user != "":
		req := http.Request{Header: a.Header}
		req.SetBasicAuth(user, password)
	case password != "":
		return fmt.Errorf("%s without %s", EnvPassword, EnvUser)
	}
	return nil
}

// Exposed reports whether credentials in the environment go to an address of another host without encryption, so that others
// may read them. It returns the host, too.
func Exposed(address string, getenv func(string) string) (host string, exposed bool) {
	u, err := url.Parse(address)
	if err != nil || strings.HasSuffix(u.Scheme, "+https") {
		return "", false
	}
	name := u.Hostname()
	if ip := net.ParseIP(name); name == "localhost" || ip != nil && ip.IsLoopback() {
		return "", false
	}
	return u.Host, getenv(EnvUser) != "" || getenv(EnvToken) != "" || getenv(EnvTokenFile) != ""
}

// maxSecret is how much of a file with a secret is read.
const maxSecret = 64 << 10

// secret returns a secret from the environment or from a file, without a newline at its end.
func secret(getenv func(string) string, name, fileName string) (string, error) {
	text, path := getenv(name), getenv(fileName)
	switch {
	case text != "" && path != "":
		return "", fmt.Errorf("%s and %s: want one of them", name, fileName)
	case path != "":
		f, err := os.Open(path)
		if err != nil {
			return "", fmt.Errorf("%s: %w", fileName, err)
		}
		defer f.Close()
		b, err := io.ReadAll(io.LimitReader(f, maxSecret))
		if err != nil {
			return "", fmt.Errorf("%s: %w", fileName, err)
		}
		text = strings.TrimRight(string(b), "\r\n")
		if text == "" {
			return "", fmt.Errorf("%s: the file is empty", fileName)
		}
	}
	if strings.ContainsAny(text, "\r\n") {
		return "", fmt.Errorf("%s: want one line", name)
	}
	return text, nil
}

// tlsConfig returns the configuration that the environment asks for, or nil.
func tlsConfig(getenv func(string) string) (*tls.Config, error) {
	ca, cert, key := getenv(EnvCAFile), getenv(EnvCertFile), getenv(EnvKeyFile)
	if ca == "" && cert == "" && key == "" {
		return nil, nil
	}
	c := new(tls.Config)
	if ca != "" {
		pem, err := os.ReadFile(ca)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", EnvCAFile, err)
		}
		c.RootCAs = x509.NewCertPool()
		if !c.RootCAs.AppendCertsFromPEM(pem) {
			return nil, fmt.Errorf("%s: no certificate in %s", EnvCAFile, ca)
		}
	}
	switch {
	case (cert == "") != (key == ""):
		return nil, fmt.Errorf("%s and %s: want both", EnvCertFile, EnvKeyFile)
	case cert != "":
		pair, err := tls.LoadX509KeyPair(cert, key)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", EnvCertFile, err)
		}
		c.Certificates = []tls.Certificate{pair}
	}
	return c, nil
}
