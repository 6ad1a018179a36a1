package chaos

import (
	"errors"
	"fmt"
	"strings"
)

// ErrRefused is what every Refusal is: a rule said no, and nothing was touched.
var ErrRefused = errors.New("refused")

// Refusal is a rule saying no before anything was injected: which rule, why,
// and what would satisfy it.
type Refusal struct {
	Rule   string // a name of Rules, such as "lab-only" or "open-journal"
	Reason string
	Remedy string
	Raw    string // what the kernel or a program said, where Reason says it in plain words
}

// Error is one line: refused R7 lab-only: reason; remedy. What was said raw comes last, in
// brackets: it is for who knows the program, and the first to be cut.
func (r *Refusal) Error() string {
	rule := r.Rule
	if id := ruleID(r.Rule); id != "" {
		rule = id + " " + rule
	}
	return fmt.Sprintf("refused %s: %s", rule, r.words())
}

func (r *Refusal) words() string { return PlainFirst(r.Reason, r.Remedy, r.Raw) }

// PlainFirst is on one line what is missing, what to do about it, and in brackets what was
// said raw; the last two may be empty.
func PlainFirst(why, remedy, raw string) string {
	if remedy != "" {
		why += "; " + remedy
	}
	if raw != "" {
		why += " [" + raw + "]"
	}
	return why
}

// WhyRefused is what an error says without the rule, for a refusal that says the rule
// itself.
func WhyRefused(err error) string {
	if r := (*Refusal)(nil); errors.As(err, &r) {
		return r.words()
	}
	return err.Error()
}

// Is makes errors.Is(err, ErrRefused) true.
func (r *Refusal) Is(target error) bool { return target == ErrRefused }

// Refuse is a *Refusal. It is exported for faults, which know best what they
// must not be done to.
func Refuse(rule, remedy, reason string, args ...any) error {
	return &Refusal{Rule: rule, Remedy: remedy, Reason: fmt.Sprintf(reason, args...)}
}

// RefuseFor is Refuse with an error of the kernel or of a program behind it, which reason
// says in plain words.
func RefuseFor(err error, rule, remedy, reason string, args ...any) error {
	return &Refusal{Rule: rule, Remedy: remedy, Reason: fmt.Sprintf(reason, args...), Raw: rawWords(err)}
}

// rawWords is an error on one line.
func rawWords(err error) string { return strings.Join(strings.Fields(err.Error()), " ") }
