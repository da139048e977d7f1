// Command duck asks DuckDB what slogtrace finds out: a subject of readspeed. Only the columns that are needed are declared.
//
//	duck stats|ls FILE
//	duck version
package main

import (
	"database/sql"
	"encoding/json"
	"fmt"
	"os"
	"strings"

	_ "github.com/duckdb/duckdb-go/v2"
	"github.com/slogtrace/slogtrace/internal/loggen"
)

const (
	stats = `SELECT op, count(*), count(error), quantile_cont(duration_ms, 0.5), quantile_cont(duration_ms, 0.95),
	quantile_cont(duration_ms, 0.99), max(duration_ms)
FROM read_json(FILE, format = 'newline_delimited',
	columns = {msg: 'VARCHAR', op: 'VARCHAR', duration_ms: 'DOUBLE', error: 'VARCHAR'})
WHERE msg = 'span end' GROUP BY op ORDER BY op`

	ls = `SELECT trace FROM read_json(FILE, format = 'newline_delimited', columns = {trace: 'VARCHAR', error: 'VARCHAR'})
GROUP BY trace HAVING count(error) > 0`
)

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "duck:", err)
		os.Exit(1)
	}
}

func run(args []string) error {
	db, err := sql.Open("duckdb", "")
	if err != nil {
		return err
	}
	defer db.Close()
	if len(args) == 1 && args[0] == "version" {
		var v string
		if err := db.QueryRow("SELECT version()").Scan(&v); err != nil {
			return err
		}
		fmt.Println(v)
		return nil
	}
	if len(args) != 2 {
		return fmt.Errorf("want a command and a file")
	}
	query := map[string]string{"stats": stats, "ls": ls}[args[0]]
	rows, err := db.Query(strings.ReplaceAll(query, "FILE", "'"+strings.ReplaceAll(args[1], "'", "''")+"'"))
	if err != nil {
		return err
	}
	defer rows.Close()
	var ops []loggen.Op
	var failed []trace
	for rows.Next() {
		if args[0] == "stats" {
			var o loggen.Op
			if err := rows.Scan(&o.Op, &o.Count, &o.Errors, &o.P50, &o.P95, &o.P99, &o.Max); err != nil {
				return err
			}
			ops = append(ops, o)
			continue
		}
		var t trace
		if err := rows.Scan(&t.ID); err != nil {
			return err
		}
		failed = append(failed, t)
	}
	if err := rows.Err(); err != nil {
		return err
	}
	if args[0] == "stats" {
		return json.NewEncoder(os.Stdout).Encode(ops)
	}
	return json.NewEncoder(os.Stdout).Encode(failed)
}

type trace struct {
	ID string `json:"trace"`
}
