package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/sitrep-dev/sitrep/chaos/gameday"
	"github.com/sitrep-dev/sitrep/escalation/slack"
	"github.com/sitrep-dev/sitrep/incident"
)

// answerFromChat gives an answer that somebody gave in a chat, as sitrep gameday go and
// no-go do. A button answers its own question alone: one that is over is not answered.
func (c *centre) answerFromChat(ctx context.Context, t incident.Timeline, by incident.By, a slack.DayAnswer) (string, error) {
	past, err := readGamedays(ctx, c.db, time.Now().Add(-lookBack))
	if err != nil {
		return "", err
	}
	var r gameday.Result
	step := a.Step
	if a.Run == "" {
		r, step, err = openQuestion(past)
	} else {
		r, err = askedBy(past, a)
	}
	if err != nil {
		return "", err
	}
	answer, err := recordAnswer(ctx, t, by, r, gameday.Answer{Step: step, Go: a.Go, Note: strings.Join(strings.Fields(a.Note), " ")})
	if err != nil {
		return "", err
	}
	said := fmt.Sprintf("%s step %s: %s", r.Run, step, answer)
	if asked := r.Present().Of; a.Go && len(asked) > 0 && !slices.Contains(asked, answer.By) {
		said += fmt.Sprintf(". It is on the timeline, and go is wanted of %s: whose Slack ID it is says people.NAME.slack of sitrep's configuration", strings.Join(asked, ", "))
	}
	return said, nil
}

// askedBy is the run that a button was made for, if its step still asks.
func askedBy(past []gameday.Result, a slack.DayAnswer) (gameday.Result, error) {
	i := slices.IndexFunc(past, func(r gameday.Result) bool { return r.ID == a.Run && r.Drill == string(a.Drill) })
	if i < 0 {
		return gameday.Result{}, fmt.Errorf("%s is not the drill of that game day", a.Drill)
	}
	r := past[i]
	if s := r.Present(); s == nil || s.ID != a.Step || !s.Asks {
		return r, fmt.Errorf("%s does not ask that any more: %s", r.Run, standingOfDay(r))
	}
	return r, nil
}

// haltFromChat ends the game day of a drill, or the one that goes on: it resolves the drill,
// which whoever holds the day looks at all the time, on whatever host.
func (c *centre) haltFromChat(ctx context.Context, t incident.Timeline, by incident.By, drill incident.ID, why string) (string, error) {
	past, err := readGamedays(ctx, c.db, time.Now().Add(-lookBack))
	if err != nil {
		return "", err
	}
	past = slices.DeleteFunc(past, func(r gameday.Result) bool {
		return r.Run == "" || r.EndedAt != nil || drill != "" && r.Drill != string(drill)
	})
	switch {
	case len(past) == 0 && drill != "":
		return "", fmt.Errorf("the game day of %s does not go on", drill)
	case len(past) == 0:
		return "", errors.New("no game day goes on; sitrep chaos halt, on the host where it runs, ends other chaos")
	case len(past) > 1:
		var all []string
		for _, r := range past {
			all = append(all, r.Run+" ("+r.Drill+")")
		}
		return "", fmt.Errorf("%s go on: press Halt on the one that is to end", strings.Join(all, " and "))
	}
	r := past[0]
	text := fmt.Sprintf("halted by %s in Slack", by.Actor)
	if why = strings.Join(strings.Fields(why), " "); why != "" {
		text += ": " + why
	}
	if _, err := incident.NewDesk(t).Resolve(ctx, by, incident.ID(r.Drill), text); err != nil {
		return "", err
	}
	return fmt.Sprintf("%s %s ends: its load stops, and what was done is undone", r.Run, r.Day), nil
}
