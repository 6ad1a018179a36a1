package incident_test

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/sitrep-dev/sitrep/incident"
)

// last is the event that was added last.
func (s *story) last() incident.Event { return s.events[len(s.events)-1] }

func texts(events []incident.Event) (out []string) {
	for _, e := range events {
		line := e.Text
		if mark := e.Mark("INC-1"); mark != "" {
			line += " (" + mark + ")"
		}
		out = append(out, line)
	}
	return out
}

func TestACorrectionStandsInThePlaceOfTheFirstWords(t *testing.T) {
	s := declared(t)
	s.add(s.inc.Note(at("bob", 1), "pool exhausted"))
	note := s.last()
	s.add(s.inc.Did(at("bob", 2), incident.Action{Text: "rolled back v41", Mitigates: true}))
	did := s.last()
	s.add(s.inc.ChangeStatus(at("bob", 3), incident.StatusMonitoring, "all well in eu"))
	status := s.last()
	s.add(s.inc.Correct(at("cleo", 10), note, " pool of payments exhausted "))
	s.add(s.inc.Correct(at("cleo", 11), did, "rolled back v42"))
	s.add(s.inc.Correct(at("cleo", 12), status, "all well in eu and us"))
	s.add(s.inc.Correct(at("cleo", 13), note, "pool of orders exhausted"))

	told := incident.Told("INC-1", s.events)
	require.Equal(t, []string{
		"SEV-1 checkout 5xx", "pool of orders exhausted (corrected)", "rolled back v42 (mitigates, corrected)", "monitoring: all well in eu and us (corrected)",
	}, texts(told))
	require.Equal(t, "pool exhausted", told[1].Was)
	require.Equal(t, note.At, told[1].At, "it stays where it was")
	var a incident.Action
	require.NoError(t, told[2].Payload(&a))
	require.Equal(t, incident.Action{Term: incident.Immediate, Mitigates: true, Text: "rolled back v42"}, a)
	var c incident.StatusChange
	require.NoError(t, told[3].Payload(&c))
	require.Equal(t, "all well in eu and us", c.Details)
	require.Equal(t, "rolled back v42", s.inc.Actions[0].Text)
	require.Equal(t, "pool exhausted", s.events[1].Text, "the record stays")
}

func TestWhatCannotBeCorrectedSaysWhy(t *testing.T) {
	s := declared(t)
	s.add(s.inc.Note(at("bob", 1), "pool exhausted"))
	note := s.last()
	s.add(s.inc.Correct(at("bob", 2), note, "pool full"))
	correction := s.last()
	elsewhere, outside := note, note
	elsewhere.Incident, outside.Incident = "INC-2", ""
	for want, e := range map[string]incident.Event{
		"correct INC-1: not possible: event 1 is incident.declared; only notes, updates, actions and the details of a status can be corrected (sitrep incident note adds what is to be said about it)": s.events[0],
		"correct INC-1: not possible: event 3 is a correction itself; correct the event that it names, event-2, once more":                                                                             correction,
		"correct INC-1: not possible: event 2 belongs to INC-2":                    elsewhere,
		"correct INC-1: not possible: event 2 (note.added) belongs to no incident": outside,
	} {
		_, err := s.inc.Correct(at("bob", 3), e, "x")
		require.EqualError(t, err, want)
	}
	_, err := s.inc.Correct(at("bob", 3), note, " \n")
	require.EqualError(t, err, "correct INC-1: something is missing: the right words for event 2")
}

// What an odd writer left behind is shown as it is.
func TestACorrectionOfNothingIsShownAsItIs(t *testing.T) {
	s := declared(t)
	odd := func(data string) incident.Event {
		return incident.Event{Incident: "INC-1", Kind: incident.NoteCorrected, Text: "odd", Data: []byte(data)}
	}
	s.add([]incident.Event{odd(`{"event":"event-1"}`), odd(`{"event":"nowhere"}`), odd(`{}`), odd(`[`), odd(``)}, nil)
	require.Equal(t, []string{"SEV-1 checkout 5xx", "odd", "odd", "odd", "odd", "odd"}, texts(incident.Told("INC-1", s.events)))
}

