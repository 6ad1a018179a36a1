package postmortem_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/sitrep-dev/sitrep/incident"
	"github.com/sitrep-dev/sitrep/incident/postmortem"
)

func handBack(t require.TestingT, s postmortem.Stored, text string) postmortem.Stored {
	form, err := postmortem.ParseEdited(text)
	require.NoError(t, err)
	return s.Edit(s, form, by("dana", "11:00:00"))
}

func section(t require.TestingT, s postmortem.Stored, key string) postmortem.Kept {
	k, ok := s.Section(key)
	require.True(t, ok, key)
	return k
}

func TestAnEditorThatChangesNothingChangesNothing(t *testing.T) {
	s := postmortem.Merge(postmortem.Stored{}, sev1(t).draft())
	require.Equal(t, s, handBack(t, s, s.EditForm()))
	require.Equal(t, s, handBack(t, s, "\ufeff"+strings.ReplaceAll(s.EditForm(), "\n", "\r\n")), "nor does one that writes CRLF")
	require.NotContains(t, s.Markdown(), "sitrep:section")
}

// Dana answers two questions in the morning; in the afternoon the facts grow.
func TestAnEditSurvivesNewFacts(t *testing.T) {
	n := sev1(t)
	s := postmortem.Merge(postmortem.Stored{}, n.draft())
	const answer = "payments-2 answered 300 ms late; 20 connections were soon all waiting — the pool was full (größer als 20 nie)."
	text := strings.Replace(s.EditForm(), "_What did the system do, step by step, and what did it look like from outside?_", answer, 1)
	s = handBack(t, s, text)
	k := section(t, s, "root-cause-analysis")
	require.Equal(t, postmortem.ByHand, k.State)
	require.Equal(t, incident.Person("dana"), k.EditedBy)
	require.Equal(t, postmortem.Untouched, section(t, s, "timeline").State)

	n.add(n.inc.Note(by("bob", "12:00:00"), "the pool has had 20 connections since 2023"))
	n.outside("03:05:00", incident.ChangeRecorded, "cli", "flag new-pricing on", "")
	s = postmortem.Merge(s, n.draft())
	k = section(t, s, "root-cause-analysis")
	require.Equal(t, postmortem.Merged, k.State, "a change during the incident is a new contributing factor")
	require.Contains(t, k.Text(), answer)
	require.Contains(t, k.Text(), "flag new-pricing on")
	require.Contains(t, section(t, s, "timeline.every-event-utc").Text(), "since 2023")
	require.Equal(t, s, postmortem.Merge(s, n.draft()), "the same draft again changes nothing")
}

func TestAContradictionKeepsThePersonsText(t *testing.T) {
	n := sev1(t)
	s := postmortem.Merge(postmortem.Stored{}, n.draft())
	s = handBack(t, s, strings.Replace(s.EditForm(), "- **Duration**: 53m 35s", "- **Duration**: 54 minutes, it felt like hours; 53m 35s", 1))
	n.add(n.inc.Reopen(by("ana", "10:30:00")))
	n.add(n.inc.Resolve(by("ana", "10:40:00"), "restarted payments-2"))
	s = postmortem.Merge(s, n.draft())
	k := section(t, s, "incident-summary")
	require.Equal(t, postmortem.NewFacts, k.State)
	require.Contains(t, k.Text(), "it felt like hours")
	require.NotEmpty(t, k.Fresh())
	require.Contains(t, k.Fresh()[0], "- **Duration**: 7h 40m")
	require.Contains(t, s.EditForm(), "<!-- sitrep: + - **Duration**: 7h 40m")
	require.NotContains(t, s.Markdown(), "sitrep:")

	back := s.Restore("incident-summary", by("dana", "12:00:00"))
	require.Equal(t, postmortem.Untouched, section(t, back, "incident-summary").State)
	require.NotContains(t, back.Markdown(), "it felt like hours")
}

func TestTwoWritersLoseNothing(t *testing.T) {
	handed := postmortem.Merge(postmortem.Stored{}, sev1(t).draft())
	write := func(answer string) postmortem.Form {
		form, err := postmortem.ParseEdited(strings.Replace(handed.EditForm(), "_What did we believe before that turned out to be different? Where were we lucky?_", answer, 1))
		require.NoError(t, err)
		return form
	}
	s := handed.Edit(handed, write("that the pool was elastic"), by("dana", "11:00:00"))
	s = s.Edit(handed, write("that retries were off"), by("emil", "11:05:00"))
	k := section(t, s, "lessons-learned")
	require.Contains(t, k.Text(), "that the pool was elastic")
	require.Contains(t, k.Text(), "that retries were off")
	require.Equal(t, postmortem.Merged, k.State)
	require.Equal(t, incident.Person("emil"), s.Author)
}

