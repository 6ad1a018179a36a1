package incident_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/sitrep-dev/sitrep/incident"
)

var three = time.Date(2026, 11, 24, 3, 0, 0, 0, time.UTC)

// story plays commands against an incident, minute by minute.
type story struct {
	t      *testing.T
	inc    incident.Incident
	events []incident.Event
}

func declared(t *testing.T) *story {
	s := &story{t: t}
	e, err := incident.Declare(incident.By{Actor: "ana", Source: "cli", At: three}, "INC-1", incident.Declaration{Title: "checkout 5xx", Severity: incident.Sev1})
	require.NoError(t, err)
	s.add([]incident.Event{e}, nil)
	return s
}

func (s *story) add(events []incident.Event, err error) {
	s.t.Helper()
	require.NoError(s.t, err)
	for _, e := range events {
		e.Seq = int64(len(s.events) + 1)
		if e.ID == "" {
			e.ID = fmt.Sprintf("event-%d", e.Seq)
		}
		s.events, s.inc = append(s.events, e), s.inc.Apply(e)
	}
}

func at(who incident.Person, minute int) incident.By {
	return incident.By{Actor: who, Source: "cli", At: three.Add(time.Duration(minute) * time.Minute)}
}

func TestTheUsualNight(t *testing.T) {
	s := declared(t)
	require.Equal(t, incident.StatusOpen, s.inc.Status)
	s.add(s.inc.Acknowledge(at("bob", 2)))
	require.Equal(t, incident.Person("bob"), s.inc.Roles[incident.Responder])
	require.Equal(t, incident.StatusInvestigating, s.inc.Status)
	s.add(s.inc.Acknowledge(at("cleo", 3)))
	require.Equal(t, incident.Person("bob"), s.inc.Clocks.AckBy, "the second acknowledgement changes nothing")
	s.add(s.inc.Assign(at("bob", 4), incident.Commander, "cleo"))
	s.add(s.inc.ChangeSeverity(at("cleo", 5), incident.Sev2, "one region only"))
	s.add(s.inc.Did(at("bob", 20), incident.Action{Text: "rolled back v42", Mitigates: true}))
	s.add(s.inc.ChangeStatus(at("cleo", 25), incident.StatusMonitoring, ""))
	s.add(s.inc.Resolve(at("cleo", 40), "rolled back v42"))

	require.Equal(t, incident.StatusResolved, s.inc.Status)
	tta, _ := s.inc.TimeToAcknowledge()
	ttm, _ := s.inc.TimeToMitigate()
	ttr, _ := s.inc.TimeToResolve()
	require.Equal(t, []time.Duration{2 * time.Minute, 20 * time.Minute, 40 * time.Minute}, []time.Duration{tta, ttm, ttr})

	s.add(s.inc.Reopen(at("ana", 50)))
	require.Equal(t, incident.StatusOpen, s.inc.Status)
	require.False(t, s.inc.Acknowledged())
	require.True(t, s.inc.Rung.Unanswered, "the ladder starts again")
	_, ok := s.inc.TimeToResolve()
	require.False(t, ok)
}

func TestCommandsRefuseWithWhatToDo(t *testing.T) {
	s := declared(t)
	refusals := func(want map[string]func() ([]incident.Event, error)) {
		for text, command := range want {
			events, err := command()
			require.EqualError(t, err, text)
			require.Empty(t, events)
		}
	}
	refusals(map[string]func() ([]incident.Event, error){
		"reopen INC-1: nothing to change: it is open":                                          func() ([]incident.Event, error) { return s.inc.Reopen(at("bob", 1)) },
		"close INC-1: too late: it is open; resolve it first":                                  func() ([]incident.Event, error) { return s.inc.Close(at("bob", 1)) },
		"un-acknowledge INC-1: nothing to change: nobody has acknowledged it":                  func() ([]incident.Event, error) { return s.inc.Unacknowledge(at("bob", 1)) },
		"change the severity of INC-1: nothing to change: it is SEV-1":                         func() ([]incident.Event, error) { return s.inc.ChangeSeverity(at("bob", 1), incident.Sev1, "") },
		"escalate INC-1: something is missing: why (--reason TEXT): whoever is woken will ask": func() ([]incident.Event, error) { return s.inc.Escalate(at("bob", 1), "", " ") },
		"close an action item of INC-1: something is missing: it has no item \"AI-4\"":         func() ([]incident.Event, error) { return s.inc.CloseItem(at("bob", 1), "AI-4") },
	})
	s.add(s.inc.Acknowledge(at("bob", 2)))
	s.add(s.inc.Resolve(at("bob", 3), "fixed"))
	late := "too late: it is already resolved (sitrep incident reopen INC-1 opens it again)"
	refusals(map[string]func() ([]incident.Event, error){
		"acknowledge INC-1: " + late:                    func() ([]incident.Event, error) { return s.inc.Acknowledge(at("cleo", 4)) },
		"resolve INC-1: " + late:                        func() ([]incident.Event, error) { return s.inc.Resolve(at("cleo", 4), "again") },
		"escalate INC-1: " + late:                       func() ([]incident.Event, error) { return s.inc.Escalate(at("cleo", 4), "L2", "x") },
		"change the severity of INC-1: " + late:         func() ([]incident.Event, error) { return s.inc.ChangeSeverity(at("cleo", 4), incident.Sev3, "") },
		"snooze INC-1: " + late:                         func() ([]incident.Event, error) { return s.inc.SnoozeUntil(at("cleo", 4), three.Add(time.Hour), "") },
		"note on INC-1: something is missing: the text": func() ([]incident.Event, error) { return s.inc.Note(at("cleo", 4), "\n") },
	})
	s.add(s.inc.Note(at("cleo", 60), "a note on a resolved incident is welcome"))
}

