package statuspage

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/sitrep-dev/sitrep/escalation"
	"github.com/sitrep-dev/sitrep/incident"
)

func sender(t *testing.T, url string) *Sender {
	tr := escalation.NewTransport()
	t.Cleanup(tr.CloseIdleConnections)
	return New(Config{HTTP: &http.Client{Transport: tr}, Page: func(context.Context, string) (Page, error) {
		return Page{APIURL: url + "/", ID: pageID, Token: token, Services: map[string]Service{"checkout": {Title: "Problems with the checkout", Components: []string{"cmp1"}}}}, nil
	}})
}

func message(op escalation.Operation, id, parent string, c escalation.Content) escalation.Message {
	return escalation.Message{ID: id, Incident: "INC-7", Sink: "statuspage:main", Operation: op, Parent: parent, Payload: incident.Payload(c)}
}

func announcement(id, parent, conditions string) escalation.Message {
	return message(escalation.OpAnnounce, id, parent, escalation.Content{
		Text: conditions + "\nNeeds: bob", Update: incident.Update{Conditions: conditions, Needs: "bob"}, Event: "01EVENT" + id,
	})
}

func checkout() incident.Incident {
	return incident.Incident{
		ID: "INC-7", Title: "bob broke the checkout", Severity: incident.Sev1, Status: incident.StatusOpen, Service: "checkout",
		Labels: map[string]string{"secret": "label"}, Resolution: "bob's flag is off",
	}
}

// The first update opens an incident, later ones change it, the end closes it;
// nothing that was not written for outside is there.
func TestAnIncidentOnThePage(t *testing.T) {
	srv := newServer(t)
	s := sender(t, srv.URL)
	inc := checkout()
	o := s.Send(t.Context(), announcement("01A", "", "A third of the checkouts fail."), inc)
	require.Equal(t, escalation.Outcome{Class: escalation.Done, Ref: "inc1"}, o)
	encoded, err := json.Marshal(srv.incidents[0])
	require.NoError(t, err)
	require.JSONEq(t, `{"id": "inc1", "created_at": "2026-03-01T03:00:01Z", "name": "Problems with the checkout", "status": "investigating",
		"body": "A third of the checkouts fail.", "impact_override": "critical", "component_ids": ["cmp1"], "components": {"cmp1": "major_outage"},
		"deliver_notifications": true, "metadata": {"sitrep": {"id": "01A"}}}`, string(encoded))

	inc.Status, inc.Severity = incident.StatusIdentified, incident.Sev2
	require.Equal(t, "inc1", s.Send(t.Context(), announcement("01B", "inc1", "We know why."), inc).Ref)
	require.Equal(t, "major", srv.incidents[0]["impact_override"])
	inc.Status = incident.StatusResolved
	require.Equal(t, escalation.Done, s.Send(t.Context(), message(escalation.OpResolve, "01C", "inc1", escalation.Content{}), inc).Class)
	require.Equal(t, []string{
		"inc1 investigating A third of the checkouts fail.", "inc1 identified We know why.", "inc1 resolved This incident has been resolved.",
	}, srv.updates)
	require.Equal(t, map[string]any{"cmp1": "operational"}, srv.incidents[0]["components"])

	inc.Service, inc.Status = "payments", incident.StatusMonitoring
	require.Equal(t, escalation.Done, s.Send(t.Context(), announcement("01D", "", "Cards are slow."), inc).Class)
	require.Equal(t, "Service disruption", srv.incidents[1]["name"])
	encoded, err = json.Marshal(srv.incidents)
	require.NoError(t, err)
	for _, secret := range []string{"bob", "INC-7", "label", "flag"} {
		require.NotContains(t, string(encoded), secret)
	}

	o = s.Send(t.Context(), message(escalation.OpTrigger, "01E", "", escalation.Content{}), inc)
	require.Equal(t, escalation.Dead, o.Class)
	require.ErrorContains(t, o.Err, "a status page wakes nobody")
	name, o := s.Look(t.Context(), "main")
	require.Equal(t, escalation.Done, o.Class)
	require.Equal(t, "Shop status", name)
}

