package slogtrace

import (
	"bytes"
	"database/sql/driver"
	"encoding/gob"
	"encoding/json"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"reflect"
	"strings"
	"testing"
)

func TestSecret(t *testing.T) {
	s := Secret("hush")
	type config struct {
		User     string
		Password Secret
	}
	for _, format := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%X", "%d", "%T.", "%10.3s"} {
		for _, v := range []any{s, &s, []Secret{s}, config{Password: s}, map[string]Secret{"a": s}} {
			if got := fmt.Sprintf(format, v); strings.Contains(got, "hush") || strings.Contains(strings.ToLower(got), "68757368") {
				t.Errorf("%s of %T: %s", format, v, got)
			}
		}
	}
	if b, err := json.Marshal(config{"u", s}); err != nil || string(b) != `{"User":"u","Password":"[redacted]"}` {
		t.Errorf("%s, %v", b, err)
	}
	var c config
	if err := json.Unmarshal([]byte(`{"Password":"hush"}`), &c); err != nil || string(c.Password) != "hush" {
		t.Errorf("%v, %v", c, err)
	}
	for _, h := range []func(io.Writer) slog.Handler{
		func(w io.Writer) slog.Handler { return slog.NewJSONHandler(w, nil) },
		func(w io.Writer) slog.Handler { return slog.NewTextHandler(w, nil) },
		func(w io.Writer) slog.Handler { return NewJSONHandler(w, nil) },
	} {
		var b bytes.Buffer
		slog.New(h(&b)).With("s", s).Info("m", "s", s, "c", config{Password: s}, "p", &c)
		if strings.Contains(b.String(), "hush") {
			t.Error(b.String())
		}
	}
}

// What the doc of Secret says that no method can stop shows the string, and what it does not name hides it.
func TestSecretOutOfReach(t *testing.T) {
	s := Secret("hush")
	var gobbed bytes.Buffer
	if err := gob.NewEncoder(&gobbed).Encode(s); err != nil {
		t.Fatal(err)
	}
	keys, err := json.Marshal(map[Secret]int{s: 1})
	if err != nil {
		t.Fatal(err)
	}
	argument, err := driver.DefaultParameterConverter.ConvertValue(s)
	if err != nil {
		t.Fatal(err)
	}
	pointer, wrap := "%p", "%w" // so that vet does not see them
	for what, text := range map[string]string{
		"%p": fmt.Sprintf(pointer, s), "%w": fmt.Errorf(wrap, s).Error(), "%w, Sprintf": fmt.Sprintf(wrap, s),
		"unexported": fmt.Sprint(struct{ s Secret }{s}), "unexported, within": fmt.Sprint(struct{ s []Secret }{[]Secret{s}}),
		"keys": string(keys), "gob": gobbed.String(), "reflect": reflect.ValueOf(s).String(), "database/sql": fmt.Sprint(argument), "conversion": string(s),
	} {
		if !strings.Contains(text, "hush") {
			t.Errorf("%s is within reach: %s", what, text)
		}
	}
	wrong := strings.Fields("a %[3]d %*d %!") // which vet does not look into
	asXML, err := xml.Marshal(s)
	if err != nil {
		t.Fatal(err)
	}
	for what, text := range map[string]string{
		"EXTRA": fmt.Sprintf(wrong[0], s), "BADINDEX": fmt.Sprintf(wrong[1], s), "BADWIDTH": fmt.Sprintf(wrong[2], s, 1), "%!": fmt.Sprintf(wrong[3], s), "%v": fmt.Sprint(&s, []any{s}),
		"XML": string(asXML), "error": errors.Join(fmt.Errorf("%v", s)).Error(), "map key, fmt": fmt.Sprint(map[Secret]int{s: 1}), "interface": fmt.Sprint(struct{ S any }{s}),
	} {
		if strings.Contains(text, "hush") {
			t.Errorf("%s: %s", what, text)
		}
	}
}
