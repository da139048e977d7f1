package sqltext

import "strings"

// A Dialect describes how a database reads the text of a query.
// With an unknown dialect, Read stops where a text can be read in more than one way.
type Dialect struct {
	known         bool
	doubleStrings bool // "x" is a string; elsewhere an identifier
	backticks     bool // `x` is an identifier
	brackets      bool // [x] is an identifier; elsewhere an index
	dollarQuotes  bool // $tag$x$tag$ is a string
	dollarParams  bool // $1 is a parameter, not an amount
	hashComments  bool // # begins a comment
	nested        bool // comments nest
	quoteQuotes   bool // q'[it's]' is a string
	looseDashes   bool // -- begins a comment only before a space
}

// DialectOf returns the dialect of a db.system.name. For other names it returns an unknown dialect.
func DialectOf(system string) Dialect {
	switch system {
	case "postgresql", "cockroachdb", "aws.redshift":
		return Dialect{known: true, dollarQuotes: true, dollarParams: true, nested: true}
	case "mysql", "mariadb":
		return Dialect{known: true, doubleStrings: true, backticks: true, hashComments: true, looseDashes: true}
	case "sqlite":
		return Dialect{known: true, backticks: true, brackets: true, dollarParams: true}
	case "microsoft.sql_server":
		return Dialect{known: true, brackets: true, nested: true}
	case "oracle.db":
		return Dialect{known: true, quoteQuotes: true}
	}
	return Dialect{doubleStrings: true, dollarQuotes: true, quoteQuotes: true, looseDashes: true}
}

// verbs are the operations that may be in the name of a span.
var verbs = setOf("SELECT INSERT UPDATE DELETE MERGE REPLACE UPSERT VALUES CALL EXEC EXECUTE DO TABLE " +
	"CREATE ALTER DROP TRUNCATE RENAME COMMENT GRANT REVOKE REINDEX REFRESH CLUSTER VACUUM ANALYZE OPTIMIZE ATTACH DETACH " +
	"BEGIN START COMMIT END ROLLBACK ABORT SAVEPOINT RELEASE LOCK UNLOCK SET RESET SHOW USE DESCRIBE DESC EXPLAIN PRAGMA " +
	"COPY LOAD IMPORT EXPORT DECLARE FETCH CLOSE PREPARE DEALLOCATE LISTEN UNLISTEN NOTIFY DISCARD CHECKPOINT KILL FLUSH")

// afterWith are the operations that may follow a WITH clause.
var afterWith = setOf("SELECT INSERT UPDATE DELETE MERGE REPLACE VALUES TABLE")

// beforeTable are the words that may be between FROM, INTO or TABLE and the name of the table.
var beforeTable = setOf("INTO ONLY LATERAL IF NOT EXISTS IGNORE LOW_PRIORITY OR ABORT FAIL REPLACE ROLLBACK TABLE OVERWRITE")

func setOf(words string) map[string]bool {
	set := make(map[string]bool)
	for _, w := range strings.Fields(words) {
		set[w] = true
	}
	return set
}