// payloads are the kinds that the generator draws from, with data that fit them:
// every one the fold reads, those it only keeps, and some that nobody knows.
var payloads = map[incident.Kind][]string{
	incident.Declared: {`{"title":"t","severity":"SEV-2"}`, `{"title":"t","severity":"SEV-1","runbook_url":"https://x/y"}`}, incident.Acknowledged: {``}, incident.Unacknowledged: {``}, incident.Mitigated: {``},
	incident.Assigned: {`{"role":"commander","person":"bob"}`, `{"role":"scribe","person":"cleo"}`}, incident.SeverityChanged: {`{"to":"SEV-1"}`, `{"to":"SEV-3"}`},
	incident.StatusChanged: {`{"to":"monitoring","details":"d"}`, `{"to":"identified"}`}, incident.Resolved: {`{"resolution":"r"}`}, incident.Reopened: {``}, incident.Closed: {``},
	incident.ActionTaken: {`{"text":"did","mitigates":true}`, `{"text":"did","unknown":{"deep":[1,2]}}`}, incident.ItemAdded: {`{"item":"AI-1","text":"do"}`, `{"item":"AI-2","text":"do"}`},
	incident.ItemClosed: {`{"item":"AI-1"}`, `{"item":"AI-2"}`}, incident.EscalationWanted: {`{"level":"next","reason":"r"}`},
	incident.EscalationEntered: {`{"level":"L2","round":2,"severity":"SEV-1"}`, `{"level":"L1","round":1,"severity":"SEV-2"}`}, incident.EscalationRenotified: {`{"level":"L2","round":3,"severity":"SEV-1"}`},
	incident.EscalationSnoozed: {`{"until":"2026-11-24T04:00:00Z"}`}, incident.NoteAdded: {``, `{}`}, incident.PageAccepted: {`{"sink":"pagerduty:primary"}`},
	incident.UpdateSent: {`{"conditions":"c"}`}, incident.UpdateDue: {`{"due_at":"2026-11-24T03:05:00Z"}`, `{"due_at":"2026-11-24T03:25:00Z"}`},
	incident.RunbookAttached: {`{"runbook":"r"}`, `{"runbook":"q"}`}, incident.StepDone: {`{"runbook":"r","step":"a","text":"t","result":"7%"}`, `{"runbook":"r","step":"b"}`},
	incident.StepUndone:    {`{"runbook":"r","step":"a"}`, `{"runbook":"r","step":"b"}`},
	incident.NoteCorrected: {`{"event":"id-%d"}`},
	incident.Merged:        {`{"from":"INC-1","into":"INC-2","severity":"SEV-1"}`, `{"from":"INC-2","into":"INC-1","with":["INC-3"]}`, `{"from":"INC-1","into":"INC-1"}`},
	incident.Split: {
		`{"from":"INC-1","into":"INC-2","events":["id-%d"]}`, `{"from":"INC-2","into":"INC-1","events":["id-%d"],"actions":[{"text":"a","event":"id-%[1]d"}]}`,
	},
	"tea.made": {`{"sugar":2}`}, "incident.paused": {`{"to":"SEV-1"}`}, "": {``},
}

// anyEvent has data that fit its kind, those of another, or damaged ones. What
// names another event names one that may come before it.
func anyEvent(t *rapid.T, seq int) incident.Event {
	kinds := slices.Sorted(maps.Keys(payloads))
	for range 5 { // what names other events does so in vain if these are few
		kinds = append(kinds, incident.ActionTaken, incident.NoteAdded, incident.NoteCorrected, incident.Split, incident.Merged, incident.StepDone, incident.StepUndone)
	}
	kind := rapid.SampledFrom(kinds).Draw(t, "kind")
	if seq == 1 && rapid.IntRange(0, 9).Draw(t, "declared first") > 0 {
		kind = incident.Declared
	}
	fitting := kind
	if rapid.IntRange(0, 4).Draw(t, "odd data") == 0 {
		fitting = rapid.SampledFrom(kinds).Draw(t, "data of")
	}
	data := rapid.SampledFrom(payloads[fitting]).Draw(t, "data")
	if strings.Contains(data, "%") {
		data = fmt.Sprintf(data, rapid.IntRange(1, seq).Draw(t, "names"))
	}
	if rapid.IntRange(0, 19).Draw(t, "damaged") == 0 {
		data = rapid.SampledFrom([]string{"null", "[]", "{", `{"level":7}`, `{"event":7}`}).Draw(t, "damage")
	}
	return incident.Event{
		Seq: int64(seq), ID: fmt.Sprint("id-", seq), Incident: "INC-1", At: three.Add(time.Duration(rapid.IntRange(-60, 600).Draw(t, "s")) * time.Second),
		Kind: kind, Actor: rapid.SampledFrom([]incident.Person{"ana", "bob", ""}).Draw(t, "actor"), Text: fmt.Sprint("text ", seq), Data: json.RawMessage(data),
	}
}

