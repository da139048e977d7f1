package redact_test

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"strings"
	"testing"

	"github.com/slogtrace/slogtrace"
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
		test.logger(slog.New(slogtrace.NewRedactHandler(slog.NewTextHandler(&b, nil), nil))).LogAttrs(t.Context(), slog.LevelInfo, "m", test.attr)
		if strings.Contains(b.String(), "LEAK") {
			t.Errorf("text: %s", b.String())
		}
	}
}
