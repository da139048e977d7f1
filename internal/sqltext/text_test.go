package sqltext

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"unicode/utf8"
)

func TestRead(t *testing.T) {
	for _, test := range []struct{ system, in, want string }{
		{"", "SELECT 1", "SELECT ?"},
		{"", "  select a1,\n\t b  from t -- where\n where a='x''y' ", "select a1, b from t where a=?"},
		{"", "SELECT 1.5, .5, 1e-9, 0xFF, 1_000, 12abc, -7 FROM t", "SELECT ?, ?, ?, ?, ?, ?, ? FROM t"},
		{"", "SELECT a - 7, t.c FROM t;", "SELECT a - ?, t.c FROM t"},
		{"", "SELECT /* secret */ a FROM t", "SELECT a FROM t"},
		{"", "INSERT INTO t (a, b) VALUES (1, 'x'), (2, 'y'), (3, 'z') ON CONFLICT DO NOTHING",
			"INSERT INTO t (a, b) VALUES (?) ON CONFLICT DO NOTHING"},
		{"", "SELECT a FROM t WHERE a IN (1, 2, 3) AND b in (?,?,?) AND c NOT IN ('x')", "SELECT a FROM t WHERE a IN (?) AND b in (?) AND c NOT IN (?)"},
		{"", "SELECT a FROM t WHERE (a, b) IN ((1, 2), (3, 4), (5, 6))", "SELECT a FROM t WHERE (a, b) IN ((?))"},
		{"", "SELECT a FROM t WHERE a IN (-1, -2, +3)", "SELECT a FROM t WHERE a IN (?)"},
		{"", "SELECT a FROM t WHERE a IN (SELECT b, c FROM u)", "SELECT a FROM t WHERE a IN (SELECT b, c FROM u)"},
		{"", "SELECT f(1, 2), coalesce(a, ?, 'x')", "SELECT f(?, ?), coalesce(a, ?, ?)"},
		{"", "INSERT INTO t VALUES (DEFAULT, now(), 1), (DEFAULT, now(), 2)", "INSERT INTO t VALUES (DEFAULT, now(), ?)"},
		{"", "SELECT x'ff', N'ü', b'01', E'a', _utf8'x', U&'x', date '2026-01-01'", "SELECT ?, ?, ?, ?, _utf8?, U&?, date ?"},
		{"", "SELECT :name, @p1, ?1, %s, a::text, $x FROM t", "SELECT :name, @p1, ?, %s, a::text, $x FROM t"},
		{"", `SELECT "a" FROM t`, "SELECT ? FROM t"},
		{"", `SELECT 'a\'b' FROM t`, "SELECT ?…"},
		{"", `SELECT 'a\\' FROM t`, "SELECT ? FROM t"},
		{"", "SELECT '''x''' FROM t", "SELECT ?…"},
		{"", "SELECT 'open FROM t", "SELECT ?…"},
		{"", "SELECT /* open FROM t", "SELECT…"},
		{"", "SELECT a /* /* */ */ FROM t", "SELECT a…"},
		{"", "SELECT q'[it's]' FROM t", "SELECT ?…"},
		{"", "SELECT [it's] FROM t", "SELECT…"},
		{"", "SELECT a[1] FROM t", "SELECT a[?] FROM t"},
		{"", "SELECT a # don't\n FROM t", "SELECT a…"},
		{"", "SELECT a # comment\n FROM t", "SELECT a FROM t"},
		{"", "SELECT a--'b\nc'", "SELECT a…"},
		{"", "", ""},
		{"", ";", ""},
		{"", "SELECT \xff\xfe FROM t", "SELECT \uFFFD FROM t"},
		{"postgresql", `SELECT "it's" FROM t WHERE a = $1 AND b = $12`, `SELECT "it's" FROM t WHERE a = $1 AND b = $12`},
		{"postgresql", "SELECT a FROM t WHERE a IN ($1, $2, $3)", "SELECT a FROM t WHERE a IN ($1)"},
		{"postgresql", "DO $$ it's $$ ; DO $tag$ $$ $tag$", "DO ? ; DO ?"},
		{"postgresql", "DO $$ it's", "DO ?…"},
		{"postgresql", "SELECT a /* /* it's */ */ FROM t", "SELECT a FROM t"},
		{"postgresql", "SELECT ARRAY['a', 'b'], a #>> '{x}', a ? 'b' FROM t", "SELECT ARRAY[?, ?], a #>> ?, a ? ? FROM t"},
		{"postgresql", "SELECT a FROM t WHERE a = ANY($1) AND b ->> 'k' = 'v'", "SELECT a FROM t WHERE a = ANY($1) AND b ->> ? = ?"},
		{"postgresql", "SELECT a ` b", "SELECT a…"},
		{"mysql", "SELECT `it's`, \"x\" FROM `t` # it's\n WHERE a = \"y\"", "SELECT `it's`, ? FROM `t` WHERE a = ?"},
		{"mysql", "SELECT a--1 FROM t", "SELECT a--? FROM t"},
		{"mysql", "SELECT /*!50000 'x' */ a", "SELECT…"},
		{"mysql", "SELECT $$x$$", "SELECT ?…"},
		{"sqlite", "SELECT [it's] FROM t WHERE a = $1 AND b = ?2", "SELECT [it's] FROM t WHERE a = $1 AND b = ?"},
		{"microsoft.sql_server", "SELECT [it's] FROM t WHERE a = $12.50 AND b = @p1", "SELECT [it's] FROM t WHERE a = ? AND b = @p1"},
		{"microsoft.sql_server", "SELECT [a]]'b] FROM t", "SELECT…"},
		{"oracle.db", "SELECT a FROM t WHERE a = :1 AND b = q'[it's]'", "SELECT a FROM t WHERE a = :? AND b = ?…"},
	} {
		if got := Read(test.in, DialectOf(test.system)).Text; got != test.want {
			t.Errorf("%s %q: %q, want %q", test.system, test.in, got, test.want)
		}
	}
}

