package incident

import "time"

// Degradation is what an escalation.delivery_degraded event carries: a page is due
// and nothing takes it.
type Degradation struct {
	Level Level     `json:"level"`
	Round int       `json:"round"`
	Who   []Person  `json:"who,omitempty"` // who was to be called
	Sinks []Failing `json:"sinks"`         // all that were to call them
}

// Failing is a way out that does not work: since when and why.
type Failing struct {
	Sink  string    `json:"sink"`
	Since time.Time `json:"since"` // of the first try that failed; zero if none was made for this incident
	Why   string    `json:"why"`
}

// Restored is what an escalation.delivery_restored event carries.
type Restored struct {
	Sink    string  `json:"sink"` // that has accepted
	Seconds float64 `json:"degraded_seconds"`
}

// Degraded is the outage in which a page of the incident found no way out. The zero
// Degraded is none; Times counts them all, those that are over too.
type Degraded struct {
	Since time.Time `json:"since,omitzero"`
	Times int       `json:"times,omitempty"`
	Degradation
}

// Unreached says whether nobody could be told of an open incident, as far as is
// known.
func (inc Incident) Unreached() bool { return !inc.Degraded.Since.IsZero() && !inc.Status.Over() }

// apply takes in what e says of the ways out. The end of an incident is the end of
// its outage: nobody is to be called any more.
func (d Degraded) apply(e Event) Degraded {
	switch e.Kind {
	case DeliveryDegraded:
		var p Degradation
		if e.Payload(&p) == nil && d.Since.IsZero() {
			return Degraded{e.At, d.Times + 1, p}
		}
	case DeliveryRestored, Resolved, Closed:
		return Degraded{Times: d.Times}
	}
	return d
}
