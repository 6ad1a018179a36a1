package chaos

import (
	"errors"
	"fmt"
)

// ErrRefused is what every Refusal is: a rule said no, and nothing was touched.
var ErrRefused = errors.New("refused")

// Refusal is a rule saying no before anything was injected: which rule, why,
// and what would satisfy it.
type Refusal struct {
	Rule   string // a name of Rules, such as "lab-only" or "open-journal"
	Reason string
	Remedy string
}

// Error is one line: refused R7 lab-only: reason; remedy.
func (r *Refusal) Error() string {
	rule := r.Rule
	if id := ruleID(r.Rule); id != "" {
		rule = id + " " + rule
	}
	return fmt.Sprintf("refused %s: %s; %s", rule, r.Reason, r.Remedy)
}

// Is makes errors.Is(err, ErrRefused) true.
func (r *Refusal) Is(target error) bool { return target == ErrRefused }

// Refuse is a *Refusal. It is exported for faults, which know best what they
// must not be done to.
func Refuse(rule, remedy, reason string, args ...any) error {
	return &Refusal{Rule: rule, Remedy: remedy, Reason: fmt.Sprintf(reason, args...)}
}