func TestShape(t *testing.T) {
	for _, test := range []struct{ in, verb, table, collection string }{
		{"select a from seats", "SELECT", "seats", "seats"},
		{"SELECT a FROM public.seats s WHERE b = 1", "SELECT", "public.seats", "public.seats"},
		{`SELECT a FROM "public" . "Seats"`, "SELECT", "public.Seats", "public.Seats"},
		{`SELECT a FROM "two words"`, "SELECT", "", ""},
		{"SELECT a FROM seats WHERE a IN (1, 2) AND f(b, c) = 3", "SELECT", "seats", "seats"},
		{"SELECT 1", "SELECT", "", ""},
		{"SELECT a FROM seats, holders", "SELECT", "seats", ""},
		{"SELECT a FROM seats s JOIN holders h ON s.id = h.seat", "SELECT", "seats", ""},
		{"SELECT a FROM seats s JOIN seats h ON s.id = h.seat", "SELECT", "seats", "seats"},
		{"SELECT a FROM seats WHERE id IN (SELECT seat FROM holds)", "SELECT", "seats", ""},
		{"SELECT a, (SELECT max(b) FROM holds) FROM seats", "SELECT", "seats", ""},
		{"SELECT EXTRACT(year FROM held), trim(BOTH FROM x) FROM seats", "SELECT", "seats", "seats"},
		{"SELECT a FROM (SELECT b FROM seats) x", "SELECT", "", ""},
		{"(SELECT a FROM seats) UNION (SELECT a FROM holds)", "SELECT", "seats", ""},
		{"SELECT a FROM generate_series(1, 10)", "SELECT", "", ""},
		{"SELECT a FROM ONLY seats FOR UPDATE SKIP LOCKED", "SELECT", "seats", "seats"},
		{"INSERT INTO seats (a, b) VALUES (1, 2) ON CONFLICT (a) DO UPDATE SET b = 3", "INSERT", "seats", "seats"},
		{"INSERT INTO seats SELECT a FROM holds", "INSERT", "seats", ""},
		{"INSERT IGNORE INTO seats VALUES (1) ON DUPLICATE KEY UPDATE a = 1", "INSERT", "seats", "seats"},
		{"UPDATE seats SET a = 1, b = 2 WHERE c = 3", "UPDATE", "seats", "seats"},
		{"UPDATE seats SET a = h.a FROM holds h", "UPDATE", "seats", ""},
		{"DELETE FROM seats WHERE a = 1", "DELETE", "seats", "seats"},
		{"DELETE FROM seats USING holds", "DELETE", "seats", ""},
		{"MERGE INTO seats USING holds ON 1 = 1", "MERGE", "seats", ""},
		{"WITH x AS (SELECT a FROM holds) SELECT a FROM x", "SELECT", "", ""},
		{"WITH x AS (SELECT a FROM holds) SELECT a FROM seats JOIN x ON 1=1", "SELECT", "seats", ""},
		{`WITH RECURSIVE "n"(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT i FROM n`, "SELECT", "", ""},
		{"WITH RECURSIVE x (n) AS (SELECT 1), y AS (SELECT 2) UPDATE seats SET a = 1", "UPDATE", "seats", "seats"},
		{"WITH d AS (DELETE FROM jobs WHERE a = 1 RETURNING *) INSERT INTO done SELECT * FROM d", "INSERT", "done", ""},
		{"CREATE TABLE IF NOT EXISTS seats (a int, b int)", "CREATE", "seats", "seats"},
		{"DROP TABLE seats", "DROP", "seats", "seats"},
		{"TRUNCATE TABLE seats", "TRUNCATE", "seats", "seats"},
		{"TRUNCATE seats", "TRUNCATE", "seats", "seats"},
		{"COPY seats (a, b) FROM STDIN", "COPY", "seats", "seats"},
		{"COPY public.seats FROM '/tmp/x'", "COPY", "public.seats", "public.seats"},
		{"COPY seats TO STDOUT", "COPY", "seats", "seats"},
		{"COPY (SELECT a FROM seats) TO STDOUT", "COPY", "", ""},
		{"COPY INTO seats FROM @stage", "COPY", "seats", "seats"},
		{"SELECT a FROM seats WHERE b IS DISTINCT FROM c", "SELECT", "seats", "seats"},
		{"SELECT a IS NOT DISTINCT FROM b FROM seats", "SELECT", "seats", "seats"},
		{"UPDATE seats SET a = 1 WHERE b IS DISTINCT FROM c", "UPDATE", "seats", "seats"},
		{"EXPLAIN UPDATE seats SET a = h.a FROM holds h", "EXPLAIN", "", ""},
		{"FETCH 10 FROM cursor", "FETCH", "", ""},
		{"REVOKE ALL ON seats FROM bob", "REVOKE", "", ""},
		{"BEGIN", "BEGIN", "", ""},
		{"SET search_path = x", "SET", "", ""},
		{"frobnicate FROM seats", "", "", ""},
		{"-- name: GetSeat :one\nSELECT a FROM seats", "SELECT", "seats", "seats"},
		{"EXPLAIN SELECT a FROM seats", "EXPLAIN", "seats", "seats"},
		{"SELECT a FROM seats; DELETE FROM holds", "SELECT", "seats", "seats"},
		{"SELECT a FROM seats ORDER BY a, b", "SELECT", "seats", "seats"},
		{"SELECT a FROM " + strings.Repeat("x", 200), "SELECT", "", ""},
		{"", "", "", ""},
	} {
		r := Read(test.in, DialectOf("postgresql"))
		collection := ""
		if r.Single {
			collection = r.Table
		}
		if got := [3]string{r.Verb, r.Table, collection}; got != [3]string{test.verb, test.table, test.collection} {
			t.Errorf("%q: %q, want %q %q %q", test.in, got, test.verb, test.table, test.collection)
		}
	}
}

