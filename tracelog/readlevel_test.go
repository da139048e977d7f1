package tracelog

import (
	"log/slog"
	"testing"
)

func TestParseLevel(t *testing.T) {
	for text, want := range map[string]slog.Level{
		"INFO": slog.LevelInfo, "info": slog.LevelInfo, "inf": slog.LevelInfo, "notice": slog.LevelInfo + 2, "INFO+1": slog.LevelInfo + 1,
		"WARN": slog.LevelWarn, "warning": slog.LevelWarn, "Warning": slog.LevelWarn, "WRN": slog.LevelWarn, "WARN+3": slog.LevelWarn + 3,
		"ERROR": slog.LevelError, "err": slog.LevelError, "erro": slog.LevelError, "fatal": slog.LevelError + 4, "crit": slog.LevelError + 4,
		"CRITICAL": slog.LevelError + 4, "dpanic": slog.LevelError + 4, "emerg": slog.LevelError + 4, "alert": slog.LevelError + 4,
		"trace": slog.LevelDebug - 4, "DEBUG-2": slog.LevelDebug - 2, "dbg": slog.LevelDebug,
		"10": slog.LevelDebug - 4, "20": slog.LevelDebug, "30": slog.LevelInfo, "35": slog.LevelInfo, "40": slog.LevelWarn,
		"50": slog.LevelError, "60": slog.LevelError + 4,
	} {
		if got, ok := ParseLevel(text); got != want || !ok {
			t.Errorf("%q: %v, %t; want %v", text, got, ok, want)
		}
	}
	for _, text := range []string{"", "+1", "3", "70", "300", "6x", "WARN+", "WARN+x", "warned", "ERROR OUT", "emergency!", "-4"} {
		if got, ok := ParseLevel(text); ok {
			t.Errorf("%q: %v", text, got)
		}
	}
	for level := slog.LevelDebug - 9; level < slog.LevelError+9; level++ {
		if got, ok := ParseLevel(level.String()); got != level || !ok {
			t.Errorf("%v: %v, %t", level, got, ok)
		}
	}
}
