package slogtrace

import (
	"bytes"
	"context"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"reflect"
	"strings"
	"testing"
)

// Names that the lists of other tools hide: EventScrubber of Sentry, filter_parameter_logging of Rails, the documentation
// of pino, Rollbar's scrub_fields, Datadog's obfuscator.
const namesHidden = `
password mysql_pwd auth x_auth authorization session session_id sid csrf csrftoken cred credentials dsn database_url DATABASE_URL
signing_key ssh_key account_key sas_url code_verifier client_assertion
passwd secret api_key apikey privatekey private_key token sessionid x_csrftoken x_api_key set_cookie cookie proxy-authorization
aiohttp_session connect.sid csrf_token _csrf _csrf_token PHPSESSID _session symfony user_session _xsrf XSRF-TOKEN JSESSIONID
passw crypt salt certificate otp ssn cvv cvc db_pass smtpPass redis_auth tokens refresh_tokens
pw pass confirm_password password_confirmation access_token auth_token secret_key secretToken cardnumber creditcardnumber
passphrase pwd consumer_secret bearer jwt signature app_key application_key mongodb_uri redis_url PGPASSWORD creds
headers.authorization req.headers.cookie aws_secret_access_key azure_storage_key stripe-signature`

// Names that people need, however alike they are.
const namesShown = `
token_count passwordless author authority authors passed passenger session_count side sidecar tokens_used max_tokens total_tokens
prompt_tokens passport_number_length authenticated authorized compass bypass obsession sessions_open inside credit creditor salty
cache_key primary_key routing_key idempotency_key public_key key_path url callback_url base_url database db_name dns ssh_host
account account_id certify cryptic cursor design assigned sigma accredited recording csrfless auth_method auth_provider session_duration
password_length token_type cookie_enabled pass_rate tls_version secret_version token_status`

func TestRedactNames(t *testing.T) {
	for _, key := range strings.Fields(namesHidden) {
		line := redactLine(nil, func(ctx context.Context, l *slog.Logger) {
			l.Info("m", key, "LEAK", "m", map[string]any{key: "LEAK"}, "s", map[string]string{key: "LEAK"}, slog.Group("g", key, "LEAK"))
		})
		if strings.Contains(line, "LEAK") {
			t.Errorf("%s is shown: %s", key, line)
		}
		// Alone, where nothing else in the record asks for a closer look, and again, where the key is known.
		for range 2 {
			line := redactLine(nil, func(ctx context.Context, l *slog.Logger) { l.Info("m", "a", 1, key, "LEAK") })
			if want := `{"msg":"m","a":1,"` + key + `":"[redacted]"}`; line != want {
				t.Errorf("want %s, got %s", want, line)
			}
		}
	}
	for _, key := range strings.Fields(namesShown) {
		line := redactLine(nil, func(ctx context.Context, l *slog.Logger) { l.Info("m", key, "seen", "m", map[string]any{key: "seen"}) })
		if strings.Count(line, "seen") != 2 {
			t.Errorf("%s is hidden: %s", key, line)
		}
	}
}

type sessionLike struct {
	ID   string
	Hits int
}

type quietText struct{ text string }

func (q quietText) String() string { return q.text }