// A list is folded to a short text, however long it is. No text is longer than the limit.
func TestLongTexts(t *testing.T) {
	for _, test := range []struct{ in, want string }{
		{"SELECT a FROM t WHERE a IN (" + strings.Repeat("1,", 5000) + "1)", "SELECT a FROM t WHERE a IN (?)"},
		{"INSERT INTO t VALUES " + strings.Repeat("(1, 'x'), ", 5000) + "(2, 'y')", "INSERT INTO t VALUES (?)"},
		{"INSERT INTO t VALUES " + strings.Repeat("(1, 'x'), ", 50000) + "(2, 'y')", "INSERT INTO t VALUES (?)…"},
	} {
		got := Read(test.in, Dialect{}).Text
		if got != test.want && !strings.HasPrefix(got, strings.TrimSuffix(test.want, "…")) || len(got) > len(test.want)+8 {
			t.Errorf("%.60s: %.100q, want %q", test.in, got, test.want)
		}
	}
	for _, in := range []string{"SELECT " + strings.Repeat("a, ", 5000), "SELECT " + strings.Repeat("ééé ", 5000),
		"SELECT " + strings.Repeat("\xff ", 5000), strings.Repeat("(", 5000), strings.Repeat("a(", 100000), strings.Repeat("'a' ", 5000)} {
		got := Read(in, Dialect{}).Text
		if len(got) > MaxText || !strings.HasSuffix(got, "…") || !utf8.ValidString(got) {
			t.Errorf("%.20q: %d bytes", in, len(got))
		}
	}
}

// A sentence is a statement made from a seed, with a secret in each of its literals.
type sentence struct {
	r       *rand.Rand
	sql     strings.Builder
	secrets []string
}

// secret returns a text that is nowhere else in the statement.
func (s *sentence) secret() string {
	x := fmt.Sprintf("zq%dzq", s.r.IntN(1e6))
	s.secrets = append(s.secrets, x)
	return x
}

func pick[T any](r *rand.Rand, of ...T) T { return of[r.IntN(len(of))] }

// content returns random content of a literal. The caller must escape its quotes.
func (s *sentence) content() string {
	c := ""
	for range s.r.IntN(4) {
		c += pick(s.r, " ", "x", "--", "/*", "*/", "#", "\n", ";", "(", ")", "$$", "[", "]", "?", ",", "$a$", "é", "1", "\"", "'", "`")
	}
	return c
}

