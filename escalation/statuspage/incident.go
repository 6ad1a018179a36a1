package statuspage

import (
	"context"
	"net/http"
	"net/url"
	"strings"

	"github.com/sitrep-dev/sitrep/escalation"
	"github.com/sitrep-dev/sitrep/incident"
)

// fields are an incident as the API takes it. What is left out stays as it is.
type fields struct {
	Name       string            `json:"name,omitempty"`
	Status     string            `json:"status"`
	Body       string            `json:"body"`
	Impact     string            `json:"impact_override,omitempty"`
	Components []string          `json:"component_ids,omitempty"`
	States     map[string]string `json:"components,omitempty"`
	Deliver    bool              `json:"deliver_notifications"`
	Metadata   map[string]any    `json:"metadata,omitempty"`
}

type request struct {
	Incident fields `json:"incident"`
}

// theirs is an incident as the API answers it, as far as it is read.
type theirs struct {
	ID        string `json:"id"`
	CreatedAt string `json:"created_at"` // RFC 3339, all in one zone
	Metadata  struct {
		Sitrep struct {
			ID string `json:"id"`
		} `json:"sitrep"`
	} `json:"metadata"`
}

const (
	defaultTitle    = "Service disruption"
	defaultResolved = "This incident has been resolved."
)

// fields are what the page is told now.
func (a attempt) fields() fields {
	f := fields{Status: status(a.inc.Status), Body: a.words(), Deliver: !a.page.Silent && !a.content.Test}
	if a.m.Operation == escalation.OpResolve {
		f.Status = "resolved"
	}
	service := a.page.Services[a.inc.Service]
	if f.Components = service.Components; len(f.Components) > 0 {
		f.States = map[string]string{}
		for _, id := range f.Components {
			f.States[id] = health(a.inc.Severity, f.Status)
		}
	}
	return f
}

// words are those that a person wrote for outside: not what is needed, which
// asks our own people, and no words of ours but the end's.
func (a attempt) words() string {
	u := a.content.Update
	text := u.Conditions
	if u.Actions != "" {
		text += "\n\n" + u.Actions
	}
	if text == "" {
		text = a.content.Text // of an end that has words
	}
	if text == "" && a.m.Operation == escalation.OpResolve {
		if text = a.page.Resolved; text == "" {
			text = defaultResolved
		}
	}
	return strings.TrimSpace(strings.ToValidUTF8(text, "\ufffd"))
}

func status(s incident.Status) string {
	switch s {
	case incident.StatusIdentified, incident.StatusMonitoring:
		return string(s)
	case incident.StatusResolved, incident.StatusClosed:
		return "resolved"
	}
	return "investigating"
}

// impact is how bad the page says that it is.
func impact(sev incident.Severity) string {
	switch sev {
	case incident.Sev1:
		return "critical"
	case incident.Sev2:
		return "major"
	case incident.Sev3:
		return "minor"
	}
	return "none"
}

// health is the state of a component meanwhile.
func health(sev incident.Severity, status string) string {
	switch {
	case status == "resolved":
		return "operational"
	case sev == incident.Sev1:
		return "major_outage"
	case sev == incident.Sev2:
		return "partial_outage"
	}
	return "degraded_performance"
}

// create opens an incident on the page.
func (a attempt) create(ctx context.Context) escalation.Outcome {
	if a.m.Murky {
		copies, o := a.find(ctx, a.m.ID)
		switch {
		case len(copies) > 0:
			return escalation.Outcome{Class: escalation.Done, Ref: copies[0].ID, Reconciled: true}
		case o.Class == escalation.Unsure: // a look changes nothing; what was murky stays so
			o.Class = escalation.NotSent
			fallthrough
		case o.Class != escalation.Done:
			return o
		}
	}
	f := a.fields()
	f.Impact, f.Metadata = impact(a.inc.Severity), map[string]any{"sitrep": map[string]string{"id": a.m.ID}}
	if f.Name = a.page.Services[a.inc.Service].Title; f.Name == "" {
		if f.Name = a.page.Title; f.Name == "" {
			f.Name = defaultTitle
		}
	}
	if a.content.Test {
		f.Name = "[TEST] " + f.Name
	}
	var made theirs
	if o := a.call(ctx, http.MethodPost, "/incidents", request{f}, &made); o.Class != escalation.Done {
		return o
	}
	if made.ID == "" {
		return escalation.Outcome{Class: escalation.Unsure, Err: a.errorf("said yes without saying which incident it is: it may have been created")}
	}
	return escalation.Outcome{Class: escalation.Done, Ref: made.ID}
}

// update changes the incident that an earlier message opened. To say the same
// twice leaves the page in the same state.
func (a attempt) update(ctx context.Context) escalation.Outcome {
	f := a.fields()
	if a.m.Operation == escalation.OpAnnounce {
		f.Impact = impact(a.inc.Severity)
	}
	o := a.call(ctx, http.MethodPatch, "/incidents/"+url.PathEscape(a.m.Parent), request{f}, nil)
	if o.Class == escalation.Done {
		o.Ref = a.m.Parent
	}
	return o
}

// find lists the incidents that message id has created, oldest first. One that
// was created when ours was over is not among the unresolved ones, so the newest
// of all are looked at too. Unless the outcome is Done the list may be
// incomplete.
func (a attempt) find(ctx context.Context, id string) (copies []theirs, o escalation.Outcome) {
	seen := map[string]bool{}
	for _, path := range []string{"/incidents/unresolved", "/incidents"} {
		var list []theirs
		if o = a.call(ctx, http.MethodGet, path, nil, &list); o.Class != escalation.Done {
			return copies, o
		}
		for _, t := range list {
			if t.ID != "" && t.Metadata.Sitrep.ID == id && !seen[t.ID] {
				seen[t.ID] = true
				copies = append(copies, t)
			}
		}
	}
	for i := range copies { // there are two at most, or somebody plays
		if copies[i].CreatedAt < copies[0].CreatedAt {
			copies[0], copies[i] = copies[i], copies[0]
		}
	}
	return copies, o
}

// sweep deletes the second copies of what message content.Sweeps has created.
func (a attempt) sweep(ctx context.Context) escalation.Outcome {
	if a.content.Sweeps == "" || a.content.SweepRef == "" {
		return escalation.Outcome{Class: escalation.Dead, Err: a.errorf("the sweep does not say which incident it is about")}
	}
	copies, o := a.find(ctx, a.content.Sweeps)
	if o.Class == escalation.Unsure {
		o.Class = escalation.NotSent
	}
	if o.Class != escalation.Done {
		return o
	}
	for _, t := range copies {
		if t.ID == a.content.SweepRef {
			continue
		}
		if o := a.call(ctx, http.MethodDelete, "/incidents/"+url.PathEscape(t.ID), nil, nil); o.Class != escalation.Done {
			return o
		}
	}
	return escalation.Outcome{Class: escalation.Done, Ref: a.content.SweepRef}
}
