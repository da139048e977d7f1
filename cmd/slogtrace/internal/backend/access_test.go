package backend

import "testing"

// Credentials are exposed if they go to another host over HTTP.
func TestExposed(t *testing.T) {
	for _, test := range []struct {
		address, variable string
		want              string // the host, if they are exposed
	}{
		{"victorialogs://logs.example:9428", EnvToken, "logs.example:9428"},
		{"victorialogs+http://logs.example/prefix", EnvUser, "logs.example"},
		{"clickhouse://192.0.2.1:8123/logs", EnvTokenFile, "192.0.2.1:8123"},
		{"victorialogs://[2001:db8::1]:9428", EnvUser, "[2001:db8::1]:9428"},
		{"victorialogs+https://logs.example", EnvToken, ""},
		{"victorialogs://localhost:9428", EnvToken, ""},
		{"victorialogs://127.0.0.1:9428", EnvToken, ""},
		{"victorialogs://[::1]:9428", EnvUser, ""},
		{"victorialogs://logs.example:9428", EnvCAFile, ""},
	} {
		host, exposed := Exposed(test.address, func(name string) string {
			if name == test.variable {
				return "x"
			}
			return ""
		})
		if exposed != (test.want != "") || exposed && host != test.want {
			t.Errorf("%s with %s: %q, %t, want %q", test.address, test.variable, host, exposed, test.want)
		}
	}
}
