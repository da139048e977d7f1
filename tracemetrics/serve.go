package tracemetrics

import (
	"compress/gzip"
	"io"
	"net/http"
	"sync"
)

const (
	textType = "text/plain; version=0.0.4; charset=utf-8"
	openType = "application/openmetrics-text; version=1.0.0; charset=utf-8"
)

// ServeHTTP answers GET with all metrics, in OpenMetrics 1.0 if the Accept header prefers it, and otherwise in Prometheus's
// text format 0.0.4. It compresses the answer if Accept-Encoding allows gzip.
// While it writes, spans are counted as always: no lock is held.
func (h *Handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		w.Header().Set("Allow", "GET, HEAD")
		http.Error(w, "tracemetrics: want GET or HEAD", http.StatusMethodNotAllowed)
		return
	}
	open := prefersOpen(r.Header.Values("Accept"))
	header := w.Header()
	header.Set("Content-Type", textType)
	if open {
		header.Set("Content-Type", openType)
	}
	header.Set("Vary", "Accept, Accept-Encoding")
	header.Set("Cache-Control", "no-store")
	out := io.Writer(w)
	if allowsGzip(r.Header.Values("Accept-Encoding")) {
		header.Set("Content-Encoding", "gzip")
		z := gzips.Get().(*gzip.Writer)
		z.Reset(w)
		defer gzips.Put(z)
		defer z.Close() // an error means that the client is gone
		out = z
	}
	_ = h.write(out, open)
}

var gzips = sync.Pool{New: func() any {
	z, _ := gzip.NewWriterLevel(io.Discard, gzip.BestSpeed) // the level is valid
	return z
}}
