package pane

import (
	"strings"
	"time"

	"github.com/sitrep-dev/sitrep/escalation"
	"github.com/sitrep-dev/sitrep/incident"
)

// OnCall is who answers now, and what is open in PagerDuty. It is asked for while
// its view is on the screen.
type OnCall struct {
	Service  string               // whose ladder it is; "" = the usual one
	Contacts []escalation.Contact // level by level
	Faults   []string             // what could not be asked, and how old is what is shown in its place
	At       time.Time            // of the last question; zero while the first is on its way
	Down     bool                 // what PagerDuty says is what it said before
	Inbox    Inbox
}

// Inbox is the open incidents of PagerDuty's account, ours or not.
type Inbox struct {
	Off   bool        // there is no token: nobody can look
	Items []InboxItem // the urgent ones that nobody has first
	More  bool        // PagerDuty has more of them than it lists
	At    time.Time   // of the last good answer; zero before the first
	Err   string      // why there is no newer one; "" = there is
}

// InboxItem is an open incident there.
type InboxItem struct {
	ID, Title, URL string
	Number         int
	Acked          bool // somebody has it, or it sleeps
	Low            bool // urgency
	Service        string
	Policy         string // name of its escalation policy
	Created        time.Time
	Assigned       []string // names
	AckedBy        []string
	Alerts         int         // that make it; more than one were merged or grouped
	Ours           incident.ID // that it belongs to; "" = somebody else's
	Mine           bool        // the person at the screen is assigned
	Has            bool        // the person at the screen has acknowledged it
}

// InboxDetail is everything about one of them.
type InboxDetail struct {
	Item   InboxItem
	Status string
	Notes  []InboxEntry
	Log    []InboxEntry
	Alerts []InboxAlert
	Levels []InboxLevel // of its escalation policy: whom each calls now
}

// InboxEntry is a line of its log.
type InboxEntry struct {
	At       time.Time
	By, Text string
}

// InboxAlert is one of the alerts that make it.
type InboxAlert struct {
	Summary, Severity, Status string
	Links                     []InboxLink
}

// InboxLink is something to open; only http and https.
type InboxLink struct{ Text, URL string }

// InboxLevel is a level of an escalation policy, 1 is called first.
type InboxLevel struct {
	Level uint
	Who   []string
}

// Runbooks are the links that are called so, by what they say or by where they lead.
func (d *InboxDetail) Runbooks() (all []InboxLink) {
	seen := map[string]bool{}
	for _, a := range d.Alerts {
		for _, l := range a.Links {
			name := strings.ToLower(l.Text + " " + l.URL)
			if (strings.Contains(name, "runbook") || strings.Contains(name, "playbook")) && !seen[l.URL] {
				seen[l.URL] = true
				all = append(all, l)
			}
		}
	}
	return all
}

// Purpose is what somebody wants to know everything about an incident for.
type Purpose uint8

// The purposes.
const (
	ToRead   Purpose = iota // its detail
	ToFollow                // its runbook
	ToHandOn                // the levels of its escalation policy
)

// InboxOrder is an order about one incident in PagerDuty's inbox. All of them but
// LookInto reach people.
type InboxOrder interface {
	Order
	There() string // its ID
}

// The orders of the inbox. ID is PagerDuty's, of what was chosen when the key was
// pressed.
type (
	// LookInto reads everything about one; the receipt has it.
	LookInto struct {
		ID  string
		For Purpose
	}
	InboxAck  struct{ ID string }
	InboxNote struct{ ID, Text string }
	// InboxSnooze keeps PagerDuty's own escalation quiet.
	InboxSnooze struct {
		ID     string
		Length time.Duration
	}
	// InboxEscalate gives it to a level of its escalation policy.
	InboxEscalate struct {
		ID    string
		Level uint
		Who   string // whom that calls, in words
	}
	// InboxRequest asks somebody to come and help: by e-mail, by the name that they
	// have there or that the configuration gives them.
	InboxRequest struct{ ID, Who, Message string }
	// InboxUpdate tells its subscribers.
	InboxUpdate struct{ ID, Text string }
	// InboxMerge makes it part of Into, which goes on.
	InboxMerge struct{ ID, Into string }
)

func (LookInto) order()      {}
func (InboxAck) order()      {}
func (InboxNote) order()     {}
func (InboxSnooze) order()   {}
func (InboxEscalate) order() {}
func (InboxMerge) order()    {}
func (InboxRequest) order()  {}
func (InboxUpdate) order()   {}

// There implements InboxOrder.
func (o LookInto) There() string { return o.ID }

// There implements InboxOrder.
func (o InboxAck) There() string { return o.ID }

// There implements InboxOrder.
func (o InboxNote) There() string { return o.ID }

// There implements InboxOrder.
func (o InboxSnooze) There() string { return o.ID }

// There implements InboxOrder.
func (o InboxEscalate) There() string { return o.ID }

// There implements InboxOrder.
func (o InboxMerge) There() string { return o.ID }

// There implements InboxOrder.
func (o InboxRequest) There() string { return o.ID }

// There implements InboxOrder.
func (o InboxUpdate) There() string { return o.ID }
