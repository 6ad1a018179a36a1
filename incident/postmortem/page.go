package postmortem

import (
	"slices"
	"time"

	"github.com/sitrep-dev/sitrep/incident"
)

// page is one page through all that happened to it.
type page struct {
	id     string
	level  incident.Level
	round  int
	sink   string // pagerduty:primary
	op     string // trigger, acknowledge, resolve, post, update, announce
	queued time.Time
	stands incident.Kind               // the last of those that say how it stands
	seen   map[incident.Kind]time.Time // when first
	tries  int
	reason string // of the last failure
}

// pageData is what page events carry (escalation.PageData), as far as it is
// read here.
type pageData struct {
	Message   string         `json:"message"`
	Level     incident.Level `json:"level"`
	Round     int            `json:"round"`
	Sink      string         `json:"sink"`
	Operation string         `json:"operation"`
	Error     string         `json:"error"`
}

func isPage(k incident.Kind) bool { return len(k) > 5 && k[:5] == "page." }

// pagesOf folds page events into pages, in the order of queueing. Events that
// do not say which page they are about make a page of their own each.
func pagesOf(events []incident.Event) []page {
	var out []page
	index := map[string]int{}
	for _, e := range events {
		if !isPage(e.Kind) {
			continue
		}
		d, id := pageOf(e)
		i, known := index[id]
		if !known {
			i, index[id] = len(out), len(out)
			out = append(out, page{id: id, queued: e.At, seen: map[incident.Kind]time.Time{}})
		}
		p := &out[i]
		if d.Level != "" {
			p.level = d.Level
		}
		if d.Round != 0 {
			p.round = d.Round
		}
		if d.Operation != "" {
			p.op = d.Operation
		}
		if d.Sink != "" {
			p.sink = d.Sink
		}
		if _, before := p.seen[e.Kind]; !before {
			p.seen[e.Kind] = e.At
		}
		if e.Kind == incident.PageAttempted {
			p.tries++
		}
		switch e.Kind {
		case incident.PageAttempted, incident.PageAcknowledged, incident.PageDiverted:
			continue // an attempt has not ended yet, and the others are beside the way of the page itself
		}
		p.stands = e.Kind
		if d.Error != "" {
			p.reason = d.Error
		}
	}
	return out
}

// acceptedAt is when the sink had it, or was found to have had it; zero if it
// has not.
func (p page) acceptedAt() time.Time {
	if at, ok := p.seen[incident.PageAccepted]; ok {
		return at
	}
	return p.seen[incident.PageReconciled]
}

// pageOf is the payload of a page event and the identity of its page.
func pageOf(e incident.Event) (d pageData, id string) {
	_ = e.Payload(&d) // damaged: known by its kind and text alone
	if d.Message == "" {
		return d, "event " + e.ID
	}
	return d, d.Message
}

func bit(b bool) int {
	if b {
		return 1
	}
	return 0
}

func (p page) is(k incident.Kind) bool { _, ok := p.seen[k]; return ok }

// wakes says whether the page was meant to wake somebody: not an
// acknowledgement or a resolution that is passed on, nor a post in a chat.
func (p page) wakes() bool { return p.op == "" || p.op == "trigger" }

// PageCount is what became of the pages that were to wake somebody.
type PageCount struct {
	Queued       int `json:"queued"`
	Accepted     int `json:"accepted"` // by PagerDuty or Slack: no proof that anybody woke
	Acknowledged int `json:"acknowledged"`
	Ambiguous    int `json:"ambiguous"`
	Diverted     int `json:"diverted"`    // and taken by another sink
	NobodyTold   int `json:"nobody_told"` // diverted, and taken by none
	Failed       int `json:"failed"`
	Superseded   int `json:"superseded"`
}

func countPages(pages []page) (c PageCount) {
	for _, p := range pages {
		if !p.wakes() {
			continue
		}
		c.Queued++
		c.Accepted += bit(!p.acceptedAt().IsZero())
		c.Acknowledged += bit(p.is(incident.PageAcknowledged))
		c.Ambiguous += bit(p.stands == incident.PageAmbiguous)
		c.Diverted += bit(p.is(incident.PageDiverted) && p.takenOver(pages))
		c.NobodyTold += bit(p.is(incident.PageDiverted) && !p.takenOver(pages) && p.acceptedAt().IsZero())
		c.Failed += bit(p.stands == incident.PageFailed)
		c.Superseded += bit(p.stands == incident.PageSuperseded)
	}
	return c
}

// takenOver says whether another sink has accepted what was handed to it in the
// place of this page: that it was handed on reaches nobody yet.
func (p page) takenOver(pages []page) bool {
	return slices.ContainsFunc(pages, func(q page) bool {
		standsIn := q.id != p.id && q.level == p.level && q.round == p.round && q.sink != p.sink && (q.wakes() || q.op == "post")
		return standsIn && !q.queued.Before(p.seen[incident.PageDiverted]) && !q.acceptedAt().IsZero()
	})
}

// slowest is the longest time from queueing to acceptance.
func slowest(pages []page) (worst time.Duration, which page) {
	for _, p := range pages {
		if at := p.acceptedAt(); !at.IsZero() && p.wakes() && at.Sub(p.queued) > worst {
			worst, which = at.Sub(p.queued), p
		}
	}
	return worst, which
}
