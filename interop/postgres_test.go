package interop

import (
	"database/sql"
	"strings"
	"testing"
)

// All kinds of calls have the same results traced as bare, and the spans say what they did.
func TestPostgres(t *testing.T) {
	eachPostgresDriver(t, func(t *testing.T, driver string) {
		traced := pgTest{Do: pgCalls}.run(t, driver)
		traced.Want(t, `
			CONNECT
			CREATE seats affected 0
			INSERT seats affected 3
			INSERT seats returned 1
			INSERT seats !23505
			INSERT seats !23502
			INSERT seats !22001
			UPDATE seats affected 2
			QUERY !42601
			SELECT !42P02
			DELETE seats !*errors.errorString
			SELECT seats returned 4
			SELECT seats returned 1
			SELECT seats returned 0
			SELECT nowhere !42P01
			SELECT !22012 returned 2
			SELECT !22012 returned 2
			SELECT seats returned 0
			SELECT seats returned 1
			SELECT seats returned 1
			SELECT seats returned 1
			SELECT seats returned 0
			PREPARE !42P01
			INSERT seats affected 1
			INSERT seats !23505
			pgx: QUERY affected 0
			postgres: QUERY
			QUERY returned 0
			SELECT seats returned 1
		`)
		for _, s := range traced.Spans(t) {
			if strings.Contains(s.Text, "12B") {
				t.Errorf("the text has a value: %s", s.line)
			}
		}
	})
}

func pgCalls(s *pgSession) {
	ctx := s.Ctx
	s.Exec(ctx, `CREATE TABLE seats (id serial PRIMARY KEY, seat varchar(3) NOT NULL UNIQUE, price numeric(8, 2), booked timestamptz,
		paid boolean, photo bytea, tags text[], weight float8, extra jsonb)`)
	s.Exec(ctx, "INSERT INTO seats (seat, price) VALUES ($1, 129), ('12B', 99.5), ($2, NULL)", "12A", "14C")
	s.Read(s.DB.QueryContext(ctx, `INSERT INTO seats (seat, booked, paid, photo, tags, weight, extra)
		VALUES ('15A', '2026-11-29 12:00:00+00', true, '\x0102', '{window}', 2.5, '{"a": 1}') RETURNING id`))
	s.Exec(ctx, "INSERT INTO seats (seat) VALUES ($1)", "12A")   // there is one
	s.Exec(ctx, "INSERT INTO seats (seat) VALUES (NULL)")        // not null
	s.Exec(ctx, "INSERT INTO seats (seat) VALUES ($1)", "12345") // too long
	s.Exec(ctx, "UPDATE seats SET price = price * 2 WHERE seat IN ('12A', '12B', '13A')")
	s.Exec(ctx, "frobnicate")
	s.Exec(ctx, "SELECT $1::text")                                   // an argument is missing
	s.Exec(ctx, "DELETE FROM seats WHERE seat = $1", "12A", "extra") // one is too many
	s.Read(s.DB.QueryContext(ctx, "SELECT * FROM seats ORDER BY id"))
	s.Read(s.DB.QueryContext(ctx, "SELECT seat, paid FROM seats WHERE seat = $1", "15A"))
	s.Read(s.DB.QueryContext(ctx, "SELECT seat FROM seats WHERE false"))
	s.Read(s.DB.QueryContext(ctx, "SELECT seat FROM nowhere"))
	s.Read(s.DB.QueryContext(ctx, "SELECT 1 / (3 - i) FROM generate_series(1, 5) i")) // fails when rows have been read
	s.Read(s.DB.QueryContext(ctx, "SELECT 1 / (3 - i) FROM generate_series(1, $1) i", 5))

	var seat string
	err := s.DB.QueryRowContext(ctx, "SELECT seat FROM seats WHERE id = $1", 99).Scan(&seat)
	s.Note("%v %t", err, err == sql.ErrNoRows)
	err = s.DB.QueryRowContext(ctx, "SELECT seat FROM seats ORDER BY id").Scan(&seat) // more than one
	s.Note("%v %s", err, seat)
	var n int
	err = s.DB.QueryRowContext(ctx, "SELECT seat FROM seats ORDER BY id").Scan(&n)
	s.Note("%v", err)

	stmt, err := s.DB.PrepareContext(ctx, "SELECT price FROM seats WHERE seat = $1")
	s.Note("%v", err)
	for _, seat := range []string{"12B", "99Z"} {
		var price float64
		s.Note("%v %v", stmt.QueryRowContext(ctx, seat).Scan(&price), price)
	}
	s.Note("%v", stmt.Close())
	_, err = s.DB.PrepareContext(ctx, "SELECT price FROM nowhere")
	s.Note("%v", err)

	s.Exec(ctx, "INSERT INTO seats (seat) VALUES ('16A'); INSERT INTO seats (seat) VALUES ('16B')")
	s.Exec(ctx, "INSERT INTO seats (seat) VALUES ('17A'); INSERT INTO seats (seat) VALUES ('12A')") // neither
	s.Exec(ctx, "")
	s.Read(s.DB.QueryContext(ctx, ""))
	s.Read(s.DB.QueryContext(ctx, "SELECT count(*) FROM seats"))
}
