package backend

import (
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"
)

// answered posts a form to a server and returns the rows of its answer.
func answered(t *testing.T, idle time.Duration, answer http.HandlerFunc) (rows []string, err error) {
	t.Helper()
	server := httptest.NewServer(answer)
	t.Cleanup(server.Close)
	a, err := NewAccess(strings.Replace(server.URL, "http:", "store:", 1), func(string) string { return "" })
	if err != nil {
		t.Fatal(err)
	}
	a.idle = idle
	body, err := a.Post(t.Context(), "/", nil, nil)
	if err != nil {
		return nil, err
	}
	defer body.Close()
	err = EachRow(body, func(row []byte) error { rows = append(rows, string(row)); return nil })
	return rows, err
}

// A store that hangs does not make the command hang: before its answer begins, or in the middle.
func TestIdle(t *testing.T) {
	for name, begin := range map[string]string{"before the answer": "", "in the answer": "{}\n"} {
		rows, err := answered(t, 50*time.Millisecond, func(w http.ResponseWriter, r *http.Request) {
			io.Copy(io.Discard, r.Body) // then the server notices the end of the request
			if begin != "" {
				io.WriteString(w, begin)
				w.(http.Flusher).Flush()
			}
			<-r.Context().Done()
		})
		if want := "no answer for 50ms"; err == nil || err.Error() != want {
			t.Errorf("%s: %v, want %s", name, err, want)
		}
		if cut := new(CutError); errors.As(err, &cut) {
			t.Errorf("%s: it would be asked again", name)
		}
		if begin != "" && len(rows) != 1 {
			t.Errorf("%s: rows %q", name, rows)
		}
	}
	// One that is slow, but not silent, is not idle.
	rows, err := answered(t, 500*time.Millisecond, func(w http.ResponseWriter, r *http.Request) {
		for range 10 {
			io.WriteString(w, "{}\n")
			w.(http.Flusher).Flush()
			time.Sleep(100 * time.Millisecond)
		}
	})
	if err != nil || len(rows) != 10 {
		t.Errorf("%d rows, %v", len(rows), err)
	}
}

func TestPage(t *testing.T) {
	_, err := answered(t, time.Minute, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		io.WriteString(w, "<html>login</html>")
	})
	if err == nil || !strings.HasPrefix(err.Error(), "the answer is a page in HTML") {
		t.Errorf("%v", err)
	}
}

// Only a store on this machine is asked not to compress.
func TestCompression(t *testing.T) {
	for address, want := range map[string]string{
		"victorialogs://127.0.0.1:9428": "identity", "victorialogs://localhost:9428": "identity", "victorialogs://[::1]:9428": "identity",
		"victorialogs://10.0.0.1:9428": "", "victorialogs+https://logs.example": "",
	} {
		a, err := NewAccess(address, func(string) string { return "" })
		if err != nil {
			t.Fatal(err)
		}
		if got := a.Header.Get("Accept-Encoding"); got != want {
			t.Errorf("%s: %q, want %q", address, got, want)
		}
	}
}
