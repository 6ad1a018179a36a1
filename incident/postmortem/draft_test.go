package postmortem_test

import (
	"encoding/json"
	"math/rand/v2"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/sitrep-dev/sitrep/incident"
	"github.com/sitrep-dev/sitrep/incident/postmortem"
)

func TestTheNightReadsWell(t *testing.T) {
	golden(t, "sev1.md", sev1(t).markdown())
}

func TestTheNightAsData(t *testing.T) {
	s := postmortem.Merge(postmortem.Stored{ID: "PM-1", Version: 1, Author: incident.Sitrep, At: three}, sev1(t).draft())
	b, err := s.JSON()
	require.NoError(t, err)
	golden(t, "sev1.json", string(b))
}

func TestAnOpenIncidentSaysSo(t *testing.T) {
	n := &night{t: t}
	e, err := incident.Declare(by("ana", "03:00:00"), "INC-1", incident.Declaration{Title: "Checkout is slow", Severity: incident.Sev3})
	n.add([]incident.Event{e}, err)
	golden(t, "open.md", postmortem.Merge(postmortem.Stored{}, postmortem.Draft(n.inc, n.events, at("03:42:00"))).Markdown())
}

// An alert that had cleared, and a fault that had been undone, found nothing: all
// of the document says the same of the detection.
func TestWhatWasOverDetectsNothing(t *testing.T) {
	story := func(cleared bool) string {
		n := &night{t: t}
		e, err := incident.Declare(by("ana", "03:10:00"), "INC-1", incident.Declaration{Title: "Carts time out", Severity: incident.Sev3})
		n.add([]incident.Event{e}, err)
		n.outside("03:00:00", incident.ChaosInjected, "chaos", "CH-1 latency on payments", `{"run":"CH-1"}`)
		n.outside("03:01:00", incident.AlertFired, "alert", "HighErrorRate fired", `{"fingerprint":"a"}`)
		if cleared {
			n.outside("03:05:00", incident.ChaosUndone, "chaos", "CH-1 undone", `{"run":"CH-1"}`)
			n.outside("03:06:00", incident.AlertResolved, "alert", "HighErrorRate resolved", `{"fingerprint":"a"}`)
		}
		return postmortem.Merge(postmortem.Stored{}, postmortem.Draft(n.inc, n.events, at("03:42:00"))).Markdown()
	}
	over := story(true)
	require.Contains(t, over, "A person noticed at 03:10:00")
	require.NotContains(t, over, "later the incident was declared")
	require.NotContains(t, over, "before the detection.")
	require.NotContains(t, over, "fell into a chaos experiment")
	still := story(false)
	require.Contains(t, still, "The alert HighErrorRate fired, at 03:01:00; 9m later the incident was declared")
	require.Contains(t, still, "fell into a chaos experiment")
}

// The headings and labels of reliability-engineering.md, in its order.
func TestTheTemplateIsTheOneOfTheDocument(t *testing.T) {
	want := []string{
		"# Post-Mortem: Checkout answers 5xx for one in eight",
		"## Incident Summary", "- **Date/Time**:", "- **Duration**:", "- **Severity**:", "- **Impact**:",
		"## Timeline", "- **Detection**:", "- **Response**:", "- **Escalation**:", "- **Resolution**:",
		"## Root Cause Analysis", "- **What happened**:", "- **Why it happened**:", "- **Contributing factors**:",
		"## Impact Assessment", "- **User impact**:", "- **Business impact**:", "- **Technical impact**:",
		"## Actions Taken", "- **Immediate**:", "- **Short-term**:", "- **Long-term**:",
		"## Lessons Learned", "- **What went well**:", "- **What could be improved**:", "- **What surprised us**:",
		"## Action Items",
	}
	skeleton := regexp.MustCompile(`(?m)^(#{1,2} .*|- \*\*[^*]+\*\*:)`)
	require.Equal(t, want, skeleton.FindAllString(sev1(t).markdown(), -1))
	require.Regexp(t, `(?m)^- \[ \] AI-1: alert on pool saturation above 80 % - bob - 2026-12-01$`, sev1(t).markdown())
}

// A post-mortem of a resolved incident is a function of its events: neither
// their order nor an event given twice nor the clock changes it.
func TestDraftDependsOnTheFactsAlone(t *testing.T) {
	n := sev1(t)
	want := n.draft()
	events := append(slices.Clone(n.events), n.events[3:9]...)
	foreign := n.events[5]
	foreign.ID, foreign.Incident = "elsewhere", "INC-99"
	saved := incident.Event{ID: "saved", Incident: n.inc.ID, Kind: incident.PostmortemEdited, At: at("09:59:00"), Text: "PM-1 edited"}
	early := incident.Event{ID: "early", Kind: incident.ChangeRecorded, At: at("01:00:00"), Text: "long before"}
	events = append(events, foreign, saved, early)
	r := rand.New(rand.NewPCG(1, 2))
	for range 20 {
		r.Shuffle(len(events), func(i, j int) { events[i], events[j] = events[j], events[i] })
		require.Equal(t, want, postmortem.Draft(n.inc, events, three.Add(time.Duration(r.IntN(1e6))*time.Second)))
	}
}

