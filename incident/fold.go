package incident

import (
	"maps"
	"slices"
	"time"
)

// Fold applies events in order to the unknown incident.
func Fold(events ...Event) Incident {
	var inc Incident
	for _, e := range events {
		inc = inc.Apply(e)
	}
	return inc
}

// Apply is the incident after e. It accepts every event: one of an unknown
// kind, one with damaged data and one that should not have happened change
// nothing but Seq. The receiver is not modified, nor anything it refers to.
func (inc Incident) Apply(e Event) Incident {
	if e.Seq > 0 && e.Seq <= inc.Seq {
		return inc // already folded in: a reader may offer an event twice
	}
	inc.Seq = max(inc.Seq, e.Seq)
	inc.Attention, inc.Degraded, inc.Review = inc.Attention.apply(e), inc.Degraded.apply(e), inc.Review.apply(e)
	switch e.Kind {
	case Declared:
		inc = inc.applyDeclared(e)
	case Acknowledged:
		inc = inc.applyAcknowledged(e)
	case Unacknowledged:
		inc.Clocks.Acknowledged, inc.Clocks.AckBy = time.Time{}, ""
		inc.Rung.Unanswered = !inc.Status.Over()
	case Assigned:
		var p Assignment
		if e.Payload(&p) == nil && p.Role != "" {
			inc.Roles = with(inc.Roles, p.Role, p.Person)
		}
	case AlertAttached:
		var p Attached
		if e.Payload(&p) == nil && p.Alerts > 0 {
			inc.Alerts += p.Alerts
		}
	case SeverityChanged:
		var p SeverityChange
		if e.Payload(&p) == nil && p.To != "" {
			inc.Severity = p.To
			if inc.Rung.Severity.WorseThan(p.To) {
				inc.Rung.Severity = p.To // whoever was told the worse one is to hear when it comes back
			}
		}
	case ServiceSet:
		inc = inc.applyService(e)
	case StatusChanged:
		inc = inc.applyStatus(e)
	case Mitigated:
		inc = inc.mitigate(e)
	case ActionTaken:
		var p Action
		if e.Payload(&p) == nil && p.Text != "" {
			p.Event = e.ID
			inc.Actions = append(inc.Actions[:len(inc.Actions):len(inc.Actions)], p)
			if p.Mitigates {
				inc = inc.mitigate(e)
			}
		}
	case ItemAdded, ItemClosed:
		inc = inc.applyItem(e)
	case ItemChanged:
		inc = inc.applyItemChange(e)
	case NoteCorrected:
		inc = inc.applyCorrection(e)
	case PostmortemImported:
		inc = inc.applyImport(e)
	case BudgetCost:
		var p Costs
		if e.Payload(&p) == nil {
			inc.Costs = p.Costs
		}
	case RunbookAttached:
		var p Attachment
		if e.Payload(&p) == nil && p.Runbook != "" {
			inc.Runbook = p.Runbook
		}
	case StepDone, StepUndone:
		inc = inc.applyStep(e)
	case UpdateSent:
		inc.Clocks.LastUpdate = e.At
	case UpdateDue:
		var p Reminder
		if e.Payload(&p) == nil && p.DueAt.After(inc.Clocks.Reminded) {
			inc.Clocks.Reminded = p.DueAt
		}
	case Merged:
		inc = inc.applyMerge(e)
	case Split:
		inc = inc.applySplit(e)
	case Resolved, Closed, Reopened:
		inc = inc.applyEnding(e)
	case EscalationEntered, EscalationRenotified, EscalationSnoozed, EscalationWanted, ClockSetBack:
		inc.Rung = inc.Rung.apply(e)
	}
	return inc
}

