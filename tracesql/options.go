package tracesql

import (
	"log/slog"
	"net"
	"net/url"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/slogtrace/slogtrace"
	"github.com/slogtrace/slogtrace/internal/sqltext"
)

// Options are options for [Wrap] and [Open]. The zero value means the defaults.
type Options struct {
	// Tracer starts the spans. Nil means the tracer of the call's context or, without one, the default tracer.
	Tracer *slogtrace.Tracer

	// System is db.system.name: "postgresql", "mysql", "sqlite", "microsoft.sql_server", "oracle.db", "clickhouse", …
	// The text of queries is read by the rules of this system.
	// "" means the system that the driver's package path names, else "other_sql".
	System string

	// Server is server.address, or server.address:server.port. If it is "", [Open] takes it from the data source name.
	Server string

	// Namespace is db.namespace: the name of the database.
	Namespace string

	// Op names the span of a query. If it is nil or returns "", the name is operation and table.
	// It is called once for a text, as long as the text is in the cache.
	// It should name a kind of query, so the name must not contain values of the query.
	Op func(query string) string

	// NewTraces starts a new trace for a call whose context has none.
	NewTraces bool

	// NoText leaves out db.query.text.
	NoText bool

	// Args records at most 32 arguments, as db.query.parameter.<name or index>, each cut at 256 bytes.
	// Arguments can be secrets and personal data.
	Args bool

	// Prepares adds a span for each prepare. Without it only a failed prepare has one.
	Prepares bool

	// Transactions adds a span around each transaction, from before its BEGIN to after its COMMIT or ROLLBACK.
	// A query of the transaction is its child if the query's context has the same current span as the context of BeginTx.
	Transactions bool

	// RowTimes records the time in the driver's Next and between its calls. It reads the clock twice per row.
	RowTimes bool

	// Comment appends the traceparent of the span to the text of queries and execs, as a comment (sqlcommenter)
	// for the server's log. Statements that already have a comment, and prepared ones, stay unchanged.
	//
	// Every text is then different. A driver, proxy or server that caches statements by their text keeps each of them.
	// pgx does so by default: set its default_query_exec_mode to exec or simple_protocol.
	// pg_stat_statements keeps the first text only.
	Comment bool

	// CommentPrepared appends the comment to prepared statements too, with the traceparent of the prepare.
	CommentPrepared bool

	// StatusCode returns db.response.status_code for an error of the driver, "" if the error has no code.
	// Nil means the error's method SQLState, SQLErrorNumber or Code, or its field Number.
	StatusCode func(error) string
}

// All connections of a connector share one config.
type config struct {
	opts     Options
	texts    textCache
	attempts attempts

	begin, commit, rollback, connect *statement
}

func newConfig(driver any, opts *Options) *config {
	c := new(config)
	if opts != nil {
		c.opts = *opts
	}
	if c.opts.System == "" {
		c.opts.System = systemOf(driver)
	}
	fixed := []slog.Attr{slogtrace.KindClient, slog.String("db.system.name", c.opts.System)}
	if c.opts.Namespace != "" {
		fixed = append(fixed, slog.String("db.namespace", c.opts.Namespace))
	}
	if c.opts.Server != "" {
		host, port := splitServer(c.opts.Server)
		fixed = append(fixed, slog.String("server.address", host))
		if port > 0 {
			fixed = append(fixed, slog.Int("server.port", port))
		}
	}
	c.texts = textCache{fixed: slices.Clip(fixed), dialect: sqltext.DialectOf(c.opts.System), op: c.opts.Op, noText: c.opts.NoText}
	c.begin, c.commit, c.rollback, c.connect = c.named("BEGIN"), c.named("COMMIT"), c.named("ROLLBACK"), c.named("CONNECT")
	return c
}

// named returns a statement for an operation that has no text.
func (c *config) named(op string) *statement {
	return &statement{op: op, attrs: append(c.texts.fixed, slog.String(operationKey, op))}
}

// systems maps a part of the import path of the driver's package to db.system.name.
var systems = []struct{ part, system string }{
	{"pgx", "postgresql"},
	{"lib/pq", "postgresql"},
	{"postgres", "postgresql"},
	{"mysql", "mysql"},
	{"mariadb", "mariadb"},
	{"sqlite", "sqlite"},
	{"mssql", "microsoft.sql_server"},
	{"sqlserver", "microsoft.sql_server"},
	{"godror", "oracle.db"},
	{"go-ora", "oracle.db"},
	{"clickhouse", "clickhouse"},
	{"snowflake", "snowflake"},
	{"trino", "trino"},
	{"spanner", "gcp.spanner"},
}

const otherSystem = "other_sql"

func systemOf(driver any) string {
	if driver == nil {
		return otherSystem
	}
	t := reflect.TypeOf(driver)
	if t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	path := strings.ToLower(t.PkgPath())
	for _, s := range systems {
		if strings.Contains(path, s.part) {
			return s.system
		}
	}
	return otherSystem
}

// splitServer returns the host and port of "host", "host:port", "::1" or "[::1]:port". Without a port, port is 0.
func splitServer(server string) (host string, port int) {
	h, p, err := net.SplitHostPort(server)
	if err != nil {
		return strings.Trim(server, "[]"), 0
	}
	port, err = strconv.Atoi(p)
	if err != nil || port < 0 || port > 65535 {
		port = 0
	}
	return h, port
}

var (
	mysqlAddress = regexp.MustCompile(`@tcp6?\(([^()]+)\)/`)
	wordHost     = regexp.MustCompile(`(?:^|\s)host=([^\s'/\\]+)(?:\s|$)`)
	wordPort     = regexp.MustCompile(`(?:^|\s)port=(\d+)(?:\s|$)`)
)

// serverOf returns the server in a data source name, "" if it is not known. The result never contains user or password.
func serverOf(dsn string) string {
	switch {
	case strings.Contains(dsn, "://"):
		u, err := url.Parse(dsn)
		if err != nil || strings.Contains(u.Host, ",") { // several servers
			return ""
		}
		return u.Host
	case mysqlAddress.MatchString(dsn):
		all := mysqlAddress.FindAllStringSubmatch(dsn, -1)
		return all[len(all)-1][1] // a password may look like one
	case strings.Contains(dsn, "'"): // a quoted value may look like another key
		return ""
	}
	host := wordHost.FindStringSubmatch(dsn)
	switch port := wordPort.FindStringSubmatch(dsn); {
	case host == nil || strings.Contains(host[1], ","):
		return ""
	case port != nil:
		return net.JoinHostPort(host[1], port[1])
	}
	return host[1]
}
