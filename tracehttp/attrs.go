package tracehttp

import (
	"log/slog"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/slogtrace/slogtrace/internal/errtype"
)

// The attributes of OpenTelemetry's stable semantic conventions for HTTP spans.
const (
	methodKey         = "http.request.method"
	originalMethodKey = "http.request.method_original"
	routeKey          = "http.route"
	statusKey         = "http.response.status_code"
	schemeKey         = "url.scheme"
	pathKey           = "url.path"
	fullKey           = "url.full"
	queryKey          = "url.query"
	addressKey        = "server.address"
	portKey           = "server.port"
	protocolKey       = "network.protocol.version"
	errorTypeKey      = errtype.Key
	userAgentKey      = "user_agent.original"

	abortedKey = "http.aborted" // ours: "client" or "handler"
)

// maxText limits, in bytes, a text that a stranger chose. maxMethod limits a method.
const (
	maxText   = 1024
	maxMethod = 32
)

// cut returns s, or its beginning and "…" if it has more than most bytes. Requests may have a megabyte of headers.
func cut(s string, most int) string {
	if len(s) <= most {
		return s
	}
	return strings.ToValidUTF8(s[:most-len("…")], "") + "…"
}

// knownMethod returns m if it is a method of RFC 9110, 9.3, or PATCH (RFC 5789), and GET if m is "". Otherwise it returns "".
func knownMethod(m string) string {
	switch m {
	case "":
		return http.MethodGet
	case http.MethodGet, http.MethodHead, http.MethodPost, http.MethodPut, http.MethodPatch,
		http.MethodDelete, http.MethodConnect, http.MethodOptions, http.MethodTrace:
		return m
	}
	return ""
}

func appendMethod(attrs []slog.Attr, original string) []slog.Attr {
	if known := knownMethod(original); known != "" {
		return append(attrs, slog.String(methodKey, known))
	}
	return append(attrs, slog.String(methodKey, "_OTHER"), slog.String(originalMethodKey, cut(original, maxMethod)))
}

// appendAddress appends the host and the port of authority. defaultPort, if not 0, replaces a missing port.
func appendAddress(attrs []slog.Attr, authority string, defaultPort int) []slog.Attr {
	host, port := authority, defaultPort
	if i := strings.LastIndexByte(authority, ':'); i > strings.LastIndexByte(authority, ']') {
		if p, ok := parsePort(authority[i+1:]); ok {
			host, port = authority[:i], p
		}
	}
	if n := len(host); n > 1 && host[0] == '[' && host[n-1] == ']' {
		host = host[1 : n-1]
	}
	if host == "" {
		return attrs
	}
	attrs = append(attrs, slog.String(addressKey, cut(host, 255)))
	if port != 0 {
		attrs = append(attrs, slog.Int(portKey, port))
	}
	return attrs
}

func parsePort(s string) (int, bool) {
	if s == "" || len(s) > 5 {
		return 0, false
	}
	n := 0
	for i := range len(s) {
		if s[i] < '0' || s[i] > '9' {
			return 0, false
		}
		n = 10*n + int(s[i]-'0')
	}
	return n, n > 0 && n <= 65535
}

func defaultPort(scheme string) int {
	switch scheme {
	case "http":
		return 80
	case "https":
		return 443
	}
	return 0
}

// protocolVersion returns the version of HTTP in the form of the conventions.
func protocolVersion(major, minor int) string {
	switch {
	case major == 1 && minor == 1:
		return "1.1"
	case major == 1 && minor == 0:
		return "1.0"
	case major == 2:
		return "2"
	case major == 3:
		return "3"
	}
	return ""
}

// appendHeaders appends the headers of h with the given keys, which must be in canonical form.
func appendHeaders(attrs []slog.Attr, prefix string, h http.Header, keys []string) []slog.Attr {
	for _, key := range keys {
		v := h[key]
		if len(v) == 0 {
			continue
		}
		if key == "User-Agent" && prefix == requestHeader {
			attrs = append(attrs, slog.String(userAgentKey, cut(v[0], maxText)))
			continue
		}
		shown := make([]string, min(len(v), 8))
		for i := range shown {
			shown[i] = cut(v[i], maxText)
		}
		if len(shown) < len(v) {
			shown = append(shown, "and "+strconv.Itoa(len(v)-len(shown))+" more")
		}
		attrs = append(attrs, slog.Any(prefix+strings.ToLower(key), shown))
	}
	return attrs
}

const (
	requestHeader  = "http.request.header."
	responseHeader = "http.response.header."
)

// appendQuery appends the parameters of query with the given keys, still encoded.
func appendQuery(attrs []slog.Attr, query string, keys []string) []slog.Attr {
	if len(keys) == 0 || query == "" {
		return attrs
	}
	var kept []string
	for part := range strings.SplitSeq(query, "&") {
		key, _, _ := strings.Cut(part, "=")
		if name, err := url.QueryUnescape(key); err == nil && slices.Contains(keys, name) {
			kept = append(kept, part)
		}
	}
	if len(kept) == 0 {
		return attrs
	}
	return append(attrs, slog.String(queryKey, cut(strings.Join(kept, "&"), maxText)))
}

// canonical returns header names in canonical form.
func canonical(names []string) []string {
	keys := make([]string, len(names))
	for i, name := range names {
		keys[i] = http.CanonicalHeaderKey(name)
	}
	return keys
}

// A statusError is the error of a span that failed because of the response's status.
type statusError int

func (e statusError) Error() string {
	return strings.TrimSuffix(strconv.Itoa(int(e))+" "+http.StatusText(int(e)), " ")
}
