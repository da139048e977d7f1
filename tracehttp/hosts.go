package tracehttp

import (
	"cmp"
	"net"
	"net/url"
	"slices"
	"strconv"
	"strings"
)

// A hostList lists hosts to send something to: "api.internal" on any port, "api.internal:443" on that port only,
// "*.internal" for all hosts below internal.
type hostList []string

// newHostList returns a copy of names in lower case. It is nil if names is nil.
func newHostList(names []string) hostList {
	hosts := slices.Clone(hostList(names))
	for i, name := range hosts {
		hosts[i] = strings.ToLower(name)
	}
	return hosts
}

// has reports whether the host of u is on the list. u may be nil.
func (l hostList) has(u *url.URL) bool {
	if len(l) == 0 || u == nil {
		return false
	}
	name := strings.ToLower(u.Hostname())
	host := net.JoinHostPort(name, cmp.Or(u.Port(), strconv.Itoa(defaultPort(u.Scheme))))
	return slices.ContainsFunc(l, func(want string) bool {
		if below, ok := strings.CutPrefix(want, "*"); ok {
			isAddress := strings.Contains(name, ":") // its zone may look like a name
			return !isAddress && strings.HasPrefix(below, ".") && (strings.HasSuffix(name, below) || strings.HasSuffix(host, below))
		}
		return want != "" && (want == name || want == host || want == strings.ToLower(u.Host)) // also [::1]
	})
}
