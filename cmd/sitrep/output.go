package main

import (
	"fmt"
	"io"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/sitrep-dev/sitrep/incident"
	"github.com/sitrep-dev/sitrep/tui/safe"
)

// sanitise makes text from anywhere fit for a terminal, keeping its lines.
func sanitise(text string) string {
	lines := strings.Split(text, "\n")
	for i, l := range lines {
		lines[i] = safe.New(strings.ReplaceAll(l, "\t", "    "), maxLine).String()
	}
	return strings.Join(lines, "\n")
}

// oneLine makes text from anywhere one line that is fit for a terminal.
func oneLine(text string) string { return safe.New(text, maxLine).String() }

// hung is a head and the text beside it, sanitised, in lines of at most width cells that
// break between words; those after the first begin below the text. Where there is no
// terminal (width is maxLine) or no room for that, it is one line.
func hung(head, text string, width int) string {
	const least = 24
	head, text = sanitise(head), sanitise(text)
	indent := safe.New(head, maxLine).Width()
	room := width - indent
	if width >= maxLine || room < least || safe.New(text, maxLine).Width() <= room {
		return head + text
	}
	var lines []string
	for _, l := range safe.Wrap(text, room) {
		lines = append(lines, l.String())
	}
	return head + strings.Join(lines, "\n"+strings.Repeat(" ", indent))
}

// hungPlan is a plan whose lines fit into width: its texts stand beside labels of 12
// characters.
func hungPlan(text string, width int) string {
	const label = 12
	lines := strings.Split(text, "\n")
	for i, l := range lines {
		r := []rune(l)
		cut := min(label, len(r))
		lines[i] = hung(string(r[:cut]), string(r[cut:]), width)
	}
	return strings.Join(lines, "\n")
}

// maxLine bounds a line that somebody else wrote.
const maxLine = 2000

// table prints rows in columns; cells are sanitised.
func table(w io.Writer, rows [][]string) error {
	tw := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	for _, row := range rows {
		cells := make([]string, len(row))
		for i, c := range row {
			cells[i] = safe.New(c, maxLine).String()
		}
		if _, err := fmt.Fprintln(tw, strings.TrimRight(strings.Join(cells, "\t"), "\t ")); err != nil {
			return err
		}
	}
	return tw.Flush()
}

// stamp is a time for people; "-" where there is none.
func stamp(t time.Time) string {
	if t.IsZero() {
		return "-"
	}
	return t.UTC().Format("2006-01-02 15:04:05Z")
}

// moment is a time for JSON; nil where there is none.
func moment(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	t = t.UTC()
	return &t
}

func seconds(d time.Duration, known bool) *float64 {
	if !known {
		return nil
	}
	s := d.Seconds()
	return &s
}

// span is a duration as people say it: 14m32s, 2h5m, 3d4h.
func span(d time.Duration) string {
	d = d.Round(time.Second)
	switch {
	case d < time.Hour:
		return d.String()
	case d < 24*time.Hour:
		return fmt.Sprintf("%dh%02dm", int(d.Hours()), int(d.Minutes())%60)
	}
	return fmt.Sprintf("%dd%02dh", int(d.Hours())/24, int(d.Hours())%24)
}

// eventLine is one event on one line of an incident's timeline, its number
// first: corrections name it by that.
func eventLine(id incident.ID, e incident.Event) []string {
	text := e.Text
	if mark := e.Mark(id); mark != "" {
		text += " (" + mark + ")"
	}
	return []string{strconv.FormatInt(e.Seq, 10), stamp(e.At), string(e.Kind), e.Who(), text}
}

func orDash(s string) string {
	if s == "" {
		return "-"
	}
	return s
}

func splitWords(use string) []string { return strings.Fields(use) }
