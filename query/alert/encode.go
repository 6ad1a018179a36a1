package alert

import (
	"encoding/json"
	"fmt"
	"math"
	"strconv"
	"time"

	"github.com/sitrep-dev/sitrep/query"
)

// encoded is an Alert as JSON. The value is a number, or one of Prometheus'
// words for what is none in JSON ("+Inf", "-Inf", "NaN"), or null if Absent: a
// ratio over no requests at all fires with such a value.
type encoded struct {
	Name        string       `json:"name"`
	State       string       `json:"state"`
	Labels      query.Labels `json:"labels"`
	Annotations query.Labels `json:"annotations"`
	ActiveAt    time.Time    `json:"active_at,omitzero"`
	Value       any          `json:"value"`
	Fingerprint string       `json:"fingerprint"`
	Silenced    []string     `json:"silenced_by,omitempty"`
	Muted       string       `json:"muted,omitempty"`
	From        string       `json:"from,omitempty"`
	Group       string       `json:"group,omitempty"`
	Incident    string       `json:"incident,omitempty"`
	Flapping    bool         `json:"flapping,omitempty"`
	Recorded    string       `json:"recorded,omitempty"`
}

// MarshalJSON writes every alert, whatever its value.
func (a Alert) MarshalJSON() ([]byte, error) {
	e := encoded{a.Name, a.State, a.Labels, a.Annotations, a.ActiveAt, a.Value, a.Fingerprint, a.Silenced, a.Muted, a.From, a.Group, a.Incident, a.Flapping, a.Recorded}
	switch {
	case query.IsAbsent(a.Value):
		e.Value = nil
	case math.IsNaN(a.Value), math.IsInf(a.Value, 0):
		e.Value = strconv.FormatFloat(a.Value, 'g', -1, 64)
	}
	return json.Marshal(e)
}

// UnmarshalJSON reads what MarshalJSON wrote.
func (a *Alert) UnmarshalJSON(b []byte) error {
	var e encoded
	if err := json.Unmarshal(b, &e); err != nil {
		return fmt.Errorf("alert: %w", err)
	}
	v := query.Absent()
	switch got := e.Value.(type) {
	case nil:
	case float64:
		v = got
	case string:
		var err error
		if v, err = strconv.ParseFloat(got, 64); err != nil {
			return fmt.Errorf("alert %s: value %q is not a number", e.Name, got)
		}
	default:
		return fmt.Errorf("alert %s: value %v is not a number", e.Name, got)
	}
	*a = Alert{
		Name: e.Name, State: e.State, Labels: e.Labels, Annotations: e.Annotations, ActiveAt: e.ActiveAt, Value: v, Fingerprint: e.Fingerprint,
		Silenced: e.Silenced, Muted: e.Muted, From: e.From, Group: e.Group, Incident: e.Incident, Flapping: e.Flapping, Recorded: e.Recorded,
	}
	return nil
}
