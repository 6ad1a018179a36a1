package postmortem_test

import (
	"fmt"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/sitrep-dev/sitrep/incident"
	"github.com/sitrep-dev/sitrep/incident/postmortem"
)

func gaps(s postmortem.Stored, inc incident.Incident) (out []string) {
	for _, g := range s.Gaps(inc) {
		out = append(out, fmt.Sprintf("%s: %s", g.Section, g.What))
	}
	return out
}

var prompt = regexp.MustCompile(`_[^_]+\?_`)

// answered is a form in which somebody has answered every question, and said of
// every number that nobody knows it.
func answered(form string) string {
	form = prompt.ReplaceAllString(form, "Nothing that anybody knows of.")
	form = strings.NewReplacer("- _owner_ - _due date_", "- dana - 2026-12-01", ": no data.", ": not known, nobody counted them.").Replace(form)
	return form
}

func TestADraftIsNotComplete(t *testing.T) {
	n := sev1(t)
	s := postmortem.Merge(postmortem.Stored{}, n.draft())
	list := gaps(s, n.inc)
	require.Contains(t, list, "impact-assessment: Number of users: no data")
	require.Contains(t, list, "impact-assessment: Revenue, contracts, reputation: no data")
	require.Contains(t, list, "root-cause-analysis: unanswered: What else had to be true for this to happen, or to last this long?")
	require.Contains(t, list, "action-items: no owner: AI-2: run payments-latency against every release candidate - _owner_ - _due date_")
	for _, g := range s.Gaps(n.inc) {
		require.NotEmpty(t, g.Do, g.What)
		if g.Line > 0 {
			require.Contains(t, strings.Split(s.Markdown(), "\n")[g.Line-1], regexp.MustCompile(`^.*?: `).ReplaceAllString(g.What, "")[:4], g.What)
		}
	}

	done := handBack(t, s, answered(s.EditForm()))
	require.Empty(t, gaps(done, n.inc), "saying that something is not known is an answer")
}

func TestWhatElseIsMissing(t *testing.T) {
	n := sev1(t)
	s := postmortem.Merge(postmortem.Stored{}, n.draft())
	done := handBack(t, s, answered(s.EditForm()))
	with := func(from, to string) []string {
		text := strings.Replace(done.EditForm(), from, to, 1)
		require.NotEqual(t, done.EditForm(), text, from)
		return gaps(handBack(t, done, text), n.inc)
	}
	items := done.Sections[len(done.Sections)-1].Text()
	require.Equal(t, []string{"action-items: there is no action item"}, with(items, "## Action Items"))
	require.Empty(t, with(items, "## Action Items\nNone, because the service goes away in May."))
	lessons := section(t, done, "lessons-learned").Text()
	surprised := lessons[strings.Index(lessons, "- **What surprised us**: Nothing that anybody knows of."):] // with what the record has below
	require.Equal(t, []string{"lessons-learned: What surprised us says nothing"}, with(surprised, "- **What surprised us**:"))
	require.Equal(t, []string{": no contributing factor is named"}, with("**Contributing factors**", "**What else**"))
	require.Equal(t, []string{"timeline: two wordings: <<<<<<< dana"}, with("- **Detection**", "<<<<<<< dana\n- **Detection**"))

	n.add(n.inc.Reopen(by("ana", "10:30:00")))
	require.Contains(t, gaps(done, n.inc), ": the incident is still open")
	n.add(n.inc.Resolve(by("ana", "10:40:00"), "restarted payments-2"))
	text := strings.Replace(done.EditForm(), "- **Duration**: 53m 35s", "- **Duration**: an hour", 1)
	changed := postmortem.Merge(handBack(t, done, text), n.draft())
	require.Contains(t, gaps(changed, n.inc), "incident-summary: the draft knows new facts that the text does not have")

	alone := &night{t: t}
	e, err := incident.Declare(by("ana", "03:00:00"), "INC-1", incident.Declaration{Title: "Carts time out", Severity: incident.Sev4})
	alone.add([]incident.Event{e}, err)
	alone.add(alone.inc.Resolve(by("ana", "03:10:00"), "it went away"))
	s = postmortem.Merge(postmortem.Stored{}, alone.draft())
	s = handBack(t, s, answered(s.EditForm()))
	require.Equal(t, []string{"timeline: no acknowledgement is on the record"}, gaps(s, alone.inc))
	s = handBack(t, s, strings.Replace(s.EditForm(), "Nobody acknowledged it.", "Ana had it from the first second and did not press the key.", 1))
	require.Empty(t, gaps(s, alone.inc))
}

func TestWhoAndUntilWhen(t *testing.T) {
	n := sev1(t)
	require.Equal(t, incident.Person("cleo"), postmortem.Owner(n.inc), "the commander")
	resolved := at("03:52:40")
	require.Equal(t, resolved.Add(72*time.Hour), postmortem.Due(n.inc))
	require.False(t, postmortem.Late(n.inc, resolved.Add(71*time.Hour)))
	require.True(t, postmortem.Late(n.inc, resolved.Add(72*time.Hour)))

	of := func(change func(*incident.Incident)) time.Time {
		inc := n.inc
		change(&inc)
		return postmortem.Due(inc)
	}
	require.Equal(t, resolved.Add(7*24*time.Hour), of(func(inc *incident.Incident) { inc.Severity = incident.Sev2 }))
	require.True(t, of(func(inc *incident.Incident) { inc.Severity = incident.Sev3 }).IsZero())
	require.True(t, of(func(inc *incident.Incident) { inc.Drill = true }).IsZero())
	require.True(t, of(func(inc *incident.Incident) { inc.Clocks.Resolved = time.Time{} }).IsZero())
	policy := func(within string) func(*incident.Incident) {
		return func(inc *incident.Incident) {
			inc.Policy = incident.Payload(map[string]any{"severities": map[string]any{"SEV-1": map[string]string{"postmortem_within": within}}})
		}
	}
	require.Equal(t, resolved.Add(24*time.Hour), of(policy("24h")))
	require.True(t, of(policy("0s")).IsZero(), "the policy wants none")

	dana, day := incident.Person("dana"), time.Date(2026, 12, 1, 0, 0, 0, 0, time.UTC)
	n.add(n.inc.AssignReview(by("cleo", "10:00:00"), incident.ReviewAssignment{Owner: &dana, Due: &day}))
	require.Equal(t, dana, postmortem.Owner(n.inc))
	require.Equal(t, day, postmortem.Due(n.inc))
	require.False(t, postmortem.Late(n.inc, day.Add(23*time.Hour)), "a day lasts until its end")
	require.True(t, postmortem.Late(n.inc, day.Add(24*time.Hour)))
	n.inc.Review.Stage = incident.StageReviewed
	require.False(t, postmortem.Late(n.inc, day.AddDate(1, 0, 0)))
}
