package postmortem_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/sitrep-dev/sitrep/incident/postmortem"
)

func TestWhatAVersionChanged(t *testing.T) {
	n := sev1(t)
	before := postmortem.Merge(postmortem.Stored{}, n.draft())
	require.Empty(t, postmortem.Compare(before, before))
	after := handBack(t, before, strings.Replace(before.EditForm(), "- **Severity**: ", "- **Severity**: as bad as it gets: ", 1))
	changes := postmortem.Compare(before, after)
	require.Len(t, changes, 1)
	require.Equal(t, strings.Join([]string{
		"Incident Summary (incident-summary): 1 line added, 1 line removed",
		"@line 3",
		" - **Duration**: 53m 35s from detection to resolution; mitigated after 27m 25s",
		"   - Impact window by the metrics: 02:58:15 to 03:28:00 (29m 45s; Error ratio beyond 1% and p95 latency beyond 500 ms); declared: 03:00:02 to 03:52:40 (52m 38s)",
		"-- **Severity**: SEV-1; declared as SEV-2, raised to SEV-1 at 03:07:30 (payments fail too)",
		"+- **Severity**: as bad as it gets: SEV-1; declared as SEV-2, raised to SEV-1 at 03:07:30 (payments fail too)",
	}, "\n"), strings.Split(changes[0].String(), "\n - **Impact**")[0])

	gone := after
	gone.Sections = after.Sections[:len(after.Sections)-1]
	changes = postmortem.Compare(after, gone)
	require.Equal(t, "action-items", changes[0].Key)
	require.Zero(t, changes[0].Added)

	form, ok := after.Of(before, "incident-summary")
	require.True(t, ok)
	back := after.Edit(after, form, by("emil", "12:00:00"))
	require.Empty(t, postmortem.Compare(before, back), "as it was")
	_, ok = after.Of(before, "nothing")
	require.False(t, ok)
	form, ok = gone.Of(after, "action-items")
	require.True(t, ok)
	require.Contains(t, gone.Edit(gone, form, by("emil", "12:00:00")).Markdown(), "## Action Items", "a section that is gone stands in the appendix")
}

// A diff has every line that came and every one that went, and no other signs.
func TestADiffTellsEveryLine(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		text := rapid.SliceOfN(rapid.SampledFrom([]string{"a", "b", "c", "d"}), 1, 25)
		of := func(lines []string) postmortem.Stored {
			return postmortem.Stored{Sections: []postmortem.Kept{{Key: "k", Heading: "## k", Generated: strings.Join(lines, "\n"), State: postmortem.Untouched}}}
		}
		a, b := text.Draw(t, "a"), text.Draw(t, "b")
		changes := postmortem.Compare(of(a), of(b))
		if strings.Join(a, "\n") == strings.Join(b, "\n") {
			require.Empty(t, changes)
			return
		}
		count := map[string]int{}
		for _, l := range changes[0].Lines {
			count[l.Sign]++
			if l.Sign != "@" {
				count[l.Sign+l.Text]++
			}
		}
		require.Equal(t, []int{changes[0].Added, changes[0].Removed}, []int{count["+"], count["-"]})
		require.Equal(t, len(b)-len(a), count["+"]-count["-"])
		for _, letter := range []string{"a", "b", "c", "d"} {
			require.Equal(t, strings.Count(strings.Join(b, ""), letter)-strings.Count(strings.Join(a, ""), letter), count["+"+letter]-count["-"+letter])
		}
	})
}
