package escalation

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/sitrep-dev/sitrep/incident"
)

// Incidents lists incidents, for the audit.
type Incidents interface {
	// Incidents lists incidents, with openOnly those that are not over; a limit of
	// 0 means all.
	Incidents(ctx context.Context, openOnly bool, limit int) ([]incident.Incident, error)
}

// auditor holds what is due against what was done, beside the loop that should
// have done it. Whatever is due at two looks in a row, a minute apart, was
// forgotten: a mark in the store that is wrong, a loop that hangs, an incident
// that an older sitrep looked at with other rules.
type auditor struct {
	shift *shift
	due   map[incident.ID]string // at the last look
	rules map[string]Policy      // by what an incident carries: thousands carry the same
}

// audits looks at every open incident once in Timing.Audit, until the lease ends.
func (s *shift) audits() {
	if s.Audit == nil {
		return
	}
	a := &auditor{shift: s}
	for {
		if err := a.look(time.Now()); err != nil && s.ctx.Err() == nil {
			s.Problem(fmt.Errorf("audit of the ladder: %w", err))
		}
		if !pause(s.ctx, s.Timing.Audit) {
			return
		}
	}
}

// look does what is due and was due at the last look too, and says so on the
// timeline.
func (a *auditor) look(now time.Time) error {
	open, err := a.shift.Audit.Incidents(a.shift.ctx, true, 0)
	if err != nil {
		return err
	}
	before := a.due
	a.due, a.rules = map[incident.ID]string{}, map[string]Policy{}
	for _, inc := range open {
		if setBack(inc, now) > 0 { // its marks in the store lie in the future too
			if _, err := a.shift.planOne(inc.ID); err != nil && a.shift.ctx.Err() == nil {
				return err
			}
			continue
		}
		what := a.overdue(inc, now)
		if what == "" {
			continue
		}
		if before[inc.ID] != what {
			a.due[inc.ID] = what
			continue
		}
		if err := a.shift.repair(inc, what); errors.Is(err, ErrLeaseLost) || a.shift.ctx.Err() != nil {
			return nil // whoever has the lease now looks too
		} else if err != nil {
			a.shift.Problem(fmt.Errorf("the ladder of %s: %s is due and cannot be done: %w", inc.ID, what, err))
		}
	}
	return nil
}

// overdue names the first thing that is due at now; empty if nothing is.
func (a *auditor) overdue(inc incident.Incident, now time.Time) string {
	r := a.rulesOf(inc)
	if steps, _ := Next(inc, r, now); len(steps) > 0 {
		return fmt.Sprintf("%s round %d (%s)", steps[0].Level, steps[0].Round, steps[0].Reason)
	}
	for _, of := range duties() {
		if due, what := of(inc, r).at(inc, r); !due.IsZero() && !due.After(now) {
			return what
		}
	}
	return ""
}

func (a *auditor) rulesOf(inc incident.Incident) Rules {
	p, known := a.rules[string(inc.Policy)]
	if !known {
		var err error
		if p, err = Thaw(inc.Policy); err != nil {
			return policyOf(inc, a.shift.Policy)
		}
		a.rules[string(inc.Policy)] = p
	}
	return p.For(inc)
}

// repair plans an incident whose turn did not come, and records that.
func (s *shift) repair(inc incident.Incident, what string) error {
	now := time.Now()
	err := s.Book.Turn(s.ctx, s.present(), now, inc.ID, func(c Case) (Decision, error) {
		if c.Incident.Seq != inc.Seq {
			return Decision{}, nil // something has happened since: the loop is at it
		}
		return Decision{Events: []incident.Event{{
			Incident: inc.ID, At: now, Kind: incident.AuditFailed, Actor: incident.Sitrep, Source: source,
			Text: fmt.Sprintf("%s was due and had not been done; it is done now", what),
			Once: fmt.Sprintf("audit/%s/%s/%d", inc.Key, what, now.UnixMicro()),
		}}}, nil
	})
	if err != nil {
		return err
	}
	_, err = s.planOne(inc.ID)
	return err
}
