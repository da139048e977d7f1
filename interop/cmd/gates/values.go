package main

import (
	"context"
	"errors"
	"log/slog"
	"time"
)

// Values of other kinds than J1's.
const (
	took        = 1840 * time.Microsecond
	size uint64 = 48213
	rate        = 1.0825
)

var (
	errDeclined = errors.New("card declined")
	buyer       = customer{"c-17", "team", 25}

	// With started these are three seconds, none of them the record's.
	created = started.Add(-26 * time.Hour)
	updated = started.Add(-95 * time.Minute)

	// Boxed once: to box them for each call would cost all subjects the same.
	anyError   any = errDeclined
	anyBuyer   any = buyer
	anyStarted any = started
	anyCreated any = created
	anyUpdated any = updated
)

// A customer is a struct as services log them.
type customer struct {
	ID    string `json:"id"`
	Plan  string `json:"plan"`
	Seats int    `json:"seats"`
}

// A variant is J1 with other attributes.
type variant struct {
	name, title string
	info, attrs logFunc
	want        map[string]string // instead of J1's ok, or beside it
}

var variants = []variant{
	{
		"duration", "a duration",
		func(l *slog.Logger, ctx context.Context) {
			l.InfoContext(ctx, message, "booking", booking, "amount", amount, "took", took)
		},
		func(l *slog.Logger, ctx context.Context) {
			l.LogAttrs(ctx, slog.LevelInfo, message, slog.String("booking", booking), slog.Int("amount", amount), slog.Duration("took", took))
		},
		map[string]string{"took": "1.84e+06"},
	},
	{
		"uint", "an unsigned number",
		func(l *slog.Logger, ctx context.Context) {
			l.InfoContext(ctx, message, "booking", booking, "amount", amount, "size", size)
		},
		func(l *slog.Logger, ctx context.Context) {
			l.LogAttrs(ctx, slog.LevelInfo, message, slog.String("booking", booking), slog.Int("amount", amount), slog.Uint64("size", size))
		},
		map[string]string{"size": "48213"},
	},
	{
		"error", "an error",
		func(l *slog.Logger, ctx context.Context) {
			l.InfoContext(ctx, message, "booking", booking, "amount", amount, "err", anyError)
		},
		func(l *slog.Logger, ctx context.Context) {
			l.LogAttrs(ctx, slog.LevelInfo, message, slog.String("booking", booking), slog.Int("amount", amount), slog.Any("err", anyError))
		},
		map[string]string{"err": "card declined"},
	},
	{
		"time", "a time",
		func(l *slog.Logger, ctx context.Context) {
			l.InfoContext(ctx, message, "booking", booking, "amount", amount, "created", anyCreated)
		},
		func(l *slog.Logger, ctx context.Context) {
			l.LogAttrs(ctx, slog.LevelInfo, message, slog.String("booking", booking), slog.Int("amount", amount), slog.Time("created", created))
		},
		map[string]string{"created": created.Format(time.RFC3339Nano)},
	},
	{
		"float", "a float",
		func(l *slog.Logger, ctx context.Context) {
			l.InfoContext(ctx, message, "booking", booking, "amount", amount, "rate", rate)
		},
		func(l *slog.Logger, ctx context.Context) {
			l.LogAttrs(ctx, slog.LevelInfo, message, slog.String("booking", booking), slog.Int("amount", amount), slog.Float64("rate", rate))
		},
		map[string]string{"rate": "1.0825"},
	},
	{
		"struct", "a struct",
		func(l *slog.Logger, ctx context.Context) {
			l.InfoContext(ctx, message, "booking", booking, "amount", amount, "customer", anyBuyer)
		},
		func(l *slog.Logger, ctx context.Context) {
			l.LogAttrs(ctx, slog.LevelInfo, message, slog.String("booking", booking), slog.Int("amount", amount), slog.Any("customer", anyBuyer))
		},
		map[string]string{"customer.id": "c-17", "customer.plan": "team", "customer.seats": "25"},
	},
	{
		"times", "three times of different seconds",
		func(l *slog.Logger, ctx context.Context) {
			l.InfoContext(ctx, message, "created", anyCreated, "updated", anyUpdated, "started", anyStarted)
		},
		func(l *slog.Logger, ctx context.Context) {
			l.LogAttrs(ctx, slog.LevelInfo, message, slog.Time("created", created), slog.Time("updated", updated), slog.Time("started", started))
		},
		map[string]string{
			"created": created.Format(time.RFC3339Nano), "updated": updated.Format(time.RFC3339Nano), "started": started.Format(time.RFC3339Nano),
		},
	},
	{
		"ten", "ten attributes",
		func(l *slog.Logger, ctx context.Context) {
			l.InfoContext(ctx, message, "booking", booking, "amount", amount, "ok", true, "currency", "EUR", "provider", provider,
				"attempt", attempt, "fee", rate, "wait", took, "seats", 3, "channel", "web")
		},
		func(l *slog.Logger, ctx context.Context) {
			l.LogAttrs(ctx, slog.LevelInfo, message, slog.String("booking", booking), slog.Int("amount", amount), slog.Bool("ok", true),
				slog.String("currency", "EUR"), slog.String("provider", provider), slog.Int("attempt", attempt), slog.Float64("fee", rate),
				slog.Duration("wait", took), slog.Int("seats", 3), slog.String("channel", "web"))
		},
		map[string]string{"booking": booking, "amount": "12900", "fee": "1.0825", "wait": "1.84e+06", "channel": "web"},
	},
}

// valueJobs are J1 with values of other kinds, or more of them.
func valueJobs() []job {
	var list []job
	for _, v := range variants {
		subjects := func(t tool) []subject {
			var list []subject
			for _, c := range t.calls() {
				log := v.info
				if c == attrs {
					log = v.attrs
				}
				list = append(list, subject{row(t, c), floorOf(c), func(s *session) work { return logMany(s.logger, s.ctx, log) }})
			}
			return list
		}
		list = append(list, job{
			name: v.name, title: "J1 with " + v.title,
			tools: []tool{prebound, oursJSON, oursHandler}, subjects: subjects, want: want{lines: 1, attrs: v.want},
		})
	}
	return list
}