// quoted returns a string with a secret, between quotes. backslashes says whether a backslash escapes a quote.
func (s *sentence) quoted(quote string, backslashes bool) string {
	text := s.content() + s.secret() + s.content()
	text = strings.ReplaceAll(text, quote, pick(s.r, quote+quote, quote+quote, map[bool]string{true: `\` + quote, false: quote + quote}[backslashes]))
	if backslashes {
		text += pick(s.r, "", "", `\\`, `\n`)
	} else {
		text += pick(s.r, "", "", "", `\`)
	}
	return quote + text + quote
}

// literal returns a literal, or a comment, with a secret, in the syntax of a database system.
func (s *sentence) literal(system string) string {
	forms := []string{"'"}
	switch system {
	case "postgresql":
		forms = append(forms, "$", "E", "X", "/*", "--", "9")
	case "mysql":
		forms = append(forms, "mysql'", "mysql\"", "#", "--", "flat", "9")
	case "sqlite", "microsoft.sql_server":
		forms = append(forms, "X", "--", "flat", "9")
	case "oracle.db":
		forms = append(forms, "q", "--", "9")
	}
	switch pick(s.r, forms...) {
	case "$":
		tag := pick(s.r, "$$", "$a$", "$b1$")
		return tag + strings.ReplaceAll(s.content()+s.secret()+s.content(), "$", "") + tag
	case "E":
		return "E" + s.quoted("'", true)
	case "X":
		return "X" + s.quoted("'", false)
	case "/*":
		return "/* '" + s.secret() + "/* \" */ " + s.secret() + " */"
	case "flat":
		return "/* '" + s.secret() + " */"
	case "--":
		return "-- '" + s.secret() + "\n"
	case "#":
		return "# '" + s.secret() + "\n"
	case "mysql'":
		return s.quoted("'", true)
	case "mysql\"":
		return s.quoted("\"", true)
	case "q":
		return "q'[" + strings.ReplaceAll(s.content(), "]", "") + "'" + s.secret() + "]'"
	case "9":
		x := fmt.Sprintf("98%07d", s.r.IntN(1e7))
		s.secrets = append(s.secrets, x)
		return pick(s.r, "", "0x", "-", ".", "1e", "1.") + x
	}
	if system == "mysql" {
		return s.quoted("'", true)
	}
	return s.quoted("'", false)
}

func newSentence(seed uint64, system string) *sentence {
	s := &sentence{r: rand.New(rand.NewPCG(seed, 1))}
	for range 1 + s.r.IntN(20) {
		s.sql.WriteString(pick(s.r, "SELECT", "a", "FROM", "t", "WHERE", "=", "IN", "(", ")", ",", "VALUES", "AND", ".", ";", "::text", "||", "-", "INSERT INTO", "[1]"))
		s.sql.WriteString(pick(s.r, " ", " ", "\n", "\t"))
		if s.r.IntN(2) == 0 {
			s.sql.WriteString(s.literal(system))
			s.sql.WriteString(pick(s.r, " ", " ", ",", ")"))
		}
	}
	return s
}

var fuzzed = []string{"postgresql", "mysql", "sqlite", "microsoft.sql_server", "oracle.db"}

// FuzzLiterals checks that no part of a literal is in the cleaned text, in its own dialect or the unknown one.
func FuzzLiterals(f *testing.F) {
	for seed := range uint64(2000) {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, seed uint64) {
		for _, system := range fuzzed {
			s := newSentence(seed, system)
			for _, as := range []string{system, ""} {
				got := Read(s.sql.String(), DialectOf(as)).Text
				for _, secret := range s.secrets {
					if strings.Contains(got, secret) {
						t.Fatalf("%s, read as %s: %q is in the text of\n%s\n%s", system, as, secret, s.sql.String(), got)
					}
				}
			}
		}
	})
}

// FuzzRead checks that every text can be read, and that the result is valid and bounded.
func FuzzRead(f *testing.F) {
	for _, text := range []string{"SELECT a FROM t WHERE b IN ('x', 2)", "VALUES (1),(2)", "$$", "((((", "'\\'", "[", "\"a\".b", "WITH x AS (", "\x00\xff"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		for _, system := range append(fuzzed, "") {
			r := Read(text, DialectOf(system))
			if len(r.Text) > MaxText || !utf8.ValidString(r.Text) {
				t.Errorf("%s: %q", system, r.Text)
			}
			if len(r.Table) > MaxName || r.Verb != "" && !verbs[r.Verb] || r.Table != "" && !isName(r.Table) {
				t.Errorf("%s: verb %q, table %q", system, r.Verb, r.Table)
			}
		}
	})
}
