//go:build go1.27

package interop

import (
	"testing"
	"time"
)

// Go 1.27 lets a driver scan by itself. pgx's rows do, into slices for instance, and traced ones still do.
func TestPostgresScan(t *testing.T) {
	eachPostgresDriver(t, func(t *testing.T, driver string) {
		pgTest{Do: func(s *pgSession) {
			rows, err := s.DB.QueryContext(s.Ctx, "SELECT '{1,2,3}'::bigint[], '2026-11-29 12:00:00'::timestamp, NULL::text FROM generate_series(1, 2)")
			s.Must(err)
			for rows.Next() {
				var (
					numbers []int64
					when    time.Time
					text    *string
				)
				err := rows.Scan(&numbers, &when, &text)
				s.Note("%v %v %v %v", err, numbers, when, text)
				if (err == nil) != (s.Driver == "pgx") {
					s.Error(err)
				}
			}
			s.Note("%v", rows.Err())
		}}.run(t, driver).Want(t, `
			CONNECT
			SELECT returned 2
		`)
	})
}
