package redact

import (
	"net/url"
	"testing"
)

// In each part of a URL the secrets are replaced. Where there is none, the URL itself comes back.
func TestRedactURLParts(t *testing.T) {
	defaults := &Options{Replacement: "X"}
	for _, test := range []struct {
		in   string
		opts *Options
		want string
	}{
		{in: "https://ann:LEAK@h/", want: "https://ann:X@h/"},
		{in: "https://ann:X@h/"},
		{in: "https://ann:@h/"},
		{in: "https://ann@h/"},
		{in: "https://ann:open@h/", opts: &Options{NoDefaults: true, Keys: []string{"token"}}},
		{in: "https://ann:open@h/?token=LEAK", opts: &Options{NoDefaults: true, Keys: []string{"token"}}, want: "https://ann:open@h/?token=[redacted]"},
		{in: "jdbc:mysql://ann:LEAK@h/db", want: "jdbc:mysql://ann:X@h/db"},
		{in: "mailto:ann@h?subject=open"},
		{in: "https://h/x;jsessionid=LEAK;v=1/y", want: "https://h/x;jsessionid=X;v=1/y"},
		{in: "https://h/x%2Fy;jsessionid=LEAK", want: "https://h/x%2Fy;jsessionid=X"},
		{in: "https://h/x;jsessionid=LEAK/y", want: "https://h/x;jsessionid=X/y"},
		{in: "https://h/x;jsessionid=LEAK%2FLEAK/y%2Fz", want: "https://h/x;jsessionid=X/y%2Fz"},
		{in: "https://h/x;jsessionid%3DLEAK%2FLEAK/y", want: "https://h/x%3Bjsessionid=X/y"},
		{in: "https://h/x;%6Asessionid=LEAK/y%2f", want: "https://h/x;%6Asessionid=X/y%2f"},
		{in: "https://h/a=b%2Fc/d"},
		{in: "https://h/x;pin=LEAK/y", opts: &Options{Replacement: "100% gone"}, want: "https://h/x;pin=100%25%20gone"},
		{in: "https://h/v1/token:refresh"}, // a method of a resource
		{in: "https://h/?token=LEAK&a=b", want: "https://h/?token=X&a=b"},
		{in: "https://h/?&token=LEAK&a=b", want: "https://h/?&token=X&a=b"},
		{in: "https://h/?a=b;token=LEAK;c=d", want: "https://h/?a=b;token=X;c=d"},
		{in: "https://h/?api%5Fkey=LEAK", want: "https://h/?api%5Fkey=X"},
		{in: "https://h/?%zz_token=LEAK", want: "https://h/?%zz_token=X"},
		{in: "https://h/?token=&a=b"},
		{in: "https://h/?token"},
		{in: "https://h/?token=X&pin=X"},
		{in: "https://h/?session=LEAK&auth=true&pass=512", want: "https://h/?session=X&auth=true&pass=512"},
		{in: "https://h/#id_token=LEAK&state=2", want: "https://h/#id_token=X&state=2"},
	} {
		if test.opts == nil {
			test.opts = defaults
		}
		u, err := url.Parse(test.in)
		if err != nil {
			t.Fatal(err)
		}
		clean, changed := NewRedactor(*test.opts).url(u)
		if test.want == "" {
			if changed || clean != u {
				t.Errorf("%s became %s", test.in, clean)
			}
			continue
		}
		if got := clean.String(); !changed || got != test.want {
			t.Errorf("%s: got %s, want %s", test.in, got, test.want)
		}
	}
	if clean, changed := NewRedactor(*defaults).url(nil); clean != nil || changed {
		t.Errorf("nil became %v", clean)
	}
}
