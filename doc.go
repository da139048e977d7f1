// Package slogtrace makes distributed traces out of log/slog records.
package slogtrace
