package slo

import (
	"cmp"
	"fmt"
	"maps"
	"math"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
)

// draft is an objective on its way into a file.
type draft struct {
	format, name, title, description, service string
	at                                        branch
	target                                    float64 // percent
	window, calendar, zone                    string
	labels                                    map[string]string
	profile                                   string
	rules                                     []Rule // instead of a profile
	sli                                       []entry
	refused                                   string
	notes                                     []ImportNote
}

// entry is a key of the SLI, with a value that is written as it is.
type entry struct{ key, value string }

func (d *draft) note(at branch, format string, args ...any) {
	d.notes = append(d.notes, noteAt(at.at, at.key, format, args...))
}

// refuse says why there can be no file; the first reason counts.
func (d *draft) refuse(at branch, format string, args ...any) {
	n := noteAt(at.at, at.key, format, args...)
	d.refused = cmp.Or(d.refused, fmt.Sprintf("%d:%d: %s", n.Line, n.Column, n.Text))
}

// form sets the SLI: sli: {form: {entries}}.
func (d *draft) form(name string, entries ...entry) {
	d.sli = append([]entry{{key: name}}, entries...)
}

var notName = regexp.MustCompile(`[^a-zA-Z0-9_.-]+`)

// slug is a text as a name.
func slug(text string) string {
	text = strings.Trim(notName.ReplaceAllString(strings.ToLower(text), "-"), "-._")
	return text[:min(len(text), 100)]
}

// label takes a label over, if ours can have it.
func (d *draft) label(at branch, name, value string) {
	switch {
	case !labelName(name):
		d.note(at, "the label %q is not carried over: %q is no name of a label", name, name)
	case slices.Contains([]string{LabelSLO, LabelBurn, "alertname", "severity"}, name):
		d.note(at, "the label %q is not carried over: sitrep sets it itself", name)
	default:
		if d.labels == nil {
			d.labels = map[string]string{}
		}
		d.labels[name] = value
	}
}

// setTarget reads a percentage, or a share where percent is false.
func (d *draft) setTarget(at branch, percent bool) {
	v, err := strconv.ParseFloat(strings.TrimSuffix(at.text(), "%"), 64)
	switch {
	case !at.there():
		d.refuse(at, "there is no target")
	case err != nil || math.IsNaN(v) || math.IsInf(v, 0):
		d.refuse(at, "%q is no number", at.text())
	case !percent:
		v *= 100
	}
	d.target = math.Round(v*1e10) / 1e10
}

// finish writes the file, and reads it as it will be read.
func (d *draft) finish(file string) Imported {
	out := Imported{Name: cmp.Or(slug(d.name), slug(d.title), "objective"), Format: d.format, Refused: d.refused, Notes: d.notes}
	where := noteAt(d.at.at, "", "")
	out.Line, out.Column = where.Line, where.Column
	if d.refused != "" {
		return out
	}
	text := d.yaml(out.Name, file)
	if _, err := Load(out.Name+".yaml", []byte(text)); err != nil {
		out.Refused = fmt.Sprintf("%d:%d: what it says makes no objective: %s", out.Line, out.Column, firstLine(err.Error()))
		return out
	}
	out.YAML = text
	return out
}

func firstLine(text string) string {
	line, _, _ := strings.Cut(text, "\n")
	return line
}

func (d *draft) yaml(name, file string) string {
	var b strings.Builder
	fmt.Fprintf(&b, "# From %s (%s).\nname: %s\n", oneLine(file), d.format, quoted(name))
	for _, e := range []entry{{"title", d.title}, {"description", d.description}, {"service", d.service}} {
		if e.value != "" {
			fmt.Fprintf(&b, "%s: %s\n", e.key, quoted(e.value))
		}
	}
	fmt.Fprintf(&b, "objective: %s\n", trimmed(d.target))
	for _, e := range []entry{{"window", d.window}, {"calendar", d.calendar}, {"timezone", d.zone}} {
		if e.value != "" {
			fmt.Fprintf(&b, "%s: %s\n", e.key, quoted(e.value))
		}
	}
	if len(d.labels) > 0 {
		b.WriteString("labels:\n")
		for _, name := range slices.Sorted(maps.Keys(d.labels)) {
			fmt.Fprintf(&b, "  %s: %s\n", name, quoted(d.labels[name]))
		}
	}
	if len(d.sli) > 0 {
		fmt.Fprintf(&b, "sli:\n  %s:\n", d.sli[0].key)
		for _, e := range d.sli[1:] {
			fmt.Fprintf(&b, "    %s: %s\n", e.key, e.value)
		}
	}
	switch {
	case len(d.rules) > 0:
		b.WriteString("alerts:\n  rules:\n")
		for _, r := range d.rules {
			fmt.Fprintf(&b, "    - {name: %s, budget: %s, long: %s, short: %s, do: %s}\n", quoted(r.Name), trimmed(math.Round(r.Share*1e8)/1e6), window(r.Long), window(r.Short), r.Do)
		}
	case d.profile != "":
		fmt.Fprintf(&b, "alerts: {profile: %s}\n", d.profile)
	}
	return b.String()
}

// oneLine keeps a file's name from ending the comment that it stands in.
func oneLine(text string) string {
	return strings.Map(func(r rune) rune {
		if !strconv.IsPrint(r) {
			return '?'
		}
		return r
	}, text)
}

// half is the rules of a profile that do one thing.
func half(profile string, do Do) []Rule {
	return slices.DeleteFunc(Profile(profile, Window{Length: 30 * day}), func(r Rule) bool { return r.Do != do })
}

// spanOf is a duration of another format as ours; months, quarters and years are
// about that long.
func spanOf(text string) (string, bool) {
	for unit, days := range map[string]int{"M": 30, "Q": 90, "Y": 365} {
		if n, err := strconv.Atoi(strings.TrimSuffix(text, unit)); err == nil && strings.HasSuffix(text, unit) && n > 0 && n < 1000 {
			return short(time.Duration(n*days) * day), true
		}
	}
	return text, false
}