func timeline(t *rapid.T) []incident.Event {
	n := rapid.IntRange(0, 30).Draw(t, "n")
	events := make([]incident.Event, n)
	for i := range events {
		events[i] = anyEvent(t, i+1)
	}
	return events
}

func asJSON(t require.TestingT, v any) string {
	b, err := json.Marshal(v)
	require.NoError(t, err)
	return string(b)
}

// What the timeline says up to any moment is a state of its own: it is the one
// that was shown then, from wherever a reader begins, whoever kept it meanwhile.
func TestAnyPrefixIsTheStateOfItsMoment(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		events := timeline(t)
		states := []string{asJSON(t, incident.Incident{})} // as a follower saw them go by
		var live incident.Incident
		for _, e := range events {
			live = live.Apply(e)
			states = append(states, asJSON(t, live))
		}
		for n := range states {
			require.Equal(t, states[n], asJSON(t, incident.Fold(events[:n]...)), "the first %d", n)
		}
		from := rapid.IntRange(0, len(events)).Draw(t, "from")
		for to := from; to <= len(events); to++ {
			var state incident.Incident
			require.NoError(t, json.Unmarshal([]byte(states[from]), &state))
			for _, e := range events[from:to] {
				var stored incident.Event // a damaged payload cannot be stored: it is left out
				if json.Valid(e.Data) || len(e.Data) == 0 {
					require.NoError(t, json.Unmarshal([]byte(asJSON(t, e)), &stored))
					e = stored
				}
				state = state.Apply(e)
			}
			require.Equal(t, states[to], asJSON(t, state), "from %d to %d", from, to)
		}
	})
}

// What people read is a fold too: no event is lost but corrections, which stand
// in their event, and reading changes nothing.
func TestWhatIsToldLosesNothing(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		events := timeline(t)
		for i := range events {
			if !json.Valid(events[i].Data) {
				events[i].Data = nil
			}
			events[i].Incident = rapid.SampledFrom([]incident.ID{"INC-1", "INC-1", "INC-2", ""}).Draw(t, "incident")
		}
		before := asJSON(t, events)
		told := incident.Told("", events)
		require.Equal(t, asJSON(t, told), asJSON(t, incident.Told("", events)))
		require.Equal(t, before, asJSON(t, events))
		shown := map[string]incident.Event{}
		for _, e := range told {
			shown[e.ID] = e
		}
		require.Len(t, shown, len(told), "each once")
		for _, e := range events {
			got, is := shown[e.ID]
			if !is {
				require.Equal(t, incident.NoteCorrected, e.Kind)
				continue
			}
			require.Equal(t, e.At, got.At)
			if got.Was == "" {
				require.Equal(t, e.Text, got.Text)
			} else {
				require.Equal(t, e.Text, got.Was)
			}
		}
		for _, e := range incident.Told("INC-2", events) {
			require.True(t, e.Incident == "INC-2" || e.Incident == "" || e.Moved == "INC-2" || e.Kind == incident.NoteCorrected)
		}
	})
}

func TestFoldIsTotalDeterministicAndCutAnywhere(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		events := timeline(t)
		whole := incident.Fold(events...)
		require.Equal(t, asJSON(t, whole), asJSON(t, incident.Fold(events...)))

		cut := rapid.IntRange(0, len(events)).Draw(t, "cut")
		prefix := incident.Fold(events[:cut]...)
		before := asJSON(t, prefix)
		var cached incident.Incident // through the store's cache and back
		require.NoError(t, json.Unmarshal([]byte(before), &cached))
		for _, e := range events[cut:] {
			cached = cached.Apply(e).Apply(e) // offered twice: the cursor of a reader may lag
		}
		require.Equal(t, asJSON(t, whole), asJSON(t, cached))

		for _, e := range events[cut:] {
			prefix.Apply(e)
		}
		require.Equal(t, before, asJSON(t, prefix), "Apply changes nothing but what it returns")
	})
}

func TestEventsSurviveARoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		e := anyEvent(t, 1)
		if !json.Valid(e.Data) {
			e.Data = nil
		}
		var back incident.Event
		require.NoError(t, json.Unmarshal([]byte(asJSON(t, e)), &back))
		require.Equal(t, asJSON(t, e), asJSON(t, back))
	})
}
