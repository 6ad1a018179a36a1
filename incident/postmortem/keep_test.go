package postmortem_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode/utf16"

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
	require.Equal(t, 1, k.Conflicts())
	require.Contains(t, k.Text(), "\n<<<<<<< emil\n- **What surprised us**: that retries were off\n=======\n- **What surprised us**: that the pool was elastic\n>>>>>>> dana")
	require.True(t, slices.ContainsFunc(postmortem.Lint(s.Markdown(), nil), func(f postmortem.Finding) bool { return f.Rule == "conflict" }), "a reviewer is told")
	require.Equal(t, incident.Person("emil"), s.Author)
}

// Facts that come while somebody writes are no second person.
func TestFactsThatComeWhileSomebodyWrites(t *testing.T) {
	n := sev1(t)
	handed := postmortem.Merge(postmortem.Stored{}, n.draft())
	text := strings.Replace(handed.EditForm(), "- **Duration**: 53m 35s", "- **Duration**: an hour, it felt like a night; 53m 35s", 1)
	form, err := postmortem.ParseEdited(text)
	require.NoError(t, err)
	n.add(n.inc.Reopen(by("ana", "10:30:00")))
	n.add(n.inc.Resolve(by("ana", "10:40:00"), "restarted payments-2"))
	s := postmortem.Merge(handed, n.draft())
	s = s.Edit(handed, form, by("dana", "11:00:00"))
	k := section(t, s, "incident-summary")
	require.Equal(t, postmortem.NewFacts, k.State)
	require.Zero(t, k.Conflicts())
	require.Contains(t, k.Text(), "felt like a night")
	require.Contains(t, k.Fresh()[0], "- **Duration**: 7h 40m")

	again, err := postmortem.ParseEdited(strings.Replace(s.EditForm(), "felt like a night", "felt like a week", 1))
	require.NoError(t, err)
	n.add(n.inc.Reopen(by("ana", "12:30:00")))
	later := postmortem.Merge(s, n.draft())
	later = later.Edit(s, again, by("dana", "12:40:00"))
	require.Zero(t, section(t, later, "incident-summary").Conflicts())
	require.Contains(t, later.Markdown(), "felt like a week")
}

func TestAnEditorOfAnotherEncoding(t *testing.T) {
	s := postmortem.Merge(postmortem.Stored{}, sev1(t).draft())
	const mine = "größer als ein Pool, l'été déjà"
	latin := func(s string) string {
		var b []byte
		for _, r := range s {
			if r > 0xff {
				b = append(b, string(r)...)
				continue
			}
			b = append(b, byte(r))
		}
		return string(b)
	}
	wide := func(s string, big bool) string {
		b := []byte{}
		for _, u := range append([]uint16{0xfeff}, utf16.Encode([]rune(s))...) {
			if lo, hi := byte(u), byte(u>>8); big {
				b = append(b, hi, lo)
			} else {
				b = append(b, lo, hi)
			}
		}
		return string(b)
	}
	text := strings.Replace(s.EditForm(), "_What made the response slower or harder than it needed to be?_", mine, 1)
	for name, saved := range map[string]string{"UTF-8": text, "UTF-16": wide(text, false), "UTF-16 the other way": wide(text, true)} {
		got := handBack(t, s, saved)
		require.Equal(t, section(t, handBack(t, s, text), "lessons-learned"), section(t, got, "lessons-learned"), name)
		require.Equal(t, section(t, s, "timeline"), section(t, got, "timeline"), name)
	}
	require.Contains(t, handBack(t, s, strings.Replace(text, mine, latin(mine), 1)).Markdown(), mine, "Latin-1")
}

