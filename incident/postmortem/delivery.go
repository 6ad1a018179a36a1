package postmortem

import (
	"fmt"
	"strings"
	"time"

	"github.com/sitrep-dev/sitrep/incident"
)

// mostDeliveries is how many rows the table has; the JSON has every event.
const mostDeliveries = 100

// delivery is the table of the pages and of the updates to an audience: when each
// was queued, and how long after that it was tried, taken, in doubt, and
// answered.
func (f *facts) delivery() string {
	var b strings.Builder
	n := 0
	for _, p := range f.pages {
		if !p.wakes() && p.op != "announce" {
			continue
		}
		if n++; n > mostDeliveries {
			continue
		}
		if n == 1 {
			b.WriteString("| queued | what | to | tries | attempted | in doubt | accepted | acknowledged | outcome |\n" +
				"| --- | --- | --- | --- | --- | --- | --- | --- | --- |\n")
		}
		fmt.Fprintf(&b, "| %s | %s | %s | %d | %s | %s | %s | %s | %s |\n", clock(p.queued), p.what(), strings.ReplaceAll(code(p.sink), "|", `\|`), p.tries,
			p.after(p.seen[incident.PageAttempted]), p.after(p.seen[incident.PageAmbiguous]), p.after(p.acceptedAt()), p.answered(), p.outcome(f.pages))
	}
	switch {
	case n == 0:
		return "Nobody was paged, and no update went to an audience." + f.ownTroubles()
	case n > mostDeliveries:
		fmt.Fprintf(&b, "\n%d more are among the events.\n", n-mostDeliveries)
	}
	return b.String() + "\nTimes are counted from the queueing, but the acknowledgement's from the acceptance. Accepted is no proof that anybody woke." + f.ownTroubles()
}

// ownTroubles is what went wrong with the ladder itself, as a list after the
// table.
func (f *facts) ownTroubles() string {
	var items []string
	for _, e := range f.troubles {
		items = append(items, clock(e.At)+" "+escape(e.Text))
	}
	if len(items) == 0 {
		return ""
	}
	return bullets("\n\nThe ladder itself:", items)
}

func (p page) what() string {
	switch {
	case p.op == "announce":
		return "update"
	case p.level == "":
		return "page"
	case p.round > 1:
		return fmt.Sprintf("page %s round %d", escape(string(p.level)), p.round)
	}
	return "page " + escape(string(p.level))
}

// after is how long after its queueing something happened.
func (p page) after(at time.Time) string {
	if at.IsZero() {
		return "-"
	}
	return span(at.Sub(p.queued))
}

func (p page) answered() string {
	acked, was := p.seen[incident.PageAcknowledged]
	if at := p.acceptedAt(); was && !at.IsZero() {
		return span(acked.Sub(at))
	}
	return "-"
}

// outcome is how it stands, with the reason if that is not well.
func (p page) outcome(pages []page) string {
	words := []string{"queued"}
	switch p.stands {
	case incident.PageAccepted, incident.PageReconciled:
		words[0] = strings.TrimPrefix(string(p.stands), "page.")
	case incident.PageAmbiguous, incident.PageFailed, incident.PageSuperseded:
		words[0] = strings.TrimPrefix(string(p.stands), "page.") + because(p.reason)
	}
	switch {
	case !p.is(incident.PageDiverted):
	case p.takenOver(pages):
		words = append(words, "taken by another channel")
	case p.acceptedAt().IsZero():
		words = append(words, "no other channel took it")
	}
	return strings.Join(words, ", ")
}