func (inc Incident) applyDeclared(e Event) Incident {
	var p Declaration
	if e.Payload(&p) != nil || inc.Declared() {
		return inc
	}
	inc.ID, inc.Key = e.Incident, e.ID
	inc.Title, inc.Severity, inc.Service, inc.Drill = p.Title, p.Severity, p.Service, p.Drill
	inc.Labels, inc.Policy, inc.Status = p.Labels, p.Policy, StatusOpen
	inc.RunbookURL = p.RunbookURL
	if p.DetectedBy != "" {
		inc.Alerts = 1
	}
	inc.Clocks.Declared = e.At
	inc.Clocks.Detected, inc.Clocks.DetectedBy = p.DetectedAt, p.DetectedBy
	if inc.Clocks.Detected.IsZero() {
		inc.Clocks.Detected = e.At
	}
	return inc
}

// applyAcknowledged keeps the first acknowledgement: a second one says that
// somebody else is there too, and answers for those who were called with them.
func (inc Incident) applyAcknowledged(e Event) Incident {
	if inc.Acknowledged() {
		inc.Joins = append(inc.Joins[:len(inc.Joins):len(inc.Joins)], Join{e.Actor, e.At})
		return inc
	}
	inc.Clocks.Acknowledged, inc.Clocks.AckBy, inc.Clocks.AckClaimed = e.At, e.Actor, e.Claimed
	inc.Rung.Unanswered = false
	if inc.Clocks.FirstAck.IsZero() {
		inc.Clocks.FirstAck = e.At
	}
	if inc.Roles[Responder] == "" {
		inc.Roles = with(inc.Roles, Responder, e.Actor)
	}
	if inc.Status == StatusOpen {
		inc.Status = StatusInvestigating
	}
	return inc
}

// applyService takes over what it is about, and the rules that come with that.
func (inc Incident) applyService(e Event) Incident {
	var p ServiceChange
	if e.Payload(&p) != nil || p.To == "" {
		return inc
	}
	inc.Service = p.To
	if len(p.Policy) > 0 {
		inc.Policy, inc.Refrozen = p.Policy, inc.Refrozen+1
	}
	inc.Rung.Recall = inc.Rung.Recall || p.Recall && inc.Rung.Level != "" && !inc.Status.Over()
	return inc
}

func (inc Incident) applyStatus(e Event) Incident {
	var p StatusChange
	if e.Payload(&p) != nil || p.To == "" || inc.Status.Over() {
		return inc
	}
	inc.Status, inc.Clocks.LastUpdate = p.To, e.At
	if p.To == StatusMonitoring {
		inc = inc.mitigate(e)
	}
	return inc
}

func (inc Incident) mitigate(e Event) Incident {
	if inc.Clocks.Mitigated.IsZero() {
		inc.Clocks.Mitigated = e.At
	}
	return inc
}

func (inc Incident) applyItem(e Event) Incident {
	var p Item
	if e.Payload(&p) != nil || p.Item == "" {
		return inc
	}
	items := make([]OpenItem, 0, len(inc.Items)+1)
	known := false
	for _, it := range inc.Items {
		if it.Item.Item == p.Item {
			known = true
			if e.Kind == ItemClosed && it.Closed.IsZero() {
				it.Closed, it.Run = e.At, p.Run
			}
		}
		items = append(items, it)
	}
	if e.Kind == ItemAdded && !known {
		items = append(items, OpenItem{Item: p, Added: e.At})
	}
	inc.Items = items
	return inc
}

func (inc Incident) applyEnding(e Event) Incident {
	switch e.Kind {
	case Resolved:
		var p Resolution
		if e.Payload(&p) != nil || inc.Status.Over() {
			return inc
		}
		inc.Status, inc.Resolution, inc.Clocks.Resolved = StatusResolved, p.Resolution, e.At
		inc.Rung.Wanted, inc.Rung.Unanswered, inc.Rung.Recall = "", false, false
		inc = inc.mitigate(e)
	case Closed:
		inc.Status, inc.Clocks.Closed = StatusClosed, e.At
	case Reopened:
		if !inc.Status.Over() {
			return inc
		}
		c := &inc.Clocks
		c.Acknowledged, c.Mitigated, c.Resolved, c.Closed, c.AckBy = time.Time{}, time.Time{}, time.Time{}, time.Time{}, ""
		c.LastUpdate = e.At
		inc.Status, inc.Resolution, inc.MergedInto = StatusOpen, "", ""
		inc.Rung = Rung{Rounds: inc.Rung.Rounds, Unanswered: true}
	}
	return inc
}