// Nothing that stands on a timeline makes Draft fail, and no section is ever
// missing.
func TestDraftIsTotal(t *testing.T) {
	keys := func(d postmortem.Document) (out []string) {
		for _, s := range d.Sections {
			if s.Key != "timeline.load" { // only where there was a run, as of experiments
				out = append(out, s.Key)
			}
		}
		return out
	}
	want := keys(sev1(t).draft())
	require.Equal(t, want, keys(postmortem.Draft(incident.Incident{}, nil, time.Time{})))
	all := sev1(t).events
	rapid.Check(t, func(t *rapid.T) {
		events := slices.Clone(all)
		for range rapid.IntRange(1, 10).Draw(t, "damages") {
			e := &events[rapid.IntRange(0, len(events)-1).Draw(t, "which")]
			switch rapid.IntRange(0, 4).Draw(t, "how") {
			case 0:
				e.Data = json.RawMessage(rapid.SampledFrom([]string{"", "null", "{", "[]", "7", `{"level":7}`, `{"term":"?","text":""}`, `{"late_seconds":-1}`, `{"late_seconds":1e300}`}).Draw(t, "data"))
			case 1:
				e.Evidence = json.RawMessage(rapid.SampledFrom([]string{"", "null", "{", "[]", "7", `[{"name":"x","value":"+Inf","spark":[null,"NaN",1e308,-1e308]}]`, `[{"name":7}]`, `{"signals":7}`, `[{"name":"y","spark":{},"value":{}}]`}).Draw(t, "evidence"))
			case 2:
				e.Text = rapid.String().Draw(t, "text")
			case 3:
				e.At = time.Unix(rapid.Int64Range(-1e9, 4e9).Draw(t, "at"), 0)
			case 4:
				e.Kind = incident.Kind(rapid.SampledFrom([]string{"tea.made", "", "page.", "page.queued", "incident.reopened"}).Draw(t, "kind"))
			}
		}
		inc := incident.Fold(events...)
		require.Equal(t, want, keys(postmortem.Draft(inc, events, three)))
	})
}

func TestAUsersOwnTemplate(t *testing.T) {
	tpl, err := postmortem.ParseTemplate("own", "own.md", "# {{.Title}}\n\n<!-- /sitrep -->\n## Kurz\n{{.Duration}}\n\n## Kurz\n```\n## no heading\n```\n")
	require.NoError(t, err)
	n := sev1(t)
	doc := tpl.Draft(n.inc, n.events, three)
	require.Len(t, doc.Sections, 3)
	require.Equal(t, "kurz-2", doc.Sections[2].Key)
	require.Equal(t, "## Kurz\n```\n## no heading\n```", doc.Sections[2].Text)
	_, err = postmortem.ParseTemplate("own", "own.md", "{{.NoSuchThing}}")
	require.ErrorContains(t, err, "NoSuchThing")
	_, err = postmortem.ParseTemplate("own", "own.md", "{{")
	require.EqualError(t, err, "own.md:1:1: unclosed action")
	require.False(t, strings.Contains(doc.Sections[0].Text, "sitrep"))
}

// Lowering the severity afterwards makes no promise easier to have kept, and
// silence is no update.
func TestTargetsAreThoseThatWereInForce(t *testing.T) {
	n := &night{t: t}
	e, err := incident.Declare(by("ana", "03:00:00"), "INC-1", incident.Declaration{Title: "Checkout is slow", Severity: incident.Sev1})
	n.add([]incident.Event{e}, err)
	n.add(n.inc.Acknowledge(by("ana", "03:06:00")))
	n.add(n.inc.ChangeSeverity(by("ana", "03:10:00"), incident.Sev3, "one region < all"))
	n.add(n.inc.Resolve(by("ana", "03:15:00"), "restarted"))
	got := n.markdown()
	require.Contains(t, got, "6m after the declaration, 1m over the target of 5m")
	require.Contains(t, got, "15m after the declaration, within the target of 1h")
	require.Contains(t, got, "the first severity (SEV-1), the others are those of the worst (SEV-1)")
	require.Contains(t, got, "lowered to SEV-3 at 03:10:00 (one region < all)")
	require.NotContains(t, got, "There was a status update", "nobody was told anything")
}

// A word is not taken for a number: what was said to be over is held against
// what the signals said at that moment.
func TestAnEndIsHeldAgainstTheNumbers(t *testing.T) {
	n := &night{t: t}
	burning := incident.Payload([]any{signal("5xx ratio", "percentunit", 0.514, 0.05, "crit", nil, "")})
	then := func(clock string) incident.By {
		b := by("ana", clock)
		b.Evidence = burning
		return b
	}
	e, err := incident.Declare(then("03:00:00"), "INC-1", incident.Declaration{Title: "Checkout is slow", Severity: incident.Sev2})
	n.add([]incident.Event{e}, err)
	n.add(n.inc.Did(then("03:05:00"), incident.Action{Text: "rolled back", Mitigates: true}))
	n.add(n.inc.Resolve(then("03:09:00"), "rolled back"))
	got := n.markdown()
	require.Contains(t, got, "recorded at 03:05:00, after 5m, with 5xx ratio still 51.4% (threshold 5%).")
	require.Contains(t, got, "the numbers did not say so: 5xx ratio still 51.4% (threshold 5%).")
	require.Contains(t, got, "It was resolved with 5xx ratio still 51.4% (threshold 5%).")
	require.NotContains(t, got, "It was mitigated 5m after")
}