func TestMergedIsOverAndSaysWhereItGoesOn(t *testing.T) {
	s := declared(t)
	s.add(s.inc.AddItem(at("bob", 1), "alert on the pool", "cleo", three))
	other := incident.Incident{ID: "INC-2", Title: "orders slow", Severity: incident.Sev2, Status: incident.StatusOpen}
	events, err := s.inc.Merge(at("ana", 5), other)
	require.NoError(t, err)
	s.add(events[:1], nil)
	require.Equal(t, incident.StatusClosed, s.inc.Status)
	require.Equal(t, incident.ID("INC-2"), s.inc.MergedInto)
	require.Equal(t, "merged into INC-2: orders slow", s.last().Text)
	after := other.Apply(events[1])
	require.Equal(t, incident.Sev2, after.Severity, "it keeps its own")
	require.Equal(t, "INC-1 was merged into this one: checkout 5xx (it was SEV-1, this one stays SEV-2)", events[1].Text)
	require.Equal(t, []incident.ID{"INC-1"}, after.Merged)

	for name, command := range map[string]func() ([]incident.Event, error){
		"acknowledge": func() ([]incident.Event, error) { return s.inc.Acknowledge(at("bob", 6)) },
		"note on":     func() ([]incident.Event, error) { return s.inc.Note(at("bob", 6), "x") },
		"resolve":     func() ([]incident.Event, error) { return s.inc.Resolve(at("bob", 6), "x") },
		"reopen":      func() ([]incident.Event, error) { return s.inc.Reopen(at("bob", 6)) },
		"close":       func() ([]incident.Event, error) { return s.inc.Close(at("bob", 6)) },
		"update":      func() ([]incident.Event, error) { return s.inc.Update(at("bob", 6), incident.Update{Conditions: "x"}) },
		"merge":       func() ([]incident.Event, error) { return s.inc.Merge(at("bob", 6), other) },
		"split": func() ([]incident.Event, error) {
			return s.inc.Split(at("bob", 6), nil, "INC-3", incident.Declaration{})
		},
		"snooze":              func() ([]incident.Event, error) { return s.inc.SnoozeUntil(at("bob", 6), three, "") },
		"record an action on": func() ([]incident.Event, error) { return s.inc.Did(at("bob", 6), incident.Action{Text: "x"}) },
	} {
		_, err := command()
		require.EqualError(t, err, name+" INC-1: too late: INC-1 was merged into INC-2 and goes on there (sitrep incident show INC-2)")
	}
	s.add(s.inc.CloseItem(at("cleo", 60), "AI-1")) // a promise can be kept

	again := s.inc.Apply(incident.Event{Incident: "INC-1", Kind: incident.Reopened, At: three})
	require.Equal(t, incident.StatusOpen, again.Status, "whoever wrote that: it is open, and so not somewhere else")
	require.Empty(t, again.MergedInto)
}

// Whoever reads the one that goes on reads what was seen and done under the
// duplicate too, and what a split had given to the duplicate before.
func TestMergedTimelinesAreReadAsOne(t *testing.T) {
	seq := int64(0)
	on := func(id incident.ID, events []incident.Event, err error) []incident.Event {
		require.NoError(t, err)
		for i := range events {
			seq++
			events[i].Seq, events[i].ID = seq, fmt.Sprintf("event-%d", seq)
			if id != "" {
				events[i].Incident = id
			}
		}
		return events
	}
	open := func(id incident.ID, title string) (incident.Incident, []incident.Event) {
		e, err := incident.Declare(at("ana", 0), id, incident.Declaration{Title: title, Severity: incident.Sev2})
		events := on(id, []incident.Event{e}, err)
		return incident.Fold(events...), events
	}
	third, all := open("INC-3", "search slow")
	note, err := third.Note(at("bob", 1), "pool exhausted")
	note = on("", note, err)
	all = append(all, note...)
	split, err := third.Split(at("ana", 2), note, "INC-2", incident.Declaration{Title: "cart slow", Severity: incident.Sev2})
	split = on("", split, err)
	all = append(all, split...)
	second := incident.Fold(split[:2]...)
	first, opened := open("INC-1", "checkout 5xx")
	all = append(all, opened...)
	did, err := second.Did(at("cleo", 3), incident.Action{Text: "restarted the pol"})
	did = on("", did, err)
	all = append(all, did...)
	merge, err := second.Merge(at("ana", 4), first)
	merge = on("", merge, err)
	all = append(all, merge...)
	right, err := second.Correct(at("cleo", 5), did[0], "restarted the pool")
	all = append(all, on("", right, err)...)

	told := incident.Told("INC-1", all)
	var lines []string
	for _, e := range told {
		lines = append(lines, fmt.Sprintf("%s [%s]", e.Text, e.Mark("INC-1")))
	}
	require.Equal(t, []string{
		"pool exhausted [from INC-3]",
		"SEV-2 cart slow [from INC-2]",
		"split from INC-3 with 1 event: search slow [from INC-2]",
		"SEV-2 checkout 5xx []",
		"restarted the pool [corrected, from INC-2]",
		"INC-2 was merged into this one: cart slow []",
	}, lines)
	require.Equal(t, []string{"SEV-2 search slow", "pool exhausted (moved to INC-2)", "1 event moved to INC-2: cart slow"}, texts(incident.Told("INC-3", all)))
	require.Len(t, incident.Told("INC-2", all), 5, "its own timeline stays what it was")
}

func TestMergeIntoWhatCannotGoOnIsRefused(t *testing.T) {
	s := declared(t)
	for want, into := range map[string]incident.Incident{
		"merge INC-1: nothing to change: an incident cannot be merged into itself":                       s.inc,
		"merge INC-1: too late: INC-2 was merged into INC-3; merge into that one":                        {ID: "INC-2", Status: incident.StatusClosed, MergedInto: "INC-3"},
		"merge INC-1: too late: INC-2 is already resolved (sitrep incident reopen INC-2 opens it again)": {ID: "INC-2", Status: incident.StatusResolved},
		"merge INC-1: not possible: one of INC-1 and INC-2 is a drill, the other is not":                 {ID: "INC-2", Status: incident.StatusOpen, Drill: true},
	} {
		_, err := s.inc.Merge(at("ana", 1), into)
		require.EqualError(t, err, want)
	}
}

