package postmortem

import (
	"fmt"
	"strings"
	"time"

	"github.com/sitrep-dev/sitrep/incident"
)

// recordedLater is how much later than it happened an event must be recorded
// for the list to say so.
const recordedLater = time.Minute

func sameNews(a, b incident.Event) bool {
	return a.Kind == b.Kind && a.Who() == b.Who() && a.Text == b.Text && a.Incident == b.Incident && a.Was == b.Was && a.Moved == b.Moved && !isPage(a.Kind)
}

// frozen is the first signals as they read at that moment.
func frozen(e incident.Event) string {
	var parts []string
	for _, r := range readings(e.Evidence) {
		if v := known(r.Value); v != nil && len(parts) < 2 {
			parts = append(parts, escape(r.Name)+" "+escape(value(plain(r.Unit), *v)))
		}
	}
	if len(parts) == 0 {
		return ""
	}
	return " - " + strings.Join(parts, ", ")
}

// origin is the kind, who, through what, when it was written down, and whether
// it stands here as it was; marks say what else a reader has to know.
func (f *facts) origin(e incident.Event, marks ...string) string {
	parts := []string{escape(string(e.Kind))}
	if e.Actor != "" && (e.Actor != incident.Sitrep || e.Source == "") {
		parts = append(parts, escape(e.Who()))
	}
	if e.Source != "" && e.Source != string(e.Actor) {
		parts = append(parts, escape(e.Source))
	}
	if !e.Recorded.IsZero() && e.Recorded.Sub(e.At) > recordedLater {
		parts = append(parts, "recorded "+clock(e.Recorded))
	}
	if mark := e.Mark(f.inc.ID); mark != "" {
		parts = append(parts, escape(mark))
	}
	return " (" + strings.Join(append(parts, marks...), ", ") + ")"
}

// step is what became of a page, and how long after it was queued.
func step(k incident.Kind, after time.Duration) string {
	what := strings.TrimPrefix(string(k), "page.")
	if k == incident.PageAcknowledged {
		what = "ended by the acknowledgement"
	}
	if after < 100*time.Millisecond {
		return what
	}
	return what + " after " + span(after)
}

// pageRow is all that happened to a page; empty if it is known by one event
// only, which then speaks for itself.
func (f *facts) pageRow(id string) string {
	for _, p := range f.pages {
		if p.id != id || len(p.seen) < 2 {
			continue
		}
		what := "page"
		if !p.wakes() {
			what = p.op
		}
		text := strings.TrimSpace(fmt.Sprintf("%s %s", escape(what), escape(string(p.level))))
		if p.sink != "" {
			text += " to " + code(p.sink)
		}
		var steps []string
		for _, k := range []incident.Kind{
			incident.PageAmbiguous, incident.PageReconciled, incident.PageDiverted, incident.PageFailed,
			incident.PageAccepted, incident.PageAcknowledged, incident.PageSuperseded,
		} {
			if at, ok := p.seen[k]; ok {
				steps = append(steps, step(k, at.Sub(p.queued)))
			}
		}
		if p.tries > 1 {
			steps = append(steps, count(p.tries, "attempt"))
		}
		if len(steps) == 0 {
			steps = []string{"queued, no answer yet"}
		}
		return text + ": " + strings.Join(steps, ", ") + because(p.reason)
	}
	return ""
}
