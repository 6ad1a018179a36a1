package postmortem

import (
	"cmp"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/sitrep-dev/sitrep/incident"
	"github.com/sitrep-dev/sitrep/strictyaml"
)

// Gap is something that a reader would look for in vain.
type Gap struct {
	Line    int    `json:"line,omitempty"` // of the Markdown, from 1; 0 is no line in particular
	Section string `json:"section,omitempty"`
	What    string `json:"what"`
	Do      string `json:"do"`
}

// The rules of the lint that a post-mortem has to pass before anybody is asked to
// read it; the others are advice.
var gating = []string{"unanswered", "conflict", "no-owner", "no-due-date"}

// Gates says whether a rule of the lint is one of those.
func Gates(rule string) bool { return slices.Contains(gating, rule) }

var (
	emptyField   = regexp.MustCompile(`^- \*\*(.+?)\*\*:\s*$`)
	noneField    = regexp.MustCompile(`(?i)\b((?:number of users|revenue[^.:]*|measured(?: impact)?)): no data\b`)
	factorsField = regexp.MustCompile(`(?i)contributing (?:factor|cause|condition)`)
	noItems      = regexp.MustCompile(`(?i)\bnone\b.*\bbecause\b`)
)

// Gaps is what s lacks before it goes into review (the completeness gate): an end
// of the incident, answers to the questions of the draft, an acknowledgement or a
// word about it, impact in numbers or called unknown, what else had to be true,
// action items with owner and day or "none, because", and an end of every
// conflict and of new facts. Where something is not known, saying so is an
// answer.
func (s Stored) Gaps(inc incident.Incident) []Gap {
	g, text := gate{gaps: []Gap{}}, s.Markdown()
	if !inc.Status.Over() {
		g.add(0, "", fmt.Sprintf("the incident is still %s", inc.Status), fmt.Sprintf("sitrep incident resolve %s", inc.ID))
	}
	if inc.Clocks.FirstAck.IsZero() && strings.Contains(text, nobodyAcknowledged) {
		g.add(0, "timeline", "no acknowledgement is on the record", "say in its place how somebody came to have it")
	}
	for _, k := range s.Sections {
		if k.State == NewFacts {
			g.add(0, k.Key, "the draft knows new facts that the text does not have", "the edit form shows them: take them in, or save it as it is")
		}
	}
	g.read(text)
	if !factorsField.MatchString(text) {
		g.add(0, "", "no contributing factor is named", "say what else had to be true for it to happen, or to last so long")
	}
	slices.SortStableFunc(g.gaps, func(a, b Gap) int { return cmp.Compare(a.Line, b.Line) })
	return g.gaps
}

type gate struct {
	chapter string
	gaps    []Gap
}

func (g *gate) add(line int, section, what, do string) {
	g.gaps = append(g.gaps, Gap{line, section, what, do})
}

// read looks for what is missing in the text itself, whoever wrote it.
func (g *gate) read(markdown string) {
	lines := strings.Split(markdown, "\n")
	items, why := 0, false
	chapters := make([]string, len(lines)+1)
	fence := ""
	for i, line := range lines {
		was := fence
		fence = fenceAfter(fence, line)
		if m := headingLine.FindStringSubmatch(line); m != nil && fence == "" && len(m[1]) == 2 {
			g.chapter = slug(m[2])
		}
		chapters[i+1] = g.chapter
		if was != "" || fence != "" {
			continue
		}
		if m := emptyField.FindStringSubmatch(line); m != nil && (i+1 == len(lines) || !strings.HasPrefix(lines[i+1], "  ")) {
			g.add(i+1, g.chapter, m[1]+" says nothing", "say it in a sentence, or that it is not known")
		}
		for _, m := range noneField.FindAllStringSubmatch(line, -1) {
			g.add(i+1, g.chapter, m[1]+": no data", "give a number, or write that it is unknown and why")
		}
		if g.chapter == "action-items" {
			items += bit(itemLine.MatchString(line))
			why = why || noItems.MatchString(line)
		}
	}
	for _, f := range Lint(markdown, nil) {
		if Gates(f.Rule) {
			g.add(f.Line, chapters[f.Line], map[string]string{
				"unanswered": "unanswered: ", "conflict": "two wordings: ", "no-owner": "no owner: ", "no-due-date": "no due date: ",
			}[f.Rule]+f.Text, f.Hint)
		}
	}
	if items == 0 && !why {
		g.add(0, "action-items", "there is no action item", `add one (sitrep item add), or write "None, because ..." under Action Items`)
	}
}

// Owner is who brings the post-mortem to its end: whoever it was assigned to, else
// the commander, else whoever responded; empty if nobody was either.
func Owner(inc incident.Incident) incident.Person {
	return cmp.Or(inc.Review.Owner, inc.Roles[incident.Commander], inc.Roles[incident.Responder])
}

// Due is until when it is to be reviewed: the day that was assigned, else so long
// after the resolution as the policy says for the severity. Zero is no such day:
// the incident is open, a drill, or too slight.
func Due(inc incident.Incident) time.Time {
	if !inc.Review.Due.IsZero() {
		return inc.Review.Due
	}
	within := reviewWithin(inc)
	if inc.Clocks.Resolved.IsZero() || inc.Drill || inc.MergedInto != "" || within <= 0 {
		return time.Time{}
	}
	return inc.Clocks.Resolved.Add(within)
}

// Late says whether it ought to have been reviewed by now. One that was is not
// late any more.
func Late(inc incident.Incident, now time.Time) bool {
	due := Due(inc)
	if due.IsZero() || inc.Review.Stage == incident.StageReviewed || inc.Review.Stage == incident.StagePublished {
		return false
	}
	if inc.Review.Due.Equal(due) { // a day lasts until its end
		due = due.AddDate(0, 0, 1)
	}
	return !now.Before(due)
}

// reviewWithin is what the policy frozen into the incident says, or the defaults of
// the house where it says nothing: PagerDuty's guide asks for the meeting within
// three days of a SEV-1 and five working days of a SEV-2.
func reviewWithin(inc incident.Incident) time.Duration {
	var policy struct {
		Severities map[incident.Severity]struct {
			Within *strictyaml.Duration `json:"postmortem_within"`
		} `json:"severities"`
	}
	if (incident.Event{Data: inc.Policy}).Payload(&policy) == nil {
		if s := policy.Severities[inc.Severity]; s.Within != nil {
			return s.Within.D()
		}
	}
	const day = 24 * time.Hour
	switch inc.Severity {
	case incident.Sev1:
		return 3 * day
	case incident.Sev2:
		return 7 * day
	}
	return 0
}
