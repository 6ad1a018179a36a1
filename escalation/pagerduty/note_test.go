package pagerduty

import (
	"errors"
	"io"
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/sitrep-dev/sitrep/escalation"
	"github.com/sitrep-dev/sitrep/incident"
)

// noteBook is an account with one incident, whose notes can be written and read.
type noteBook struct {
	status string // of the incident
	fail   int    // of the next writes: they count, and their answer is lost
	notes  []string
}

func (b *noteBook) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	switch {
	case r.URL.Path == "/incidents":
		says(200, `{"incidents":[{"id":"Q1","incident_key":"k","status":"`+b.status+`"}]}`)(w, r)
	case r.Method == http.MethodPost:
		body, _ := io.ReadAll(r.Body)
		b.notes = append(b.notes, r.Header.Get("From")+" "+string(body))
		if b.fail > 0 {
			b.fail--
			says(500, "boom")(w, r)
			return
		}
		says(201, `{}`)(w, r)
	default:
		list := ""
		if len(b.notes) > 0 {
			list = `{"content":"x [sitrep:01ARZ3NDEKTSV4RRFFQ69G5FAV]"}`
		}
		says(200, `{"notes":[`+list+`]}`)(w, r)
	}
}

// A note of the ladder's goes onto the open incident that its page opened, once.
func TestANoteIsWrittenOnce(t *testing.T) {
	m := escalation.Message{
		ID: "01ARZ3NDEKTSV4RRFFQ69G5FAV", Sink: "pagerduty:primary", Operation: escalation.OpNote, DedupKey: "k",
		Payload: incident.Payload(escalation.Content{Text: "Slack does not answer: updates are in sitrep (INC-1)."}),
	}
	written := []string{`sitrep@example.com {"note":{"content":"Slack does not answer: updates are in sitrep (INC-1). [sitrep:01ARZ3NDEKTSV4RRFFQ69G5FAV]"}}`}
	b := &noteBook{status: "triggered"}
	s := New(Config{API: account(t, b.ServeHTTP), From: "sitrep@example.com"})
	require.Equal(t, escalation.Outcome{Class: escalation.Done, Ref: "Q1"}, s.Send(t.Context(), m, incident.Incident{}))
	require.Equal(t, written, b.notes)

	m.Murky = true // an earlier process does not know how it ended
	require.Equal(t, escalation.Outcome{Class: escalation.Done, Ref: "Q1", Reconciled: true}, s.Send(t.Context(), m, incident.Incident{}))
	require.Equal(t, written, b.notes)

	m.Murky, b.notes, b.fail = false, nil, 1
	require.Equal(t, escalation.Done, s.Send(t.Context(), m, incident.Incident{}).Class)
	require.Equal(t, written, b.notes, "its answer was lost, and it was looked for")

	b.status, b.notes = "resolved", nil
	o := s.Send(t.Context(), m, incident.Incident{})
	require.Equal(t, escalation.Dead, o.Class)
	require.EqualError(t, o.Err, "pagerduty:primary: no open incident there belongs to the page any more")
	require.Empty(t, b.notes)
}

// Without a token nothing is asked, and what only looked has changed nothing.
func TestNotesThatCannotBeWritten(t *testing.T) {
	m := escalation.Message{Sink: "pagerduty:primary", Operation: escalation.OpNote, DedupKey: "k"}
	require.Equal(t, escalation.Outcome{Class: escalation.Dead, Err: errors.New("pagerduty:primary: a note needs pagerduty.api_token and pagerduty.from")}, New(Config{}).Send(t.Context(), m, incident.Incident{}))
	s := New(Config{API: account(t, says(503, "down")), From: "sitrep@example.com"})
	require.Equal(t, escalation.NotSent, s.Send(t.Context(), m, incident.Incident{}).Class)
}
