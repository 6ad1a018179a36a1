package postmortem_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/sitrep-dev/sitrep/incident/postmortem"
)

func rules(md string, names ...string) (out []string) {
	for _, f := range postmortem.Lint(md, names) {
		out = append(out, fmt.Sprintf("%d %s", f.Line, f.Rule))
	}
	return out
}

func TestLintFindsWordsThatBlame(t *testing.T) {
	for text, rule := range map[string]string{
		"It was a human error.":                       "human-error",
		"The on-call should have looked at the pool.": "counterfactual",
		"The job failed to start.":                    "counterfactual",
		"Why didn't bob look?":                        "why-you",
		"Why did they deploy?":                        "why-you",
		"The root cause was the pool.":                "single-cause",
		"bob deployed v1.42.":                         "name-as-subject",
		"It was obviously the pool.":                  "hindsight",
		"The cache never works.":                      "absolute",
		"Some users saw errors.":                      "vague-impact",
		"- 03:12 errors seen":                         "no-evidence",
	} {
		require.Equal(t, []string{"2 " + rule}, rules("## Lessons Learned\n"+text, "bob", "ana"), text)
	}
	for _, text := range []string{
		"The deploy job ran at 03:00.", "bobby deployed it.", "A justified decision.", "`should have` is code", "```\nshould have\n```", "<!-- obviously -->",
		"- 03:12 errors at 12 %", "- 03:12 note: bob forgot to say (note.added, cli)", "## Timeline\nbob deployed v1.41.", "Why did the pool fill?",
	} {
		require.Empty(t, rules("## Lessons Learned\n"+text, "bob", "ana"), text)
	}
	require.Empty(t, rules("bob deployed it."), "without names nobody is known")
}

func TestLintFindsItemsThatWillRot(t *testing.T) {
	md := "## Action Items\n" +
		"- [ ] AI-1: add an alert on pool saturation - bob - 2026-12-01\n" +
		"- [ ] AI-2: investigate the pool - bob - 2026-12-01\n" +
		"- [ ] limit retries - _owner_ - _due date_\n" +
		"- [ ] limit retries\n" +
		"- [x] limit retries - ana - soon\n" +
		strings.Repeat("- [ ] remove the flag - ana - 2026-12-01\n", 3)
	require.Equal(t, []string{"3 vague-item", "4 no-owner", "4 no-due-date", "5 no-owner", "5 no-due-date", "6 no-due-date", "7 too-many-items"}, rules(md))
}

// What a draft says by itself blames nobody.
func TestADraftPassesItsOwnLint(t *testing.T) {
	n := sev1(t)
	for _, md := range []string{n.markdown(), postmortem.Merge(postmortem.Stored{}, postmortem.Draft(n.inc, n.events[:5], three)).Markdown()} {
		for _, f := range postmortem.Lint(md, []string{"ana", "bob", "cleo"}) {
			require.Contains(t, []string{"no-owner", "no-due-date", "unanswered"}, f.Rule, "%+v", f)
		}
	}
}

// The questions of the draft are the work that is left.
func TestLintFindsWhatNobodyAnswered(t *testing.T) {
	md := sev1(t).markdown()
	left := func(md string) (n int) {
		for _, f := range postmortem.Lint(md, nil) {
			if f.Rule == "unanswered" {
				n++
			}
		}
		return n
	}
	before := left(md)
	require.Greater(t, before, 8)
	answered := strings.Replace(md, "_How many users could not do what, and what did it cost?_", "One order in eight failed.", 1)
	require.NotEqual(t, md, answered)
	require.Equal(t, before-1, left(answered))
}

func TestLintPointsAtTheLine(t *testing.T) {
	f := postmortem.Lint("# Post-Mortem: outage\r\n\r\nIt was briefly down.\r\n", nil)
	require.Equal(t, []postmortem.Finding{{Line: 3, Rule: "vague-impact", Text: "briefly", Hint: `give numbers; "incident" or "degradation" unless all was down`}}, f)
}
