package postmortem

import (
	"fmt"
	"regexp"
	"strings"
	"time"

	"github.com/sitrep-dev/sitrep/incident"
)

// Document is a post-mortem as the timeline writes it: no person has touched
// it yet.
type Document struct {
	Incident incident.ID
	Title    string // as declared, unescaped
	Sections []Section
	Numbers  Numbers
}

// Section is a heading and what stands below it, up to the next heading. Key
// is made of the template's headings and stays the same from draft to draft.
type Section struct {
	Key     string
	Heading string // the heading's line, "## Timeline"
	Text    string // Markdown, the heading's line included; no line ends in a blank
}

// Draft is the post-mortem of inc that its timeline writes, in the standard
// template. Events are those of the incident and those outside any (changes,
// experiments, load runs, alerts) around it, in any order; events of other
// incidents are left out, but for those that a split moved to inc. Of a resolved incident the draft does not depend on
// now.
func Draft(inc incident.Incident, events []incident.Event, now time.Time) Document {
	return builtIn(Standard).Draft(inc, events, now)
}

// Draft is the package's Draft in this template.
func (t Template) Draft(inc incident.Incident, events []incident.Event, now time.Time) Document {
	f := gather(inc, events, now)
	var b strings.Builder
	if err := t.parsed.Execute(&b, f.lines()); err != nil { // tried in ParseTemplate: only a template of the user's gets here
		fmt.Fprintf(&b, "\n\nThe template stopped here: %s", escape(err.Error()))
	}
	return Document{Incident: inc.ID, Title: inc.Title, Sections: split(b.String()), Numbers: f.numbers()}
}

var headingLine = regexp.MustCompile(`^(#{1,3}) +(.+?)[ \t]*$`)

// split cuts Markdown at its headings of the first three levels. Headings
// within code blocks are none. Text before the first heading becomes a section
// without one.
func split(text string) []Section {
	var out []Section
	var body []string
	var cur Section
	chapter, fence := "", ""
	used := map[string]int{}
	flush := func() {
		if cur.Text = tidy(strings.Join(body, "\n")); cur.Text != "" {
			out = append(out, cur)
		}
		body = nil
	}
	for line := range strings.SplitSeq(text, "\n") {
		line = strings.TrimRight(line, " \t\r")
		if isMarker(line) {
			continue // a template must not bring fences of its own
		}
		fence = fenceAfter(fence, line)
		if m := headingLine.FindStringSubmatch(line); m != nil && fence == "" {
			flush()
			key := slug(m[2])
			switch len(m[1]) {
			case 1:
				key = "title"
			case 2:
				chapter = key
			case 3:
				key = chapter + "." + key
			}
			if used[key]++; used[key] > 1 {
				key = fmt.Sprintf("%s-%d", key, used[key])
			}
			cur = Section{Key: key, Heading: line}
		} else if cur.Key == "" {
			cur.Key = "preface"
		}
		body = append(body, line)
	}
	flush()
	return out
}

// fenceAfter is the delimiter of the code block that is open after line; empty
// outside of one.
func fenceAfter(open, line string) string {
	t := strings.TrimLeft(line, " ")
	if len(line)-len(t) > 3 {
		return open
	}
	mark := t[:len(t)-len(strings.TrimLeft(t, "`"))]
	if mark == "" {
		mark = t[:len(t)-len(strings.TrimLeft(t, "~"))]
	}
	switch {
	case len(mark) < 3:
		return open
	case open == "":
		return mark
	case mark[0] == open[0] && len(mark) >= len(open) && strings.TrimSpace(t) == mark:
		return ""
	}
	return open
}

func slug(s string) string {
	var b strings.Builder
	for _, r := range strings.ToLower(s) {
		switch {
		case r >= 'a' && r <= 'z', r >= '0' && r <= '9':
			b.WriteRune(r)
		case b.Len() > 0 && !strings.HasSuffix(b.String(), "-"):
			b.WriteByte('-')
		}
	}
	if out := strings.Trim(b.String(), "-"); out != "" {
		return out
	}
	return "section"
}

// tidy is text without blank lines at either end.
func tidy(s string) string {
	all := strings.Split(s, "\n")
	for len(all) > 0 && strings.TrimSpace(all[0]) == "" {
		all = all[1:]
	}
	for len(all) > 0 && strings.TrimSpace(all[len(all)-1]) == "" {
		all = all[:len(all)-1]
	}
	return strings.Join(all, "\n")
}