// applyCorrection gives an action its newest words.
func (inc Incident) applyCorrection(e Event) Incident {
	var p Correction
	if e.Payload(&p) != nil || p.Event == "" || e.Text == "" {
		return inc
	}
	if i := slices.IndexFunc(inc.Actions, func(a Action) bool { return a.Event == p.Event }); i >= 0 {
		inc.Actions = slices.Clone(inc.Actions)
		inc.Actions[i].Text = e.Text
	}
	return inc
}

// applyMerge ends the incident that was merged, and notes with the other one
// what goes on there.
func (inc Incident) applyMerge(e Event) Incident {
	var p Merge
	if e.Payload(&p) != nil || p.From == p.Into || p.From == "" || p.Into == "" {
		return inc
	}
	switch inc.ID {
	case p.Into:
		inc.Merged = slices.Concat(inc.Merged, []ID{p.From}, p.With)
	case p.From:
		if inc.MergedInto != "" {
			return inc
		}
		if !inc.Status.Over() {
			inc.Resolution, inc.Clocks.Resolved = "merged into "+string(p.Into), e.At
		}
		inc.Status, inc.MergedInto, inc.Clocks.Closed = StatusClosed, p.Into, e.At
		inc.Rung.Wanted, inc.Rung.Unanswered, inc.Rung.Recall = "", false, false
	}
	return inc
}

// applySplit hands actions over with the events that recorded them.
func (inc Incident) applySplit(e Event) Incident {
	var p Move
	if e.Payload(&p) != nil || p.From == p.Into || p.From == "" || p.Into == "" {
		return inc
	}
	switch inc.ID {
	case p.Into:
		inc.SplitFrom, inc.Actions = p.From, slices.Concat(inc.Actions, p.Actions)
	case p.From:
		for _, id := range p.Events {
			inc.Moved = with(inc.Moved, id, p.Into)
		}
		inc.Actions = slices.DeleteFunc(slices.Clone(inc.Actions), func(a Action) bool { return a.Event != "" && slices.Contains(p.Events, a.Event) })
	}
	return inc
}

func (r Rung) apply(e Event) Rung {
	switch e.Kind {
	case EscalationEntered, EscalationRenotified:
		var p Escalation
		if e.Payload(&p) != nil || p.Level == "" {
			return r
		}
		if e.Kind == EscalationEntered {
			r.Entered, r.Wanted, r.WantedWhy = e.At, "", ""
		}
		r.Level, r.Round, r.Severity, r.Notified = p.Level, p.Round, p.Severity, e.At
		r.Unanswered, r.Recall = false, false
		r.Rounds = with(r.Rounds, p.Level, max(p.Round, r.Rounds[p.Level]))
	case EscalationWanted:
		var p Escalation
		if e.Payload(&p) == nil {
			r.Wanted, r.WantedWhy = p.Level, p.Reason
		}
	case ClockSetBack:
		r.Entered, r.Notified = earlier(r.Entered, e.At), earlier(r.Notified, e.At)
	case EscalationSnoozed:
		var p Snooze
		if e.Payload(&p) == nil {
			r.Snoozed = p.Until
		}
	}
	return r
}

// with is m with one more entry, leaving m alone: incidents are values, and a
// copy must not share what a later event changes.
func with[K comparable, V any](m map[K]V, k K, v V) map[K]V {
	out := make(map[K]V, len(m)+1)
	maps.Copy(out, m)
	out[k] = v
	return out
}
