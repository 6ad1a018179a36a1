package postmortem

import (
	"fmt"
	"slices"
	"strings"
)

// Change is what one version made of a section of an earlier one.
type Change struct {
	Key     string     `json:"key"`
	Heading string     `json:"heading"`
	Added   int        `json:"lines_added"`
	Removed int        `json:"lines_removed"`
	Lines   []DiffLine `json:"lines"` // what changed, with the lines around it; "@" begins another place
}

// DiffLine is a line of a diff: Sign is "+", "-", " " or "@".
type DiffLine struct {
	Sign string `json:"sign"`
	Text string `json:"text"`
}

// around is how many lines stand around a change, as in diff -U.
const around = 2

// Compare is what after says otherwise than before, section by section in the
// order of after; those that are gone come last.
func Compare(before, after Stored) []Change {
	changes := []Change{}
	add := func(key, heading, old, now string) {
		if old == now {
			return
		}
		c := compare(lineList(old), lineList(now))
		c.Key, c.Heading = key, strings.TrimLeft(heading, "# ")
		changes = append(changes, c)
	}
	for _, k := range after.Sections {
		old, _ := before.Section(k.Key)
		add(k.Key, k.Heading, old.Text(), k.Text())
	}
	for _, k := range before.Sections {
		if _, there := after.Section(k.Key); !there {
			add(k.Key, k.Heading, k.Text(), "")
		}
	}
	return changes
}

func compare(old, now []string) (c Change) {
	put := func(sign string, lines []string) {
		for _, l := range lines {
			c.Lines = append(c.Lines, DiffLine{sign, l})
		}
	}
	at := 0 // lines of old that are told
	hunks := diff(old, now, false)
	for i, h := range hunks {
		from := max(h.from-around, at)
		if i > 0 {
			tail := min(at+around, from)
			put(" ", old[at:tail])
			at = tail
		}
		if from > at {
			c.Lines = append(c.Lines, DiffLine{"@", fmt.Sprintf("line %d", from+1)})
			at = from
		}
		put(" ", old[at:h.from])
		put("-", old[h.from:h.to])
		put("+", h.lines)
		c.Added, c.Removed, at = c.Added+len(h.lines), c.Removed+h.to-h.from, h.to
	}
	put(" ", old[at:min(at+around, len(old))])
	return c
}

// String is the change for people, as a unified diff.
func (c Change) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s (%s): %s added, %s removed\n", c.Heading, c.Key, count(c.Added, "line"), count(c.Removed, "line"))
	for _, l := range c.Lines {
		b.WriteString(strings.TrimRight(l.Sign+l.Text, " ") + "\n")
	}
	return b.String()
}

// Of is a section of s as an earlier version had it: a person's edit like any
// other. It says false if that version had none.
func (s Stored) Of(earlier Stored, key string) (Form, bool) {
	k, ok := earlier.Section(key)
	if !ok {
		return Form{}, false
	}
	form := Form{}
	for _, now := range s.Sections {
		text := now.Text()
		if now.Key == key {
			text = k.Text()
		}
		form.Regions = append(form.Regions, Region{Key: now.Key, Text: text})
	}
	if !slices.ContainsFunc(form.Regions, func(r Region) bool { return r.Key == key }) {
		form.Loose = append(form.Loose, k.Text())
	}
	return form, true
}