// Under auth, session, tokens and pass only strings are replaced.
func TestRedactStringsOnly(t *testing.T) {
	bound := func(l *slog.Logger) *slog.Logger { return l.WithGroup("session") }
	id := func(l *slog.Logger) *slog.Logger { return l }
	for _, test := range []struct {
		logger func(*slog.Logger) *slog.Logger
		attr   slog.Attr
		want   string
	}{
		{id, slog.Int("tokens", 512), `"tokens":512`},
		{id, slog.Bool("auth", true), `"auth":true`},
		{id, slog.Float64("pass", 1.5), `"pass":1.5`},
		{id, slog.Duration("session", 5), `"session":5`},
		{id, slog.Any("session", nil), `"session":null`},
		{id, slog.Any("tokens", uint8(3)), `"tokens":3`},
		{id, slog.Any("tokens", valuerOf(slog.IntValue(3))), `"tokens":3`},
		{id, slog.Any("tokens", valuerOf(slog.StringValue("LEAK"))), `"tokens":"[redacted]"`},
		{id, slog.String("auth", "LEAK"), `"auth":"[redacted]"`},
		{id, slog.Any("auth", errors.New("LEAK")), `"auth":"[redacted]"`},
		{id, slog.Any("auth", quietText{"LEAK"}), `"auth":{}`},
		{id, slog.Any("auth", []byte("LEAK")), `"auth":"[redacted]"`},
		{id, slog.Any("tokens", []string{"LEAK", "LEAK"}), `"tokens":["[redacted]","[redacted]"]`},
		{id, slog.Any("session", sessionLike{"LEAK", 3}), `"session":{"ID":"[redacted]","Hits":3}`},
		{id, slog.Any("session", map[string]any{"id": "LEAK", "n": 1, "pin": 4711}), `"session":{"id":"[redacted]","n":1,"pin":"[redacted]"}`},
		{id, slog.Group("session", "id", "LEAK", "n", 1, "pin", 4711), `"session":{"id":"[redacted]","n":1,"pin":"[redacted]"}`},
		{id, slog.Any("v", map[string]any{"session": sessionLike{"LEAK", 3}, "auth": true, "tokens": []any{1, "LEAK"}}),
			`"v":{"auth":true,"session":{"ID":"[redacted]","Hits":3},"tokens":[1,"[redacted]"]}`},
		{id, slog.Any("v", struct {
			Auth    bool
			Session *sessionLike
			Pass    string `json:"p"`
		}{true, &sessionLike{"LEAK", 3}, "LEAK"}), `"v":{"Auth":true,"Session":{"ID":"[redacted]","Hits":3},"p":"[redacted]"}`},
		{bound, slog.String("id", "LEAK"), `"session":{"id":"[redacted]"}`},
		{bound, slog.Int("n", 1), `"session":{"n":1}`},
		{bound, slog.Int("pin", 4711), `"session":{"pin":"[redacted]"}`},
	} {
		got := redactLine(nil, func(ctx context.Context, l *slog.Logger) {
			test.logger(l).LogAttrs(ctx, slog.LevelInfo, "m", test.attr)
		})
		if want := `{"msg":"m",` + test.want + "}"; got != want {
			t.Errorf("\n got %s\nwant %s", got, want)
		}
		var b bytes.Buffer
		test.logger(slog.New(NewRedactHandler(slog.NewTextHandler(&b, nil), nil))).LogAttrs(t.Context(), slog.LevelInfo, "m", test.attr)
		if strings.Contains(b.String(), "LEAK") {
			t.Errorf("text: %s", b.String())
		}
	}
	x := newRedactor(&RedactOptions{Errors: true, Replacement: "#"})
	for in, want := range map[string]string{
		"auth: not found": "auth: not found", "auth=abc": "auth=#", "tokens=512": "tokens=512", "auth=true": "auth=true",
		`{"session":"abc","n":1}`: `{"session":"#","n":1}`, "session:abc": "session:#", "max_tokens=a": "max_tokens=a",
		"verify certificate: expired": "verify certificate: expired",
	} {
		if got := x.pairs(in); got != want {
			t.Errorf("%q: got %q, want %q", in, got, want)
		}
	}
}

// In each form that a URL has in a record its secrets are replaced, and nothing else.
func TestRedactURL(t *testing.T) {
	const text = "https://ann:LEAK@host/callback;jsessionid=LEAK/x?code=1&access_token=LEAK&x=%20&api%5Fkey=LEAK&auth=true#id_token=LEAK&state=2"
	u, err := url.Parse(text)
	if err != nil {
		t.Fatal(err)
	}
	opaque, err := url.Parse("jdbc:mysql://ann:LEAK@host/db")
	if err != nil {
		t.Fatal(err)
	}
	before := *u
	for name, v := range map[string]any{
		"pointer": u, "value": *u, "in a struct": struct{ U *url.URL }{u}, "value in a struct": struct{ U url.URL }{*u},
		"in a map": map[string]*url.URL{"u": u}, "in an any map": map[string]any{"u": u, "v": *u}, "in a slice": []*url.URL{u}, "values": []url.URL{*u},
		"unexported": struct{ u url.URL }{*u}, "renamed": struct {
			U *url.URL `json:"link"`
		}{u}, "user": u.User, "user in a struct": struct{ U *url.Userinfo }{u.User}, "opaque": opaque, "request": &http.Request{URL: u},
		"parameters": u.Query(), "valuer": valuerOf(slog.AnyValue(u)), "in an error": &url.Error{Op: "Get", URL: text, Err: io.EOF},
	} {
		for sink, mk := range map[string]func(io.Writer) slog.Handler{
			"JSON": func(w io.Writer) slog.Handler { return NewJSONHandler(w, nil) },
			"slog": func(w io.Writer) slog.Handler { return slog.NewJSONHandler(w, nil) },
			"text": func(w io.Writer) slog.Handler { return slog.NewTextHandler(w, nil) },
		} {
			var b bytes.Buffer
			slog.New(NewRedactHandler(mk(&b), &RedactOptions{Errors: true})).Info("m", "v", v)
			if strings.Contains(b.String(), "LEAK") {
				t.Errorf("%s, %s: %s", name, sink, b.String())
			}
		}
	}
	if *u != before {
		t.Error("the URL was changed")
	}
	got := redactLine(nil, func(ctx context.Context, l *slog.Logger) { l.Info("m", "u", u) })
	for _, want := range []string{`"Host":"host"`, `"RawQuery":"code=1&access_token=[redacted]&x=%20&api%5Fkey=[redacted]&auth=true"`, `state=2`} {
		if !strings.Contains(got, want) {
			t.Errorf("want %s in %s", want, got)
		}
	}
	open, _ := url.Parse("https://ann@host/a=b?code=1&x=y#part")
	h := recordSink(func(r slog.Record) {
		if v := recordAttrsOf(r)[0].Value.Any(); v != any(open) {
			t.Errorf("another URL: %v", v)
		}
	})
	slog.New(NewRedactHandler(h, nil)).Info("m", "u", open)
	if got := redactLine(&RedactOptions{NoDefaults: true}, func(ctx context.Context, l *slog.Logger) { l.Info("m", "u", u) }); !strings.Contains(got, "access_token=LEAK") {
		t.Errorf("no defaults: %s", got)
	}
}

