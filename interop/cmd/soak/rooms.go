package main

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"path/filepath"
	"strconv"

	_ "modernc.org/sqlite" // the driver

	"github.com/slogtrace/slogtrace"
	"github.com/slogtrace/slogtrace/tracesql"
)

const rooms = 1000 // rows

// openRooms opens the database of the rooms service. All its connections are open, so no call has the span of a connect.
func openRooms(ctx context.Context, dir string, tracer *slogtrace.Tracer) (*sql.DB, error) {
	dsn := "file:" + filepath.Join(dir, "rooms.db") + "?_pragma=journal_mode(WAL)&_pragma=synchronous(OFF)&_pragma=busy_timeout(60000)"
	db, err := tracesql.Open("sqlite", dsn, &tracesql.Options{Tracer: tracer})
	if err != nil {
		return nil, err
	}
	const most = 4
	db.SetMaxOpenConns(most)
	db.SetMaxIdleConns(most)
	conns := make([]*sql.Conn, most)
	for i := range conns {
		if conns[i], err = db.Conn(ctx); err != nil {
			return nil, errors.Join(err, db.Close())
		}
	}
	for _, c := range conns {
		if err := c.Close(); err != nil { // back into the pool
			return nil, errors.Join(err, db.Close())
		}
	}
	for _, query := range []string{
		"CREATE TABLE rooms (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE, taken INTEGER NOT NULL DEFAULT 0)",
		fmt.Sprintf("WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < %d) INSERT INTO rooms (id, name) SELECT i, 'room ' || i FROM n", rooms),
	} {
		if _, err := db.ExecContext(ctx, query); err != nil {
			return nil, errors.Join(err, db.Close())
		}
	}
	return db, nil
}

// serveRooms looks at so many rooms, and takes some.
func (t *town) serveRooms(w http.ResponseWriter, r *http.Request, u *unit, server int) {
	s, k, ctx := t.rooms, kind(r.PathValue("kind")), r.Context()
	items, _ := strconv.Atoi(r.FormValue("items"))
	s.log.LogAttrs(ctx, slog.LevelInfo, "asked", append(loot(), u.log(slog.LevelInfo))...)
	if k == refuses {
		s.log.LogAttrs(ctx, slog.LevelDebug, "no", u.log(slog.LevelDebug))
		w.WriteHeader(http.StatusConflict)
		return
	}
	for i := range items {
		if err := t.look(ctx, u, server, i, k == fails && i == items-1); err != nil {
			u.fail(server)
			w.WriteHeader(http.StatusInternalServerError)
			return
		}
	}
	w.WriteHeader(http.StatusOK)
}

// look is a span of the rooms service with statements of its database. failing makes one of them fail.
func (t *town) look(ctx context.Context, u *unit, server, i int, failing bool) (err error) {
	s := t.rooms
	number, own := u.span()
	ctx, span := slogtrace.Start(ctx, "look", number, slog.Int("item", i))
	defer span.End(&err)
	for range 4 {
		s.log.LogAttrs(ctx, slog.LevelDebug, "looking", u.log(slog.LevelDebug), slog.Int("item", i), slog.Bool("free", true))
	}
	id := 1 + (i*37)%rooms
	number, query := u.span()
	var name string
	if err := t.db.QueryRowContext(slogtrace.With(ctx, number), "SELECT name FROM rooms WHERE id = ?", id).Scan(&name); err != nil {
		panic(&unexpected{fmt.Sprintf("span %d: %v", query, err)})
	}
	s.log.LogAttrs(ctx, slog.LevelInfo, "found", u.log(slog.LevelInfo), slog.String("room", name))
	switch {
	case failing:
		number, exec := u.span()
		_, err := t.db.ExecContext(slogtrace.With(ctx, number), "INSERT INTO rooms (name) VALUES (?)", name) // there is one
		if err == nil {
			panic(&unexpected{"the database takes a room twice"})
		}
		u.fail(exec, own, server)
		u.fail(own, server)
		return err
	case i%4 == 0:
		number, exec := u.span()
		if _, err := t.db.ExecContext(slogtrace.With(ctx, number), "UPDATE rooms SET taken = taken + 1 WHERE id = ?", id); err != nil {
			panic(&unexpected{fmt.Sprintf("span %d: %v", exec, err)})
		}
	}
	return nil
}