func TestSplitShowsWhatMovedOnBothTimelines(t *testing.T) {
	s := declared(t)
	s.add(s.inc.Note(at("bob", 1), "the printer burns"))
	note := s.last()
	s.add(s.inc.Did(at("bob", 2), incident.Action{Text: "pulled the plug"}))
	did := s.last()
	s.add(s.inc.Note(at("bob", 3), "5xx at 8 %"))
	s.add(s.inc.Correct(at("bob", 4), note, "the big printer burns"))
	events, err := s.inc.Split(at("ana", 5), []incident.Event{note, did, note}, "INC-2", incident.Declaration{Title: "Printer", Severity: incident.Sev4})
	require.NoError(t, err)
	s.add(events[2:], nil)
	fresh := []incident.Event{events[0], events[1]}
	for i := range fresh {
		fresh[i].Seq, fresh[i].ID = int64(100+i), "new"
	}
	other := incident.Fold(fresh...)
	require.Equal(t, incident.ID("INC-1"), other.SplitFrom)
	require.Equal(t, "pulled the plug", other.Actions[0].Text)
	require.Empty(t, s.inc.Actions)

	require.Equal(t, []string{
		"SEV-1 checkout 5xx", "the big printer burns (corrected, moved to INC-2)", "pulled the plug (moved to INC-2)", "5xx at 8 %",
		"2 events moved to INC-2: Printer",
	}, texts(incident.Told("INC-1", s.events)))
	told := incident.Told("INC-2", append(fresh, s.events...))
	require.Equal(t, []string{"SEV-4 Printer", "split from INC-1 with 2 events: checkout 5xx", "the big printer burns", "pulled the plug"}, func() (out []string) {
		for _, e := range told {
			out = append(out, e.Text)
		}
		return out
	}())
	require.Equal(t, "corrected, from INC-1", told[2].Mark("INC-2"))

	_, err = s.inc.Split(at("ana", 6), []incident.Event{note}, "INC-3", incident.Declaration{Title: "x", Severity: incident.Sev4})
	require.EqualError(t, err, "split INC-1: nothing to change: event 2 was moved to INC-2")
	_, err = s.inc.Split(at("ana", 6), s.events[:1], "INC-3", incident.Declaration{Title: "x", Severity: incident.Sev4})
	require.EqualError(t, err, "split INC-1: not possible: event 1 is incident.declared, which is about INC-1 itself; notes, actions and what was observed can be moved")
	_, err = s.inc.Split(at("ana", 6), nil, "INC-3", incident.Declaration{Title: "x", Severity: incident.Sev4})
	require.ErrorIs(t, err, incident.ErrMissing)
	s.add(s.inc.Did(at("bob", 7), incident.Action{Text: "rolled back", Mitigates: true}))
	_, err = s.inc.Split(at("ana", 8), []incident.Event{s.last()}, "INC-3", incident.Declaration{Title: "x", Severity: incident.Sev4})
	require.ErrorContains(t, err, "is recorded as the mitigation of INC-1")
	_, err = s.inc.Split(at("ana", 8), s.events[3:4], "INC-3", incident.Declaration{Title: " ", Severity: incident.Sev4})
	require.ErrorIs(t, err, incident.ErrMissing)
}

func TestAnUpdateNeedsItsConditions(t *testing.T) {
	s := declared(t)
	_, err := s.inc.Update(at("ana", 1), incident.Update{Actions: "rolling back"})
	require.EqualError(t, err, "update INC-1: something is missing: what is the case, in a line (--conditions TEXT)")
	s.add(s.inc.Update(at("ana", 2), incident.Update{Conditions: "checkout fails in eu", Actions: " rolling back", Needs: "a DBA"}))
	require.Equal(t, "conditions: checkout fails in eu; actions: rolling back; needs: a DBA", s.last().Text)
	require.Equal(t, s.last().At, s.inc.Clocks.LastUpdate)
	s.add(s.inc.Resolve(at("ana", 3), "rolled back"))
	s.add(s.inc.Update(at("ana", 4), incident.Update{Conditions: "all well"}))
}

func TestEventsAsPeopleNameThem(t *testing.T) {
	for in, want := range map[string]incident.Ref{
		"12": {Seq: 12}, " #7 ": {Seq: 7}, "01arz3ndektsv4rrffq69g5fav": {ID: "01ARZ3NDEKTSV4RRFFQ69G5FAV"},
		"": {}, "0": {}, "-3": {}, "012": {}, "twelve": {}, "99999999999999999999": {}, "\x1b[31m": {},
	} {
		got, err := incident.ParseRef(in)
		require.Equal(t, want, got, in)
		require.Equal(t, want == incident.Ref{}, err != nil, in)
	}
}
