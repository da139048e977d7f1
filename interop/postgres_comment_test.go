package interop

import (
	"fmt"
	"net/url"
	"strings"
	"testing"

	"github.com/slogtrace/slogtrace/interop/internal/postgres"
	"github.com/slogtrace/slogtrace/tracesql"
)

// traceparentOf returns the comment with a span's traceparent.
func traceparentOf(s pgSpan) string {
	return fmt.Sprintf("/*traceparent='00-%s-%s-03'*/", s.Trace, s.Span)
}

// The server's log has the traceparent of each span with Options.Comment, except of prepared statements and of texts
// that may have a comment.
func TestPostgresComment(t *testing.T) {
	session := func(s *pgSession) {
		s.Exec(s.Ctx, "CREATE TABLE seats (seat text);")
		s.Exec(s.Ctx, "INSERT INTO seats VALUES ($1), ($2)", "12A", "12B")
		s.Read(s.DB.QueryContext(s.Ctx, "SELECT seat FROM seats"))
		s.Read(s.DB.QueryContext(s.Ctx, "SELECT seat FROM seats WHERE seat = $1", "12B"))
		s.Read(s.DB.QueryContext(s.Ctx, "SELECT seat FROM seats WHERE seat = '--'"))
		s.Read(s.DB.QueryContext(s.Ctx, "SELECT seat FROM seats /* mine */"))
		stmt, err := s.DB.PrepareContext(s.Ctx, "DELETE FROM seats WHERE seat = $1")
		s.Must(err)
		for _, seat := range []string{"12A", "12B"} {
			_, err = stmt.ExecContext(s.Ctx, seat)
			s.Note("%v", err)
		}
		s.Must(stmt.Close())
		_, err = s.DB.PrepareContext(s.Ctx, "SELECT FROM nowhere")
		s.Note("%v", err)
	}
	eachPostgresDriver(t, func(t *testing.T, driver string) {
		for _, test := range []struct {
			opts tracesql.Options
			want string // the ops, with * if their traceparents are in the log
		}{
			{tracesql.Options{}, `CONNECT CREATE-seats INSERT-seats SELECT-seats SELECT-seats SELECT-seats SELECT-seats
				DELETE-seats DELETE-seats PREPARE`},
			{tracesql.Options{Comment: true}, `CONNECT CREATE-seats* INSERT-seats* SELECT-seats* SELECT-seats* SELECT-seats SELECT-seats
				DELETE-seats DELETE-seats PREPARE`},
			{tracesql.Options{CommentPrepared: true}, `CONNECT CREATE-seats INSERT-seats SELECT-seats SELECT-seats SELECT-seats SELECT-seats
				PREPARE* DELETE-seats DELETE-seats PREPARE*`},
		} {
			traced := pgTest{Options: test.opts, Do: session}.run(t, driver)
			log := postgres.Shared(t).Log(t)
			var got []string
			for _, s := range traced.Spans(t) {
				op := strings.ReplaceAll(s.Op, " ", "-")
				if strings.Contains(log, traceparentOf(s)) {
					op += "*"
				}
				got = append(got, op)
			}
			if want := strings.Join(strings.Fields(test.want), " "); strings.Join(got, " ") != want {
				t.Errorf("comments: %t, prepared: %t:\ngot  %s\nwant %s", test.opts.Comment, test.opts.CommentPrepared, strings.Join(got, " "), want)
			}
		}
	})
}

// With a comment each text is another one: pgx prepares and keeps each, up to its capacity, unless it is told not to.
// lib/pq keeps none.
func TestPostgresCommentCache(t *testing.T) {
	const queries = 10
	for _, test := range []struct {
		driver, mode string
		comment      bool
		want         int
	}{
		{"pgx", "", false, 1},
		{"pgx", "", true, queries},
		{"pgx", "cache_describe", true, 0},
		{"pgx", "describe_exec", true, 0},
		{"pgx", "exec", true, 0},
		{"pgx", "simple_protocol", true, 0},
		{"postgres", "", false, 0},
		{"postgres", "", true, 0},
	} {
		params := url.Values{}
		if test.mode != "" {
			params.Set("default_query_exec_mode", test.mode)
		}
		var kept int
		pgTest{Params: params, Options: tracesql.Options{Comment: test.comment}, Do: func(s *pgSession) {
			for i := range queries {
				var n int
				s.Must(s.DB.QueryRowContext(s.Ctx, "SELECT $1::int AS counted", i).Scan(&n))
				s.Note("%d", n)
			}
			s.Must(s.DB.QueryRowContext(s.Ctx, "SELECT count(*) FROM pg_prepared_statements WHERE strpos(statement, 'AS ' || 'counted') > 0").Scan(&kept))
		}}.run(t, test.driver)
		if kept != test.want {
			t.Errorf("%s %s, comment %t: the server keeps %d statements, want %d", test.driver, test.mode, test.comment, kept, test.want)
		}
	}
	// The capacity is the bound, besides what is prepared at the moment.
	var kept int
	pgTest{Params: url.Values{"statement_cache_capacity": {"4"}}, Options: tracesql.Options{Comment: true}, Do: func(s *pgSession) {
		for i := range queries {
			s.Exec(s.Ctx, "SELECT $1::int AS counted", i)
		}
		s.Must(s.DB.QueryRow("SELECT count(*) FROM pg_prepared_statements").Scan(&kept))
	}}.run(t, "pgx")
	if kept == 0 || kept > 5 {
		t.Errorf("the server keeps %d statements, want at most 5", kept)
	}
}
