package postmortem

import (
	"time"

	"github.com/sitrep-dev/sitrep/incident"
)

// Numbers are what a post-mortem counts and measures. A nil duration is "no
// data": it has not happened, or the record does not hold it. Durations are in
// seconds.
type Numbers struct {
	Severity       incident.Severity `json:"severity"`
	DetectedAt     time.Time         `json:"detected_at,omitzero"`
	DeclaredAt     time.Time         `json:"declared_at,omitzero"`
	AcknowledgedAt time.Time         `json:"acknowledged_at,omitzero"`
	MitigatedAt    time.Time         `json:"mitigated_at,omitzero"`
	ResolvedAt     time.Time         `json:"resolved_at,omitzero"`

	ImpactFrom *time.Time `json:"impact_from"` // the first sample beyond a threshold, of the series that were kept
	ImpactTo   *time.Time `json:"impact_to"`   // the last one

	Duration *float64 `json:"duration_seconds"` // detection to resolution
	TTD      *float64 `json:"ttd_seconds"`      // fault injected to detection
	TTA      *float64 `json:"tta_seconds"`      // declaration to the first acknowledgement
	TTM      *float64 `json:"ttm_seconds"`      // declaration to the end of the users' pain
	TTR      *float64 `json:"ttr_seconds"`      // declaration to resolution

	Levels  []incident.Level `json:"levels"` // reached, in order
	Pages   PageCount        `json:"pages"`
	Late    float64          `json:"ladder_late_seconds"` // the longest time that nobody ran the ladder
	Counts  Counts           `json:"counts"`
	Signals []Signal         `json:"signals"`
	Costs   []incident.Cost  `json:"budget_costs"` // of error budgets; empty before they are worked out
}

// Counts are how often things happened.
type Counts struct {
	Events          int `json:"events"`
	Notes           int `json:"notes"`
	StatusChanges   int `json:"status_changes"`
	SeverityChanges int `json:"severity_changes"`
	Actions         int `json:"actions"`
	Items           int `json:"action_items"`
	OpenItems       int `json:"action_items_open"`
	Changes         int `json:"changes"`
	ChaosRuns       int `json:"chaos_runs"`
	LoadRuns        int `json:"load_runs"`
}

func (f *facts) numbers() Numbers {
	c := f.inc.Clocks
	n := Numbers{
		Severity: f.inc.Severity, DetectedAt: c.Detected, DeclaredAt: c.Declared, AcknowledgedAt: c.FirstAck, MitigatedAt: c.Mitigated, ResolvedAt: c.Resolved,
		Duration: seconds(between(c.Detected, c.Resolved)),
		TTA:      seconds(f.inc.TimeToAcknowledge()), TTM: seconds(f.inc.TimeToMitigate()), TTR: seconds(f.inc.TimeToResolve()),
		Levels: f.levels(), Pages: countPages(f.pages), Late: f.late().Seconds(), Signals: f.signals, Costs: append([]incident.Cost{}, f.inc.Costs...),
		Counts: Counts{
			Events: len(f.events), Notes: f.notes, StatusChanges: len(f.statuses), SeverityChanges: len(f.severities), Actions: len(f.actions),
			Items: len(f.inc.Items), Changes: len(f.changes), ChaosRuns: ofKind(f.faults, incident.ChaosStarted), LoadRuns: ofKind(f.loads, incident.LoadStarted),
		},
	}
	o := f.outOfBand()
	n.ImpactFrom, n.ImpactTo = moment(o.from), moment(o.to)
	if e, ok := f.onset(); ok {
		n.TTD = seconds(between(e.At, c.Detected))
	}
	for _, it := range f.inc.Items {
		n.Counts.OpenItems += bit(it.Closed.IsZero())
	}
	return n
}

func ofKind(events []incident.Event, k incident.Kind) (n int) {
	for _, e := range events {
		n += bit(e.Kind == k)
	}
	return n
}

func seconds(d time.Duration, ok bool) *float64 {
	if !ok {
		return nil
	}
	s := d.Seconds()
	return &s
}