func TestDamagedFences(t *testing.T) {
	s := postmortem.Merge(postmortem.Stored{}, sev1(t).draft())
	mine := "the pool was full"
	text := strings.Replace(s.EditForm(), "_What made the response slower or harder than it needed to be?_", mine, 1)
	want := section(t, handBack(t, s, text), "lessons-learned").Text()

	open, closing := `(<!-- sitrep:section key=`, "<!-- /sitrep -->\n"
	drop := func(prefix string) string {
		var out []string
		for l := range strings.Lines(text) {
			if !strings.HasPrefix(l, prefix) {
				out = append(out, l)
			}
		}
		return strings.Join(out, "")
	}
	for name, damaged := range map[string]string{
		"all markers lost":          strings.ReplaceAll(drop("<!-- sitrep:section"), closing, ""),
		"opening markers lost":      drop("<!-- sitrep:section"),
		"closing markers lost":      strings.ReplaceAll(text, closing, ""),
		"one opening marker lost":   drop(strings.TrimPrefix(open, "(") + "lessons-learned"),
		"digests lost":              strings.ReplaceAll(text, " sha=", " "),
		"indented and CRLF":         "  " + strings.ReplaceAll(text, "\n", "\r\n"),
		"order turned round":        reversed(text),
		"the same text given twice": text + "\n" + text,
	} {
		got := handBack(t, s, damaged)
		require.Equal(t, want, section(t, got, "lessons-learned").Text(), name)
		_, appendix := got.Section("_appendix")
		require.False(t, appendix, name+": nothing is left over")
		require.Equal(t, section(t, s, "timeline").Text(), section(t, got, "timeline").Text(), name)
	}
	got := handBack(t, s, text+"\nA last thought.\n")
	require.Contains(t, got.Markdown(), "## Appendix\n\nA last thought.\n")
	again := handBack(t, got, got.EditForm()+"\nA last thought.\n")
	require.Equal(t, got.Markdown(), again.Markdown(), "the same leftover is kept once")

	_, err := postmortem.ParseEdited(" \r\n\t")
	require.ErrorIs(t, err, postmortem.ErrEmpty)
	_, err = postmortem.ParseEdited(strings.Repeat("x", postmortem.MaxEdited+1))
	require.ErrorContains(t, err, "at most 4194304 are taken")
}

func reversed(form string) string {
	parts := strings.SplitAfter(form, "<!-- /sitrep -->\n")
	slices.Reverse(parts)
	return strings.Join(parts, "\n")
}

func TestARemovedSectionStaysAway(t *testing.T) {
	n := sev1(t)
	s := postmortem.Merge(postmortem.Stored{}, n.draft())
	start := strings.Index(s.EditForm(), "<!-- sitrep:section key=timeline.signals")
	length := strings.Index(s.EditForm()[start:], "<!-- /sitrep -->")
	s = handBack(t, s, s.EditForm()[:start]+s.EditForm()[start+length:])
	require.NotContains(t, s.Markdown(), "### Signals")
	n.add(n.inc.Note(by("bob", "12:00:00"), "more"))
	require.NotContains(t, postmortem.Merge(s, n.draft()).Markdown(), "### Signals")
	require.Contains(t, s.Restore("timeline.signals", by("bob", "12:00:00")).Markdown(), "### Signals")
}

// Whatever a person writes, and however often the facts change in between and
// the fences are damaged, what was written stands in the post-mortem.
func TestNoWordIsEverLost(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := sev1(t)
		s := postmortem.Merge(postmortem.Stored{}, n.draft())
		var written []string
		minute := 0
		for range rapid.IntRange(1, 12).Draw(t, "steps") {
			minute++
			switch rapid.SampledFrom([]string{"edit", "edit", "damage", "event", "regenerate"}).Draw(t, "step") {
			case "edit":
				word := fmt.Sprintf("w%d %s", len(written), rapid.StringMatching(`[a-zäß線🔥*<_\[-]{0,12}`).Draw(t, "word"))
				s = handBack(t, s, insert(t, s.EditForm(), word))
				written = append(written, strings.TrimSpace(word))
			case "damage":
				s = handBack(t, s, withoutOneMarker(t, s.EditForm()))
			case "event":
				change(t, n, minute)
			case "regenerate":
				before := s
				s = postmortem.Merge(s, n.draft())
				require.Equal(t, s, postmortem.Merge(s, n.draft()))
				require.GreaterOrEqual(t, len(s.Sections), len(before.Sections))
			}
			for _, w := range written {
				require.Contains(t, s.Markdown(), w)
			}
			require.NotContains(t, s.Markdown(), "<!-- sitrep:")
			require.NotContains(t, s.Markdown(), "<!-- /sitrep")
		}
	})
}

// insert puts a line anywhere into a form, or in place of a line that is no
// marker and that no person wrote.
func insert(t *rapid.T, form, word string) string {
	all := strings.Split(form, "\n")
	i := rapid.IntRange(0, len(all)-1).Draw(t, "line")
	if rapid.Bool().Draw(t, "replace") && strings.HasPrefix(all[i], "- ") {
		all[i] = word
	} else {
		all = slices.Insert(all, i, word)
	}
	return strings.Join(all, rapid.SampledFrom([]string{"\n", "\r\n"}).Draw(t, "ends"))
}

func withoutOneMarker(t *rapid.T, form string) string {
	all := strings.Split(form, "\n")
	var markers []int
	for i, l := range all {
		if strings.HasPrefix(l, "<!-- ") {
			markers = append(markers, i)
		}
	}
	i := rapid.SampledFrom(markers).Draw(t, "marker")
	return strings.Join(slices.Delete(all, i, i+1), "\n")
}

// change lets something happen that changes facts in the middle of sections.
func change(t *rapid.T, n *night, minute int) {
	now := incident.By{Actor: "bob", Source: "cli", At: at("11:00:00").Add(time.Duration(minute) * time.Minute)}
	switch rapid.IntRange(0, 4).Draw(t, "change") {
	case 0:
		n.add(n.inc.Note(now, fmt.Sprint("note ", minute)))
	case 1:
		if n.inc.Status.Over() {
			n.add(n.inc.Reopen(now))
		} else {
			n.add(n.inc.Resolve(now, fmt.Sprint("fix ", minute)))
		}
	case 2:
		n.add(n.inc.AddItem(now, fmt.Sprint("do ", minute), "", time.Time{}))
	case 3:
		n.add(n.inc.Did(now, incident.Action{Text: fmt.Sprint("did ", minute)}))
	case 4:
		n.outside("03:02:00", incident.ChangeRecorded, "cli", fmt.Sprint("deploy ", minute), "")
	}
}
