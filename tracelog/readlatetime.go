package tracelog

import (
	"strconv"
	"time"
)

// lateTime reads the time of a record that has none under the names of times:
//
//	{"instant":{"epochSecond":1772356500,"nanoOfSecond":500000000},"level":"INFO","message":"…"}   log4j2
//	{"timeMillis":1772356500500,"level":"INFO","message":"…"}                                     log4j2 before 2.11
//	{"date":"2026-03-01T09:15:00.5Z","status":"info","message":"…"}                               Datadog's archives
//	{"datetime":"2026-03-01T09:15:00.5Z","level":200,"level_name":"INFO","message":"…"}           Monolog
//	{"eventTime":"2026-03-01T09:15:00.5Z","severity":"INFO","message":"…"}                        zap, for Google Cloud
//
// A date is the time of a record only beside such a status or such attributes, because it may be that of a booking.
func (p *lineParser) lateTime(e *Entry) {
	var date, datetime, level *member
	for i := range p.members {
		m := &p.members[i]
		if m.outer != 0 || m.around {
			continue
		}
		switch string(m.key) {
		case "instant":
			if at, ok := instantOf(m.value); ok && e.Time.IsZero() {
				e.Time = at
				p.take(m)
			}
		case "timeMillis":
			if at, ok := parseEpoch(m.value); ok && e.Time.IsZero() {
				e.Time = at
				p.take(m)
			}
		case "date":
			date = m
		case "datetime":
			datetime = m
		case "level_name":
			level = m
		case "eventTime":
			if at, _, ok := foreignMoment(m.value); ok && e.Time.IsZero() && p.first[slotSeverity] != 0 {
				e.Time = at
				p.take(m)
			}
		}
	}
	if datetime != nil && level != nil && isLevel(jsonText(level.value)) && e.Time.IsZero() {
		if at, _, ok := foreignMoment(datetime.value); ok {
			e.Time, e.Level = at, jsonText(level.value)
			p.take(datetime)
			p.take(level)
		}
	}
	if date == nil || !e.Time.IsZero() || e.Level != "" || e.Trace != "" || p.messageMember() == nil {
		return
	}
	e.Level = statusIn(p.members)
	at, _, ok := foreignMoment(date.value)
	if ok && (e.Level != "" || p.hasCompanion()) {
		e.Time = at
		p.take(date)
	}
}

// instantOf reads the object that log4j2 writes for a time.
func instantOf(v []byte) (time.Time, bool) {
	if v[0] != '{' {
		return time.Time{}, false
	}
	in := foreignFields(v)
	seconds, err := strconv.ParseInt(pickText(in, []string{"epochSecond"}), 10, 64)
	nanos, _ := strconv.ParseInt(pickText(in, []string{"nanoOfSecond"}), 10, 64)
	if err != nil || seconds <= 0 || seconds > 1e11 || nanos < 0 || nanos >= 1e9 {
		return time.Time{}, false
	}
	return time.Unix(seconds, nanos).UTC(), true
}
