package tracelog

import (
	"encoding/json"
	"strings"
)

// renamed are the attributes of HTTP and of the network whose names changed when OpenTelemetry's semantic conventions
// became stable (1.23), old and new. Attributes whose value changed too are not included.
var renamed = [][2]string{
	{"http.method", "http.request.method"},
	{"http.status_code", "http.response.status_code"},
	{"http.url", "url.full"},
	{"http.scheme", "url.scheme"},
	{"http.user_agent", "user_agent.original"},
	{"http.client_ip", "client.address"},
	{"http.request_content_length", "http.request.body.size"},
	{"http.response_content_length", "http.response.body.size"},
	{"http.resend_count", "http.request.resend_count"},
	{"net.peer.name", "server.address"},
	{"net.peer.port", "server.port"},
	{"net.protocol.name", "network.protocol.name"},
	{"net.protocol.version", "network.protocol.version"},
	{"net.sock.peer.addr", "network.peer.address"},
	{"net.sock.peer.port", "network.peer.port"},
}

// otherName maps the old names to the new ones, and the new ones to the old.
// A backend's name for such an attribute is its other name too: error.kind is Datadog's for error.type.
var otherName = func() map[string]string {
	names := make(map[string]string, 2*len(renamed))
	for _, r := range renamed {
		names[r[0]], names[r[1]] = r[1], r[0]
	}
	names["error.kind"], names["error.type"] = "error.type", "error.kind"
	return names
}()

// lookupEither is lookup for a key, or else for its other name.
func lookupEither(members []member, key string) (json.RawMessage, bool) {
	v, ok := lookup(members, key)
	if other := otherName[key]; !ok && other != "" {
		return lookup(members, other)
	}
	return v, ok
}

// lookup searches for the longest key that is a prefix of path, then for the rest of the path in its value.
func lookup(members []member, path string) (json.RawMessage, bool) {
	for end := len(path); end >= 0; end = strings.LastIndexByte(path[:end], '.') {
		for i := range members {
			m := &members[i]
			switch {
			case m.outer != 0 || string(m.key) != path[:end]:
			case end == len(path):
				return m.value, true
			case m.value[0] == '{':
				inner, _ := appendMembers(nil, m.value)
				if v, ok := lookup(inner, path[end+1:]); ok {
					return v, true
				}
			}
		}
	}
	return nil, false
}