// A creation whose answer was lost is adopted; a second copy is deleted later.
func TestALostCreation(t *testing.T) {
	for name, status := range map[string]incident.Status{"open": incident.StatusOpen, "over by now": incident.StatusResolved} {
		t.Run(name, func(t *testing.T) {
			srv := newServer(t)
			s := sender(t, srv.URL)
			inc := checkout()
			inc.Status = status
			srv.fault = func(w http.ResponseWriter, r *http.Request, s *server) bool {
				if r.Method != http.MethodPost {
					return false
				}
				var body request
				_ = json.NewDecoder(r.Body).Decode(&body)
				s.create(map[string]any{"status": body.Incident.Status, "body": body.Incident.Body, "metadata": body.Incident.Metadata})
				w.WriteHeader(http.StatusBadGateway)
				return true
			}
			m := announcement("01A", "", "It fails.")
			require.Equal(t, escalation.Unsure, s.Send(t.Context(), m, inc).Class)
			srv.fault, m.Murky = nil, true
			o := s.Send(t.Context(), m, inc)
			require.Equal(t, escalation.Outcome{Class: escalation.Done, Ref: "inc1", Reconciled: true}, o)
			require.Len(t, srv.incidents, 1)

			srv.create(map[string]any{"status": "investigating", "metadata": map[string]any{"sitrep": map[string]any{"id": "01A"}}}) // it came late
			srv.create(map[string]any{"status": "investigating", "metadata": map[string]any{}})                                      // somebody else's
			o = s.Send(t.Context(), message(escalation.OpSweep, "01S", "", escalation.Content{Sweep: escalation.Sweep{Sweeps: "01A", SweepRef: "inc1"}}), inc)
			require.Equal(t, escalation.Done, o.Class, "%v", o.Err)
			require.Len(t, srv.incidents, 2)
			require.Equal(t, "inc1", srv.incidents[0]["id"])
		})
	}
	// Nothing was created: it is made now.
	srv := newServer(t)
	m := announcement("01A", "", "It fails.")
	m.Murky = true
	o := sender(t, srv.URL).Send(t.Context(), m, checkout())
	require.False(t, o.Reconciled)
	require.Equal(t, []string{"GET /incidents/unresolved", "GET /incidents", "POST /incidents"}, srv.asked)
	// It cannot be looked up now: nothing is made, and it stays murky.
	srv.fault = func(w http.ResponseWriter, _ *http.Request, _ *server) bool { w.WriteHeader(503); return true }
	require.Equal(t, escalation.NotSent, sender(t, srv.URL).Send(t.Context(), m, checkout()).Class)
	require.Len(t, srv.incidents, 1)
}

// Every way in which the API or what is in between can fail.
func TestFaults(t *testing.T) {
	answer := func(status int, body string) func(http.ResponseWriter) {
		return func(w http.ResponseWriter) {
			w.Header().Set("Location", "/login")
			w.WriteHeader(status)
			_, _ = io.WriteString(w, body)
		}
	}
	for name, c := range map[string]struct {
		fault func(http.ResponseWriter)
		class escalation.Class
		says  string
	}{
		"420":        {answer(420, `{"error":"calm"}`), escalation.Throttled, "again in 30s"},
		"429":        {answer(429, ""), escalation.Throttled, "again in 30s"},
		"500":        {answer(500, ""), escalation.Unsure, "it may have been accepted"},
		"401":        {answer(401, `{"error":"Could not authenticate"}`), escalation.Dead, "401 Unauthorized: Could not authenticate: check statuspages.main.token"},
		"404":        {answer(404, `{"error":"Record not found"}`), escalation.Dead, "check statuspages.main.page_id"},
		"422":        {answer(422, `{"error":["Name can't be blank"]}`), escalation.Dead, "Name can't be blank"},
		"redirect":   {answer(302, ""), escalation.NotSent, "a proxy or a login page?"},
		"HTML":       {answer(201, "<html>hello"), escalation.Unsure, "not as the API does"},
		"no id":      {answer(201, "{}"), escalation.Unsure, "without saying which incident it is"},
		"the secret": {answer(400, `{"error":"bad `+token+`"}`), escalation.Dead, "bad ***"},
		"reset": {func(w http.ResponseWriter) {
			if conn, _, err := w.(http.Hijacker).Hijack(); err == nil {
				_ = conn.Close()
			}
		}, escalation.Unsure, "the connection broke"},
		"no answer": {func(http.ResponseWriter) { <-t.Context().Done() }, escalation.Unsure, "no answer in time"},
	} {
		t.Run(name, func(t *testing.T) {
			srv := newServer(t)
			over := make(chan struct{})
			t.Cleanup(func() { close(over) })
			srv.fault = func(w http.ResponseWriter, r *http.Request, _ *server) bool {
				_, _ = io.Copy(io.Discard, r.Body)
				if name == "no answer" {
					select {
					case <-over:
					case <-r.Context().Done():
					}
					return true
				}
				c.fault(w)
				return true
			}
			ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
			if name == "no answer" {
				ctx, cancel = context.WithTimeout(t.Context(), 300*time.Millisecond)
			}
			defer cancel()
			o := sender(t, srv.URL).Send(ctx, announcement("01A", "", "It fails."), checkout())
			require.Equal(t, c.class, o.Class, "%v", o.Err)
			require.ErrorContains(t, o.Err, c.says)
			require.NotContains(t, o.Err.Error(), token)
		})
	}
	s := New(Config{Page: func(context.Context, string) (Page, error) {
		return Page{}, errors.New("the configuration has no statuspages.main")
	}})
	o := s.Send(t.Context(), announcement("01A", "", "x"), checkout())
	require.EqualError(t, o.Err, "statuspage:main: the configuration has no statuspages.main")
}
