package incident

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// ID names an incident for people: INC-1. It is empty on events that happened
// outside any incident.
type ID string

// ParseID reads INC-7, inc-7 or 7.
func ParseID(s string) (ID, error) {
	digits := strings.TrimPrefix(strings.ToUpper(strings.TrimSpace(s)), "INC-")
	n, err := strconv.Atoi(digits)
	if err != nil || n < 1 || digits != strconv.Itoa(n) {
		return "", fmt.Errorf("%q is not an incident: write INC-7 or 7 (sitrep incident list shows them)", s)
	}
	return NumberedID(n), nil
}

// NumberedID is the ID of the n-th incident of a store, counted from 1.
func NumberedID(n int) ID { return ID("INC-" + strconv.Itoa(n)) }

// Person is whoever did or shall do something: a responder's name, or the part
// of sitrep that acted ("sitrep").
type Person string

// Sitrep is the actor of everything that no person did.
const Sitrep Person = "sitrep"

// Severity is how bad it is, SEV-1 (worst) to SEV-4.
type Severity string

// The severities of the ladder, worst first.
const (
	Sev1 Severity = "SEV-1"
	Sev2 Severity = "SEV-2"
	Sev3 Severity = "SEV-3"
	Sev4 Severity = "SEV-4"
)

// Severities lists them, worst first.
func Severities() []Severity { return []Severity{Sev1, Sev2, Sev3, Sev4} }

// Rank is 1 for SEV-1 to 4 for SEV-4; anything else ranks last, as 5.
func (s Severity) Rank() int {
	if i := slices.Index(Severities(), s); i >= 0 {
		return i + 1
	}
	return len(Severities()) + 1
}

// WorseThan says whether s is more severe than other.
func (s Severity) WorseThan(other Severity) bool { return s.Rank() < other.Rank() }

// ParseSeverity reads SEV-1, sev1 or 1.
func ParseSeverity(text string) (Severity, error) {
	digit := strings.TrimLeft(strings.TrimPrefix(strings.ToUpper(strings.TrimSpace(text)), "SEV"), "- ")
	s := Severity("SEV-" + digit)
	if !slices.Contains(Severities(), s) {
		return "", fmt.Errorf("%q is not a severity: SEV-1 (critical), SEV-2 (high), SEV-3 (medium) or SEV-4 (low)", text)
	}
	return s, nil
}

// Status is where the response stands. Acknowledgement is a fact of its own and
// no status.
type Status string

// The statuses, in the order in which an incident passes through them.
const (
	StatusOpen          Status = "open"
	StatusInvestigating Status = "investigating"
	StatusIdentified    Status = "identified"
	StatusMonitoring    Status = "monitoring"
	StatusResolved      Status = "resolved"
	StatusClosed        Status = "closed"
)

// Statuses lists them in order.
func Statuses() []Status {
	return []Status{StatusOpen, StatusInvestigating, StatusIdentified, StatusMonitoring, StatusResolved, StatusClosed}
}

// ParseStatus reads a status that a person may set by hand; resolved and closed
// have commands of their own because they ask for more.
func ParseStatus(text string) (Status, error) {
	s := Status(strings.ToLower(strings.TrimSpace(text)))
	switch s {
	case StatusResolved:
		return "", fmt.Errorf("status %q is reached by resolving: sitrep incident resolve ID --resolution TEXT", text)
	case StatusClosed:
		return "", fmt.Errorf("status %q is reached by closing: sitrep incident close ID", text)
	}
	if !slices.Contains(Statuses(), s) {
		return "", fmt.Errorf("%q is not a status: open, investigating, identified or monitoring", text)
	}
	return s, nil
}

// Over says whether the response has ended: nobody is to be woken any more.
func (s Status) Over() bool { return s == StatusResolved || s == StatusClosed }

// Role is a duty of the Incident Command System.
type Role string

// The roles. The responder is whoever acknowledged first.
const (
	Commander      Role = "commander"
	Scribe         Role = "scribe"
	Communications Role = "communications"
	Operations     Role = "operations"
	Responder      Role = "responder"
)

// Roles lists them, the one who leads first.
func Roles() []Role { return []Role{Commander, Responder, Scribe, Communications, Operations} }

// ParseRole reads a role, or the two usual short forms ic and comms.
func ParseRole(text string) (Role, error) {
	r := Role(strings.ToLower(strings.TrimSpace(text)))
	switch r {
	case "ic":
		r = Commander
	case "comms":
		r = Communications
	}
	if !slices.Contains(Roles(), r) {
		return "", fmt.Errorf("%q is not a role: commander, responder, scribe, communications or operations", text)
	}
	return r, nil
}

// Level is a rung of the escalation ladder, L1 (first to be woken) upward.
type Level string

// NextLevel asks for whichever level comes after the present one.
const NextLevel Level = "next"

// Term is when an action helps: now, in the next days, or for good.
type Term string

// The terms, as the post-mortem template names them.
const (
	Immediate Term = "immediate"
	ShortTerm Term = "short_term"
	LongTerm  Term = "long_term"
)

// ParseTerm reads a term; a hyphen is as good as an underscore.
func ParseTerm(text string) (Term, error) {
	t := Term(strings.ReplaceAll(strings.ToLower(strings.TrimSpace(text)), "-", "_"))
	if t != Immediate && t != ShortTerm && t != LongTerm {
		return "", fmt.Errorf("%q is not a term: immediate, short-term or long-term", text)
	}
	return t, nil
}
