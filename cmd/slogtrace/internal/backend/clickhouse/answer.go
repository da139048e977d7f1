package clickhouse

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"sync"
	"time"
	"unicode"

	"github.com/slogtrace/slogtrace/cmd/slogtrace/internal/backend"
)

// errNoRow means that an answer has something else in the place of a row.
var errNoRow = errors.New("no row")

// errEnough ends an answer of which the rest is not wanted.
var errEnough = errors.New("enough")

// maxExplained is how much of the text of an error is read.
const maxExplained = 8 << 10

// ask sends a query and calls fn with each row of the answer, until fn returns an error. If the answer is not read to its
// end, the query is ended at the server.
func (s *Store) ask(ctx context.Context, sql string, partial bool, fn func(row []byte) error) (err error) {
	id := rand.Text()
	params := url.Values{"query_id": {"slogtrace-" + id}}
	if partial {
		params.Set("skip_unavailable_shards", "1")
	}
	ended := false
	defer func() {
		if !ended {
			s.kill(ctx, params.Get("query_id"))
		}
		switch {
		case ctx.Err() != nil:
			err = ctx.Err()
		case err == errEnough:
			err = nil
		}
	}()
	body, err := s.access.PostText(ctx, params, sql+" format JSONEachRow")
	if err != nil {
		ended = ctx.Err() == nil
		return explained(err)
	}
	defer body.Close()
	// The server writes an exception among the rows if one happens later, with status 200.
	var exception []byte
	err = backend.EachRow(body, func(row []byte) error {
		if exception == nil {
			if err := fn(row); err != errNoRow {
				return err
			}
		}
		if len(exception) < maxExplained {
			exception = append(append(exception, row...), '\n')
		}
		return nil
	})
	ended = err == nil || exception != nil
	if exception != nil {
		return exceptionError(string(exception[:min(len(exception), maxExplained)]))
	}
	return err
}

// rowsOf calls fn with each row of the answer to a query, until fn returns false.
func rowsOf[Row any](ctx context.Context, s *Store, sql string, partial bool, fn func(r Row) bool) error {
	return s.ask(ctx, sql, partial, func(line []byte) error {
		var r Row
		if err := decodeRow(line, &r); err != nil {
			return err
		}
		if !fn(r) {
			return errEnough
		}
		return nil
	})
}

// killTime is how long the server is waited for at the end of a query.
const killTime = 2 * time.Second

// kill ends a query. That the server does not do so changes nothing: it notices the closed connection later.
func (s *Store) kill(ctx context.Context, id string) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), killTime)
	defer cancel()
	body, err := s.access.PostText(ctx, url.Values{}, "kill query where query_id = "+quote(id)+" async")
	if err == nil {
		body.Close()
	}
}

var exceptionCode = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`Code: (\d+)[.,]`) })

// explained returns the error of an answer that is not 200. The server answers so if a query fails before its first row.
func explained(err error) error {
	if !exceptionCode().MatchString(err.Error()) {
		return err
	}
	why := exceptionError(err.Error())
	if strings.HasPrefix(err.Error(), "status 401") || strings.HasPrefix(err.Error(), "status 403") {
		return fmt.Errorf("%w (credentials come from %s and %s)", why, backend.EnvUser, backend.EnvPasswordFile)
	}
	return why
}

// exceptionError returns the error for the text of an exception.
func exceptionError(text string) error {
	m := exceptionCode().FindStringSubmatch(text)
	if m == nil {
		return &backend.CutError{Err: fmt.Errorf("the answer was cut off: %s", printable(text))}
	}
	err := errors.New(message(text))
	switch m[1] {
	case "158", "159", "160", "241", "307", "396": // too many rows, bytes or seconds, or too much memory
		return &backend.CutError{Err: err}
	case "202": // too many queries at the same time
		return &backend.AwayError{Err: err}
	}
	return err
}

var (
	exceptionStart = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`DB::\w*Exception: `) })
	exceptionEnd   = sync.OnceValue(func() *regexp.Regexp {
		return regexp.MustCompile(`, e\.what\(\) =|\(version |Stack trace:|\s*Code: \d+[.,]|\n__exception__`)
	})
)

// message returns the text of an exception, without what is for developers of the server, and each part once: that of a
// shard that does not answer repeats for each attempt.
func message(text string) string {
	var parts []string
	for _, part := range exceptionStart().Split(text, -1)[1:] {
		if at := exceptionEnd().FindStringIndex(part); at != nil {
			part = part[:at[0]]
		}
		if part = printable(strings.TrimRight(part, " .:\n")); part != "" && !slices.Contains(parts, part) {
			parts = append(parts, part)
		}
	}
	if len(parts) == 0 {
		return printable(text)
	}
	return strings.Join(parts, ": ")
}

// maxMessage is how many characters of a text an error has.
const maxMessage = 500

// printable returns text on one line.
func printable(text string) string {
	text = strings.Map(func(r rune) rune {
		if unicode.IsSpace(r) || unicode.IsPrint(r) {
			return r
		}
		return '?'
	}, strings.ToValidUTF8(text, "?"))
	text = strings.Join(strings.Fields(text), " ")
	if r := []rune(text); len(r) > maxMessage {
		text = string(r[:maxMessage]) + "…"
	}
	return text
}
