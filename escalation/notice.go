package escalation

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"
	"unicode"

	"github.com/sitrep-dev/sitrep/incident"
	"github.com/sitrep-dev/sitrep/strictyaml"
)

// NoticeVersion is the version of Notice. It grows when a field changes its
// meaning or goes; new fields do not change it. docs/sinks.md describes it.
const NoticeVersion = 1

// Notice is a message as a sink of somebody's own is told it: what a webhook
// posts and a command reads, as JSON. Nothing in it can turn a terminal, but all
// of it is what somebody typed.
type Notice struct {
	Version   int              `json:"version"`
	ID        string           `json:"id"` // ULID, the same in every attempt: the receiver's idempotency key
	Operation Operation        `json:"operation"`
	Key       string           `json:"key"` // of a page: acknowledge and resolve name that of their trigger; empty for an announcement
	Level     incident.Level   `json:"level"`
	Round     int              `json:"round"`
	Reason    string           `json:"reason"`
	Page      Page             `json:"page"` // how loud: critical, error, warning, info
	Late      float64          `json:"late_seconds"`
	Text      string           `json:"text"` // for people
	Update    *incident.Update `json:"update,omitempty"`
	Who       []Called         `json:"who"`
	QueuedAt  time.Time        `json:"queued_at"`
	Test      bool             `json:"test"` // sitrep doctor sent it
	Incident  NoticeIncident   `json:"incident"`
}

// Called is somebody whom a page is for.
type Called struct {
	Name  string `json:"name"`
	Phone string `json:"phone,omitempty"`
}

// NoticeIncident is the incident as it stands when the message goes out.
type NoticeIncident struct {
	ID             incident.ID       `json:"id"`
	Title          string            `json:"title"`
	Severity       incident.Severity `json:"severity"`
	Status         incident.Status   `json:"status"`
	Service        string            `json:"service"`
	Drill          bool              `json:"drill"`
	Level          incident.Level    `json:"level"`
	DeclaredAt     time.Time         `json:"declared_at,omitzero"`
	AcknowledgedAt time.Time         `json:"acknowledged_at,omitzero"`
	AcknowledgedBy string            `json:"acknowledged_by"`
	MitigatedAt    time.Time         `json:"mitigated_at,omitzero"`
	ResolvedAt     time.Time         `json:"resolved_at,omitzero"`
	Resolution     string            `json:"resolution"`
	Roles          map[string]string `json:"roles"`
	Labels         map[string]string `json:"labels"`
}

// The most of what somebody typed that goes into a notice, in runes, and of a
// list in entries.
const (
	noticeLine = 1000
	noticeText = 8000
	noticeList = 100
)

// NoticeOf is m as a sink of somebody's own is told it. Phone may be nil, and
// empty for who has none.
func NoticeOf(m Message, inc incident.Incident, phone func(incident.Person) string) Notice {
	c := m.Content()
	n := Notice{
		Version: NoticeVersion, ID: m.ID, Operation: m.Operation, Key: m.DedupKey, Level: m.Level, Round: m.Round,
		Reason: oneNoticeLine(c.Reason), Page: c.Page, Late: c.Late, Text: NoticeText(m, inc), Who: []Called{},
		QueuedAt: m.QueuedAt.UTC(), Test: c.Test,
		Incident: NoticeIncident{
			ID: inc.ID, Title: oneNoticeLine(inc.Title), Severity: inc.Severity, Status: inc.Status, Service: oneNoticeLine(inc.Service),
			Drill: inc.Drill, Level: inc.Rung.Level, DeclaredAt: inc.Clocks.Declared.UTC(), MitigatedAt: inc.Clocks.Mitigated.UTC(),
			ResolvedAt: inc.Clocks.Resolved.UTC(), Resolution: oneNoticeLine(inc.Resolution),
			Roles: map[string]string{}, Labels: map[string]string{},
		},
	}
	if inc.Acknowledged() {
		n.Incident.AcknowledgedAt, n.Incident.AcknowledgedBy = inc.Clocks.Acknowledged.UTC(), oneNoticeLine(string(inc.Clocks.AckBy))
	}
	if c.Update != (incident.Update{}) {
		n.Update = &incident.Update{
			Conditions: manyNoticeLines(c.Update.Conditions), Actions: manyNoticeLines(c.Update.Actions), Needs: manyNoticeLines(c.Update.Needs),
		}
	}
	for _, p := range c.Who[:min(len(c.Who), noticeList)] {
		called := Called{Name: oneNoticeLine(string(p))}
		if phone != nil {
			called.Phone = oneNoticeLine(phone(p))
		}
		n.Who = append(n.Who, called)
	}
	for role, who := range inc.Roles {
		n.Incident.Roles[string(role)] = oneNoticeLine(string(who))
	}
	for _, name := range slices.Sorted(maps.Keys(inc.Labels))[:min(len(inc.Labels), noticeList)] {
		n.Incident.Labels[oneNoticeLine(name)] = oneNoticeLine(inc.Labels[name])
	}
	return n
}

// JSON is the notice as it is sent when nobody asks for another form.
func (n Notice) JSON() []byte {
	b, err := json.Marshal(n)
	if err != nil {
		panic(err) // there is nothing in it that JSON cannot say
	}
	return b
}

// NoticeText is m in words, for a telephone or a chat.
func NoticeText(m Message, inc incident.Incident) string {
	c := m.Content()
	mark := ""
	switch {
	case c.Test:
		mark = "[TEST] "
	case inc.Drill:
		mark = "[DRILL] "
	}
	about := fmt.Sprintf("%s%s %s", mark, inc.Severity, inc.ID)
	text := ""
	switch m.Operation {
	case OpTrigger:
		if m.Level != "" {
			about += " " + string(m.Level)
		}
		if m.Round > 1 {
			about += fmt.Sprintf(" round %d", m.Round)
		}
		text = fmt.Sprintf("%s: %s", about, inc.Title)
		if c.Diverts != "" && c.Text != "" {
			text = fmt.Sprintf("%s: %s", about, c.Text)
		}
		if late := time.Duration(min(c.Late, 1e9) * float64(time.Second)).Round(time.Second); late > 0 {
			text += fmt.Sprintf(" (late by %s)", strictyaml.FormatDuration(late))
		}
	case OpAcknowledge:
		text = fmt.Sprintf("%s acknowledged by %s: %s", about, inc.Clocks.AckBy, inc.Title)
	case OpResolve:
		text = fmt.Sprintf("%s resolved: %s", about, inc.Title)
		if inc.Resolution != "" {
			text += ": " + inc.Resolution
		}
	default:
		text = fmt.Sprintf("%s %s\n%s", about, inc.Title, c.Text)
	}
	return manyNoticeLines(text)
}

// oneNoticeLine makes text one line without controls, and without what turns the
// direction of writing: it ends on telephones.
func oneNoticeLine(text string) string {
	return cutRunes(strings.Join(strings.Fields(cleanNotice(text)), " "), noticeLine)
}

// manyNoticeLines is the same, but keeps the lines.
func manyNoticeLines(text string) string {
	return cutRunes(strings.TrimSpace(cleanNotice(text)), noticeText)
}

func cleanNotice(text string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r == '\n':
			return r
		case unicode.IsSpace(r):
			return ' '
		case unicode.IsControl(r), unicode.Is(unicode.Bidi_Control, r):
			return -1
		}
		return r
	}, strings.ToValidUTF8(text, "\ufffd"))
}
