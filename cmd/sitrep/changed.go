package main

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/sitrep-dev/sitrep/incident"
	"github.com/sitrep-dev/sitrep/store"
)

// changedView is one entry of `changes` in `incident show --json`: what somebody
// changed, injected or loaded around the start of an incident.
type changedView struct {
	At            time.Time       `json:"at"`
	SecondsBefore float64         `json:"seconds_before"` // the declaration; negative: after it
	Type          string          `json:"type"`           // deploy, flag, config, chaos, load
	Text          string          `json:"text"`
	Service       string          `json:"service"`
	Link          string          `json:"link"`
	Actor         incident.Person `json:"actor"`
	Seq           int64           `json:"seq"`
}

// changedBefore is how far back an incident's changes are looked for: what was
// deployed in the afternoon may break at night.
const changedBefore = 24 * time.Hour

// changed is what changed before the start of inc, the nearest first, and then
// what changed while it lasted.
func changed(ctx context.Context, db *store.DB, inc incident.Incident, now time.Time) ([]changedView, error) {
	start, until := inc.Clocks.Declared, now
	if inc.Status.Over() {
		until = inc.Clocks.Resolved
	}
	events, err := db.OfKinds(ctx, start.Add(-changedBefore), until, incident.ChangeRecorded, incident.ChaosStarted, incident.LoadStarted)
	if err != nil {
		return nil, err
	}
	views := []changedView{}
	for _, e := range events {
		if v, is := changeOf(e, start); is {
			views = append(views, v)
		}
	}
	slices.SortStableFunc(views, func(a, b changedView) int {
		if before, other := a.SecondsBefore >= 0, b.SecondsBefore >= 0; before != other {
			if before {
				return -1
			}
			return 1
		}
		return cmp.Compare(max(a.SecondsBefore, -a.SecondsBefore), max(b.SecondsBefore, -b.SecondsBefore))
	})
	return views, nil
}

// changeOf reads an event as a change: a run counts once, where it begins.
func changeOf(e incident.Event, start time.Time) (changedView, bool) {
	v := changedView{At: e.At.UTC(), SecondsBefore: start.Sub(e.At).Seconds(), Text: e.Text, Actor: e.Actor, Seq: e.Seq}
	switch e.Kind {
	case incident.ChangeRecorded:
		var d changeData
		_ = e.Payload(&d) // damaged: its text still says what changed
		v.Type, v.Service, v.Link = cmp.Or(d.Type, "change"), d.Service, d.Link
	case incident.ChaosStarted:
		v.Type = "chaos"
	case incident.LoadStarted:
		v.Type = "load"
	default:
		return v, false
	}
	return v, true
}

// mostChanged is how many changes are worth a line each.
const mostChanged = 5

// changedRows are the nearest changes, a line each.
func changedRows(list []changedView) (rows [][]string) {
	for i, v := range list {
		if i == mostChanged {
			return append(rows, []string{"", fmt.Sprintf("and %d more (--json lists them)", len(list)-mostChanged)})
		}
		label := "what changed"
		if i > 0 {
			label = ""
		}
		side, ago := "T-", v.SecondsBefore
		if ago < 0 {
			side, ago = "T+", -ago
		}
		what := strings.Join(slices.DeleteFunc([]string{v.Type, v.Service}, func(s string) bool { return s == "" }), " ")
		rows = append(rows, []string{label, fmt.Sprintf("%s%s %s: %s (%s)", side, span(time.Duration(ago*float64(time.Second))), what, v.Text, v.Actor)})
	}
	return rows
}