func TestWordsBesideFencesAndInComments(t *testing.T) {
	s := postmortem.Merge(postmortem.Stored{}, sev1(t).draft())
	s.ID, s.Version = "PM-1", 3
	require.True(t, strings.HasPrefix(s.EditForm(), "<!-- sitrep: PM-1 version 3. Write anywhere."))
	form, err := postmortem.ParseEdited(s.EditForm())
	require.NoError(t, err)
	require.Equal(t, "PM-1", form.Of)
	require.Equal(t, 3, form.Version)
	for _, c := range []struct{ name, from, to string }{
		{"behind an opening", "-->\n# Post", "--> one two\n# Post"},
		{"before a closing", "<!-- /sitrep -->", "one two <!-- /sitrep -->"},
		{"a joined line", "\n<!-- /sitrep -->\n\n<!-- sitrep:section key=timeline sha", " one two <!-- /sitrep --> <!-- sitrep:section key=timeline sha"},
		{"a cut fence", "<!-- /sitrep -->\n", "<!-- /sitrep\none two\n"},
		{"a fence without its key", "<!-- sitrep:section key=timeline ", "one two\n<!-- sitrep:section "},
		{"a comment", "\n<!-- /sitrep -->", "\n<!-- sitrep: one two -->\n<!-- /sitrep -->"},
		{"a comment that looks like a fence", "\n<!-- /sitrep -->", "\n<!-- sitrep:section one two -->\n<!-- /sitrep -->"},
		{"another comment", "\n<!-- /sitrep -->", "\n<!-- ask bob: one two -->\n<!-- /sitrep -->"},
	} {
		text := strings.Replace(s.EditForm(), c.from, c.to, 1)
		require.NotEqual(t, s.EditForm(), text, c.name)
		got := handBack(t, s, text)
		require.Contains(t, got.Markdown(), "one two", c.name)
		require.NotContains(t, got.Markdown(), "/sitrep", c.name)
		require.NotContains(t, got.Markdown(), "sitrep:section key", c.name)
		for _, k := range s.Sections[2:] {
			require.Equal(t, k.Text(), section(t, got, k.Key).Text(), c.name)
		}
	}
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

// team is people who write into one post-mortem while facts come.
type team struct {
	n      *night
	s      postmortem.Stored
	desks  map[incident.Person]desk
	words  []string // that were handed in
	told   []string // that rows and items are told with
	minute int
}

// desk is a form that was handed out and is not back: its editor is open, or was
// killed.
type desk struct {
	handed postmortem.Stored
	text   string
	words  []string
}

// Whatever two people write, however often the facts change in between, whatever
// becomes of the fences and of their editors, and in whatever order they hand in:
// every word that was handed in stands in the post-mortem.
func TestNoWordIsEverLost(t *testing.T) {
	const steps = 50
	rapid.Check(t, func(t *rapid.T) {
		w := team{n: sev1(t), desks: map[incident.Person]desk{}}
		w.s = postmortem.Merge(postmortem.Stored{}, w.n.draft())
		for range steps {
			w.minute++
			who := rapid.SampledFrom([]incident.Person{"dana", "emil"}).Draw(t, "who")
			switch rapid.SampledFrom([]string{"type", "type", "type", "hand in", "damage", "event", "row", "regenerate"}).Draw(t, "step") {
			case "type":
				w.types(t, who)
			case "hand in":
				w.handsIn(t, who)
			case "damage":
				if d, open := w.desks[who]; open {
					d.text = withoutOneMarker(t, d.text)
					w.desks[who] = d
				}
			case "event":
				change(t, w.n, w.minute)
			case "row":
				w.tells(t, who)
			case "regenerate":
				before := w.s
				w.s = postmortem.Merge(w.s, w.n.draft())
				require.Equal(t, w.s, postmortem.Merge(w.s, w.n.draft()))
				require.GreaterOrEqual(t, len(w.s.Sections), len(before.Sections))
				w.draftTells(t)
			}
			w.holds(t)
		}
		for who := range w.desks { // the editors that were killed are found at last
			w.handsIn(t, who)
		}
		w.holds(t)
	})
}

// types puts a word into the form on a person's desk, which is taken first.
func (w *team) types(t *rapid.T, who incident.Person) {
	d, open := w.desks[who]
	if !open {
		d = desk{handed: w.s, text: w.s.EditForm()}
	}
	word := fmt.Sprintf("¤%d-%d %s", w.minute, len(d.words), rapid.StringMatching(`[a-zäß線🔥*<_\[-]{0,12}`).Draw(t, "word"))
	d.text = insert(t, d.text, word)
	d.words = append(d.words, strings.TrimSpace(word))
	w.desks[who] = d
}

func (w *team) handsIn(t *rapid.T, who incident.Person) {
	d, open := w.desks[who]
	if !open {
		return
	}
	delete(w.desks, who)
	ends := rapid.SampledFrom([]string{"\n", "\r\n", "\r"}).Draw(t, "ends")
	form, err := postmortem.ParseEdited(strings.ReplaceAll(d.text, "\n", ends))
	require.NoError(t, err)
	w.s = w.s.Edit(d.handed, form, incident.By{Actor: who, At: at("11:00:00").Add(time.Duration(w.minute) * time.Minute)})
	w.words = append(w.words, d.words...)
}

// tells rewords or annotates an event or an action item.
func (w *team) tells(t *rapid.T, who incident.Person) {
	word := fmt.Sprintf("told¤%d", w.minute)
	now := by(who, "11:00:00")
	note := rapid.Bool().Draw(t, "note")
	if rapid.Bool().Draw(t, "item") {
		it := w.n.inc.Items[rapid.IntRange(0, len(w.n.inc.Items)-1).Draw(t, "of")]
		c := incident.ItemChange{Item: it.Item.Item}
		if note {
			word = it.Note + " " + word
			c.Note = &word
		} else {
			word = it.Text + " " + word
			c.Text = &word
		}
		w.n.add(w.n.inc.ChangeItem(now, c))
		w.told = append(w.told, fmt.Sprintf("told¤%d", w.minute))
		return
	}
	var own []incident.Event
	for _, e := range w.n.events {
		if e.Kind == incident.NoteAdded || e.Kind == incident.ActionTaken {
			own = append(own, e)
		}
	}
	e := rapid.SampledFrom(own).Draw(t, "of")
	for _, r := range postmortem.Rows(w.n.inc, w.n.events, at("10:00:00")) {
		if r.Event == e.ID {
			var c incident.Retelling
			if note {
				word = r.Note + " " + word
				c.Note = &word
			} else {
				word = r.Text + " " + word
				c.Text = &word
			}
			w.n.add(w.n.inc.Retell(now, e, c))
			w.told = append(w.told, fmt.Sprintf("told¤%d", w.minute))
		}
	}
}

// draftTells holds that the newest draft has what rows and items are told with.
func (w *team) draftTells(t *rapid.T) {
	var generated strings.Builder
	for _, k := range w.s.Sections {
		generated.WriteString(k.Generated + "\n")
	}
	for _, word := range w.told {
		require.Contains(t, generated.String(), word)
	}
}

func (w *team) holds(t *rapid.T) {
	md := w.s.Markdown()
	for _, word := range w.words {
		require.Contains(t, md, word)
	}
	require.NotContains(t, md, "<!-- sitrep:")
	require.NotContains(t, md, "<!-- /sitrep")
}

// insert puts words into a form on a line of their own, at the end of a line, or
// in place of one that is no marker and that no person wrote.
func insert(t *rapid.T, form, word string) string {
	all := strings.Split(form, "\n")
	i := rapid.IntRange(0, len(all)-1).Draw(t, "line")
	drafted := strings.HasPrefix(all[i], "- ") && !strings.Contains(all[i], "¤")
	switch how := rapid.SampledFrom([]string{"insert", "replace", "append"}).Draw(t, "how"); {
	case how == "replace" && drafted:
		all[i] = word
	case how == "append" && drafted:
		all[i] += " " + word
	default:
		all = slices.Insert(all, i, word)
	}
	return strings.Join(all, "\n")
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
