package gameday

import (
	"fmt"
	"time"

	"github.com/sitrep-dev/sitrep/chaos"
	"github.com/sitrep-dev/sitrep/strictyaml"
)

// Slot is one part of a day in its schedule: from when, since the day began, and for how
// long, if everything is well; and for how long at the most. Answers are planned to come
// at once.
type Slot struct {
	Step   string        `json:"step"`
	What   string        `json:"what"`
	From   chaos.Seconds `json:"from_seconds"`
	Length chaos.Seconds `json:"length_seconds"`
	Most   chaos.Seconds `json:"most_seconds"`
}

// Schedule are the parts of the day in their order, and how long all of it may take at the
// most. Known has to have what the day names.
func (d Day) Schedule(known Known) (slots []Slot, most time.Duration) {
	at := time.Duration(0)
	for _, s := range d.Steps {
		planned := time.Duration(0)
		for _, slot := range s.slots(known) {
			planned = max(planned, time.Duration(slot.From+slot.Length))
			slot.From += chaos.Seconds(at)
			slots = append(slots, slot)
		}
		at += planned
		most += s.longest(known)
	}
	return slots, most
}

// longest is how long a step takes at the most.
func (s Step) longest(known Known) (most time.Duration) {
	for _, slot := range s.slots(known) {
		most = max(most, time.Duration(slot.From+slot.Most))
	}
	return most
}

// slots are those of one step, from its own beginning on.
func (s Step) slots(known Known) []Slot {
	switch {
	case s.Wait > 0:
		return []Slot{{s.ID, s.what(), 0, chaos.Seconds(s.Wait), chaos.Seconds(s.Wait)}}
	case s.Ask != "":
		return []Slot{{s.ID, s.what(), 0, 0, chaos.Seconds(s.Within)}}
	}
	var out []Slot
	if p, ok := known.plan(s.Load); ok {
		out = append(out, Slot{s.ID, "load " + s.Load, 0, chaos.Seconds(p.Duration()), chaos.Seconds(p.Duration() + 2*p.Timeout)})
	}
	from, late := time.Duration(0), time.Duration(0)
	for _, r := range s.Chaos {
		e, _ := known.experiment(r.Run)
		from, late = max(from, r.At.D()), max(late, r.At.D())
		length := e.Baseline.For.D() + e.Length()
		out = append(out, Slot{s.ID, "chaos " + r.Run, chaos.Seconds(from), chaos.Seconds(length), chaos.Seconds(late + e.Longest() - from)})
		from, late = from+length, late+e.Longest()
	}
	return out
}

// Doubts is what may not be meant as it stands.
func (d Day) Doubts(known Known) (doubts []string) {
	if first, err := d.When.first(); err == nil && !d.Window.Always() {
		if _, most := d.Schedule(known); !d.Window.Covers(first, most) {
			doubts = append(doubts, fmt.Sprintf("when: at %s the window (%s) is not open for the %s that the day may take, so it would be refused", first.Format(whenLayout+" MST"), d.Window, strictyaml.FormatDuration(most)))
		}
	}
	for _, s := range d.Steps {
		p, loaded := known.plan(s.Load)
		for _, slot := range s.slots(known) {
			if over := time.Duration(slot.From + slot.Length); loaded && over > p.Duration() {
				doubts = append(doubts, fmt.Sprintf("step %s: %s has its fault in place until %s after the step began, and load %s is over after %s: let the load last longer",
					s.ID, slot.What, strictyaml.FormatDuration(over), s.Load, strictyaml.FormatDuration(p.Duration())))
			}
		}
	}
	return doubts
}
