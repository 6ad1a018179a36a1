package pagerduty

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/PagerDuty/go-pagerduty"

	"github.com/sitrep-dev/sitrep/escalation"
	"github.com/sitrep-dev/sitrep/incident"
	"github.com/sitrep-dev/sitrep/strictyaml"
)

// The limits of an event. Every field has its own, so that the whole stays far
// below the 512 KB that PagerDuty takes. Source: PagerDuty, Events API v2.
const (
	maxDedupKey = 255
	maxSummary  = 1024
	maxDetail   = 4096 // bytes of one of our custom details
	maxName     = 200
	maxPeople   = 50
)

// details are the custom details of a page: what its reader wants to know
// before opening anything.
type details struct {
	Incident    incident.ID       `json:"incident"`
	Title       string            `json:"title"`
	Severity    incident.Severity `json:"severity"`
	Status      incident.Status   `json:"status,omitempty"`
	Service     string            `json:"service,omitempty"`
	Level       incident.Level    `json:"level,omitempty"`
	Round       int               `json:"round,omitempty"`
	Reason      string            `json:"reason,omitempty"`
	Who         []string          `json:"who,omitempty"`
	Declared    time.Time         `json:"declared_at,omitzero"`
	LateSeconds float64           `json:"late_seconds,omitempty"`
	Drill       bool              `json:"drill,omitempty"`
	Runs        []string          `json:"runs,omitempty"` // of chaos and load, where it hurts
}

// event is m as PagerDuty takes it, but for the routing key.
func (s *Sender) event(ctx context.Context, m escalation.Message, inc incident.Incident) (*pagerduty.V2Event, error) {
	if m.DedupKey == "" {
		return nil, fmt.Errorf("%s without a dedup key", m.Operation)
	}
	event := &pagerduty.V2Event{Action: string(m.Operation), DedupKey: dedupKey(m.DedupKey)}
	switch m.Operation {
	case escalation.OpAcknowledge, escalation.OpResolve:
		return event, nil
	case escalation.OpTrigger:
	default:
		return nil, fmt.Errorf("PagerDuty cannot %s: only trigger, acknowledge and resolve", m.Operation)
	}
	content := m.Content()
	d := details{
		Incident: inc.ID, Title: line(inc.Title, maxDetail), Severity: inc.Severity, Status: inc.Status,
		Service: line(inc.Service, maxDetail), Level: m.Level, Round: m.Round, Reason: line(content.Reason, maxDetail),
		Declared: inc.Clocks.Declared, LateSeconds: content.Late, Drill: inc.Drill,
	}
	for _, who := range content.Who[:min(len(content.Who), maxPeople)] {
		d.Who = append(d.Who, line(string(who), maxName))
	}
	if s.config.Runs != nil {
		for _, run := range s.config.Runs(ctx, inc) {
			d.Runs = append(d.Runs, line(run, maxDetail))
		}
	}
	event.Client, event.ClientURL = s.config.Client, s.config.ClientURL
	event.Payload = &pagerduty.V2Payload{
		Summary: summary(m, content, inc), Source: s.config.Source, Severity: severity(content.Page),
		Component: d.Service, Class: "incident", Details: d,
	}
	if !m.QueuedAt.IsZero() {
		event.Payload.Timestamp = m.QueuedAt.UTC().Format("2006-01-02T15:04:05.000Z07:00")
	}
	var more []Link
	if s.config.More != nil {
		more = s.config.More(ctx, inc)
	}
	s.attach(event, inc, more)
	fit(event, maxEvent)
	return event, nil
}

// dedupKey shortens a key that PagerDuty would not take, always the same way:
// acknowledge and resolve have to name it again.
func dedupKey(key string) string {
	if len(key) <= maxDedupKey && utf8.ValidString(key) {
		return key
	}
	sum := sha256.Sum256([]byte(key))
	tail := "~" + hex.EncodeToString(sum[:16])
	return cut(strings.ToValidUTF8(key, ""), maxDedupKey-len(tail)) + tail
}

// summary is what a phone shows first: how bad, which, what.
func summary(m escalation.Message, content escalation.Content, inc incident.Incident) string {
	var b strings.Builder
	if inc.Drill {
		b.WriteString("[DRILL] ")
	}
	fmt.Fprintf(&b, "%s %s", inc.Severity, inc.ID)
	if m.Level != "" {
		fmt.Fprintf(&b, " %s", m.Level)
	}
	if m.Round > 1 {
		fmt.Fprintf(&b, " round %d", m.Round)
	}
	fmt.Fprintf(&b, ": %s", inc.Title)
	if late := time.Duration(min(content.Late, 1e9) * float64(time.Second)).Round(time.Second); late > 0 {
		fmt.Fprintf(&b, " (late by %s)", strictyaml.FormatDuration(late))
	}
	return line(b.String(), maxSummary)
}

// severity is PagerDuty's. A page whose loudness is lost wakes somebody.
func severity(p escalation.Page) string {
	switch p {
	case escalation.PageCritical, escalation.PageError, escalation.PageWarning, escalation.PageInfo:
		return string(p)
	}
	return string(escalation.PageCritical)
}

// line makes text one line of at most most bytes: it ends on telephones and in
// e-mail subjects. Controls and what turns the direction of writing are dropped.
func line(text string, most int) string {
	text = strings.Map(func(r rune) rune {
		switch {
		case unicode.IsSpace(r):
			return ' '
		case unicode.IsControl(r), unicode.Is(unicode.Bidi_Control, r):
			return -1
		}
		return r
	}, strings.ToValidUTF8(cut(text, 8*most), "\ufffd")) // no more work than is worth it
	text = strings.Join(strings.Fields(text), " ")
	if len(text) > most {
		text = cut(text, most-len("…")) + "…"
	}
	return text
}

// cut takes the first most bytes, less if a rune would be split.
func cut(text string, most int) string {
	if len(text) <= most {
		return text
	}
	for most > 0 && !utf8.RuneStart(text[most]) {
		most--
	}
	return text[:most]
}