type header struct {
	Key    string
	Values []string
}

// The value of a pair is known by the name beside it.
func TestRedactPairsOfNameAndValue(t *testing.T) {
	for name, v := range map[string]any{
		"cookie": http.Cookie{Name: "theme", Value: "LEAK", Raw: "theme=LEAK"}, "cookies": []*http.Cookie{{Name: "theme", Value: "LEAK", Unparsed: []string{"LEAK"}}},
		"header": []header{{"Accept", []string{"seen"}}, {"X-Api-Key", []string{"LEAK"}}},
		"map":    map[string]string{"name": "password", "value": "LEAK"}, "any map": []any{map[string]any{"Value": "LEAK", "Key": "DB_PASSWORD"}},
		"renamed": struct {
			Name  string `json:"n"`
			Value any    `json:"v"`
		}{"csrf", "LEAK"},
		"by tag": struct {
			N string `json:"name"`
			V string `json:"value"`
		}{"csrf", "LEAK"},
		"JSON": rawJSON(`[{"value":{"value":"LEAK","name":"pin"},"name":"token","other":["seen"]}]`),
		"soft": []any{map[string]any{"name": "session", "value": "LEAK"}, map[string]any{"name": "session", "value": []string{"LEAK"}}},
	} {
		for _, mk := range []func(io.Writer) slog.Handler{
			func(w io.Writer) slog.Handler { return NewJSONHandler(w, nil) },
			func(w io.Writer) slog.Handler { return slog.NewTextHandler(w, nil) },
		} {
			var b bytes.Buffer
			slog.New(NewRedactHandler(mk(&b), nil)).Info("m", "v", v)
			if strings.Contains(b.String(), "LEAK") || !strings.Contains(b.String(), "[redacted]") {
				t.Errorf("%s: %s", name, b.String())
			}
		}
	}
	for _, v := range []string{`{"name":"colour","value":"red"}`, `{"name":"tokens","value":512}`, `{"name":"token","value":{}}`, `{"value":"token"}`, `{"name":"token","value":null}`, `{"name":"token","value":[]}`, `{"name":"token"}`, `{"value":"x","name":"colour"}`, `{"name":"session","value":1e-7}`, `{"nam":"token","value":1}`} {
		got := redactLine(nil, func(ctx context.Context, l *slog.Logger) { l.Info("m", "v", rawJSON(v)) })
		if want := `{"msg":"m","v":` + v + `}`; got != want {
			t.Errorf("got %s, want %s", got, want)
		}
	}
}

// Package fmt prints what a reflect.Value holds.
func TestRedactReflectValue(t *testing.T) {
	type quiet struct{ s Secret }
	for name, v := range map[string]any{
		"struct":     reflect.ValueOf(login{Password: "LEAK"}),
		"map":        reflect.ValueOf(map[string]any{"pin": "LEAK"}),
		"unexported": reflect.ValueOf(quiet{"LEAK"}).Field(0),
		"secret":     struct{ V reflect.Value }{reflect.ValueOf(Secret("LEAK"))},
		"in a list":  []any{map[string]any{"v": reflect.ValueOf(Secret("LEAK"))}},
	} {
		var b bytes.Buffer
		slog.New(NewRedactHandler(slog.NewTextHandler(&b, nil), nil)).Info("m", "v", v)
		if strings.Contains(b.String(), "LEAK") {
			t.Errorf("%s: %s", name, b.String())
		}
	}
	var b bytes.Buffer
	slog.New(NewRedactHandler(slog.NewTextHandler(&b, nil), nil)).Info("m", "v", reflect.ValueOf(costItem{Name: "seen"}.Tags), "w", reflect.ValueOf("seen"), "z", reflect.Value{})
	if !strings.Contains(b.String(), "w=seen") {
		t.Error(b.String())
	}
}
