package tracelog

import (
	"log/slog"
	"strconv"
	"strings"
)

// levels are the names of levels that loggers write, in capitals. Levels above error or below debug keep the distance
// that slog has between its own.
var levels = map[string]slog.Level{
	"TRACE": slog.LevelDebug - 4, "TRC": slog.LevelDebug - 4, "TRCE": slog.LevelDebug - 4, "VERBOSE": slog.LevelDebug - 4,
	"DEBUG": slog.LevelDebug, "DEBU": slog.LevelDebug, "DBG": slog.LevelDebug, "DBUG": slog.LevelDebug,
	"INFO": slog.LevelInfo, "INF": slog.LevelInfo, "INFORMATION": slog.LevelInfo,
	"NOTICE": slog.LevelInfo + 2,
	"WARN":   slog.LevelWarn, "WARNING": slog.LevelWarn, "WRN": slog.LevelWarn,
	"ERROR": slog.LevelError, "ERR": slog.LevelError, "ERRO": slog.LevelError, "EROR": slog.LevelError, "SEVERE": slog.LevelError,
	"CRITICAL": slog.LevelError + 4, "CRIT": slog.LevelError + 4, "FATAL": slog.LevelError + 4, "FATA": slog.LevelError + 4,
	"FTL": slog.LevelError + 4, "PANIC": slog.LevelError + 4, "DPANIC": slog.LevelError + 4,
	"ALERT": slog.LevelError + 4, "EMERGENCY": slog.LevelError + 4, "EMERG": slog.LevelError + 4,
}

// ParseLevel returns the log/slog level that is nearest to [Entry.Level], whichever logger wrote it: "WARN+1",
// "warning", "crit", "FATAL", and the numbers of pino and bunyan, where 50 is an error. It returns false if the text
// is not a known level.
func ParseLevel(text string) (slog.Level, bool) {
	if len(text) == 2 && '1' <= text[0] && text[0] <= '6' && isDigit(text[1]) {
		return [...]slog.Level{slog.LevelDebug - 4, slog.LevelDebug, slog.LevelInfo, slog.LevelWarn, slog.LevelError, slog.LevelError + 4}[text[0]-'1'], true
	}
	name, more := cutLevel(text)
	level, ok := levels[name]
	if !ok || more == "" {
		return level, ok
	}
	n, err := strconv.Atoi(more)
	return level + slog.Level(n), err == nil
}

// isLevel reports whether a word is the name of a level as loggers write it, in capitals or not, including "WARN+1".
func isLevel(word string) bool {
	name, _ := cutLevel(word)
	_, ok := levels[name]
	return ok
}

// cutLevel returns a level's name in capitals, and the rest of the text with its sign.
func cutLevel(text string) (name, more string) {
	if len(text) > 0 && text[0] == '\x1b' { // winston colours a level in JSON, too
		text = string(cutEscapes([]byte(text)))
	}
	if i := strings.IndexAny(text, "+-"); i >= 0 {
		text, more = text[:i], text[i:]
	}
	if len(text) > len("information") {
		return "", ""
	}
	return strings.ToUpper(text), more
}
