package query

import (
	"strconv"
	"strings"
	"time"
)

// moment is the end of the window that a macro means, with the format that it
// asks for; false for a macro of another kind.
func (w Window) moment(name string) (at time.Time, form string, ok bool) {
	name, form, _ = strings.Cut(name, ":")
	switch {
	case name != "from" && name != "to":
		return at, "", false
	case w.End.IsZero():
		return at, "", true
	case name == "from":
		return w.End.Add(-w.Span), form, true
	}
	return w.End, form, true
}

// momentText writes a time in one of Grafana's formats: milliseconds since 1970,
// :date (ISO 8601), :date:seconds, or :date: with Moment.js' letters.
func momentText(at time.Time, form string) string {
	at = at.UTC()
	switch form {
	case "date", "date:iso":
		return at.Format("2006-01-02T15:04:05.000Z")
	case "date:seconds":
		return strconv.FormatInt(at.Unix(), 10)
	}
	letters, ok := strings.CutPrefix(form, "date:")
	if !ok {
		return strconv.FormatInt(at.UnixMilli(), 10)
	}
	return at.Format(momentLayout(letters))
}

// momentLayout is Go's layout for the letters of Moment.js that dates are made of;
// others stay as they are.
func momentLayout(letters string) string {
	return strings.NewReplacer(
		"YYYY", "2006", "YY", "06", "MMMM", "January", "MMM", "Jan", "MM", "01", "M", "1", "DD", "02", "D", "2",
		"dddd", "Monday", "ddd", "Mon", "HH", "15", "hh", "03", "h", "3", "mm", "04", "m", "4", "ss", "05", "s", "5",
		"SSS", "000", "A", "PM", "a", "pm", "ZZ", "-0700", "Z", "-07:00", "[", "", "]", "",
	).Replace(letters)
}
