package redact

import (
	"strings"
	"testing"
)

func TestRedactKeys(t *testing.T) {
	k := newKeyNames(defaultKeys, []string{"customer email", "", "--", "größe", "x5t"})
	for _, key := range []string{
		"password", "PASSWORD", "Password", "db_password", "dbPassword", "dbpassword", "user.password", "pass_word", "password2", "PASSWORDhash",
		"X-Api-Key", "api_key", "apiKey", "APIKey", "apikey", "OPENAI_API_KEY", "XApiKey", "api keys", "myAPIKeyID",
		"token", "access_token", "accessToken", "AccessToken", "ACCESSTOKEN", "oauth2token", "token_value", "attr.token",
		"Authorization", "Proxy-Authorization", "Set-Cookie", "card_number", "cardNumber", "CVV2", "pin", "JWT", "client-secret",
		"customerEmail", "first_customer-email", "GRÖSSE_größe", "Größe", "x5t", "paſſword", "toKen", "sessionID",
	} {
		if first := k.has(key); !first || !k.has(key) {
			t.Errorf("%s is not found", key)
		}
	}
	for _, key := range []string{
		"", "id", "tokens_used", "max_tokens", "total_tokens", "passwordless", "tokenizer", "secretary", "pinned", "spin", "company", "span",
		"panic", "token_count", "tokenCount", "token_type", "password_length", "password_changed_at", "cookie_enabled", "token_expires_at",
		"booking", "amount", "provider", "user", "customer", "email", "key", "api", "card", "japan", "expand", "authorized", "mapping", "opinion",
		"discordant", "account", "trace", "op", "parent", "kind", "start", "duration_ms", "error", "stack", "links", "queued_ms", "sample_rate",
		"sampled", "service", "time", "level", "msg", "source", "trace_id", "span_id", "trace_flags", "dd.trace_id", "http.request.method",
	} {
		if first := k.has(key); first || k.has(key) {
			t.Errorf("%s is found", key)
		}
	}
}

// The memory of keys changes no answer, however many keys there are; and a name is found whatever is around it.
func FuzzRedactKeys(f *testing.F) {
	k := newKeyNames(defaultKeys)
	f.Add("api", "Key", uint8(0))
	f.Add("ＡＰＩ", "tokeN", uint8(3))
	f.Fuzz(func(t *testing.T, before, after string, n uint8) {
		name := defaultKeys[int(n)%len(defaultKeys)]
		for _, key := range []string{before, after, before + after, before + "_" + after} {
			want := k.judge(key) != Shown
			if first := k.has(key); first != want || k.has(key) != want {
				t.Errorf("%q: the memory says otherwise than %v", key, want)
			}
		}
		for _, written := range []string{name, strings.ToUpper(name), strings.ReplaceAll(name, " ", "_"), strings.ReplaceAll(name, " ", ""), strings.ReplaceAll(name, " ", "-.-")} {
			for _, key := range []string{written, before + "_" + written, before + "-" + written + ".x"} {
				if !k.has(key) {
					t.Errorf("%q is not found", key)
				}
			}
		}
	})
}
