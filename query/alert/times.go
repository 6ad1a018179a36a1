package alert

import (
	"encoding/json"
	"regexp"
	"time"
)

// wireTime is a time that somebody else wrote. One that cannot be read is the zero time:
// whoever posts one alert with an odd end must not hide all others with it. Alertmanager
// takes 9999-12-31T23:59:59-01:00, and tells it on in UTC, in the year 10000, which is
// no time of JSON any more; that is the last one.
type wireTime time.Time

var beyond = regexp.MustCompile(`^"\+?\d{5,}-\d`)

// UnmarshalJSON never fails.
func (t *wireTime) UnmarshalJSON(raw []byte) error {
	var read time.Time
	switch {
	case json.Unmarshal(raw, &read) == nil:
		*t = wireTime(read)
	case beyond.Match(raw):
		*t = wireTime(lastTime)
	default:
		*t = wireTime{}
	}
	return nil
}

// MarshalJSON writes it as any time.
func (t wireTime) MarshalJSON() ([]byte, error) { return writable(time.Time(t)).MarshalJSON() }

// IsZero is for omitzero.
func (t wireTime) IsZero() bool { return time.Time(t).IsZero() }

// lastTime is the last that JSON has.
var lastTime = time.Date(9999, 12, 31, 23, 59, 59, 0, time.UTC)

// writable is t in UTC, or the nearest time that JSON has: a silence may be meant for ever.
func writable(t time.Time) time.Time {
	t = t.UTC()
	switch {
	case t.Year() > 9999:
		return lastTime
	case t.Year() < 1:
		return time.Time{}
	}
	return t
}
