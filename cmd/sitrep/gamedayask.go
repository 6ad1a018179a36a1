package main

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/sitrep-dev/sitrep/chaos/gameday"
	"github.com/sitrep-dev/sitrep/incident"
	"github.com/sitrep-dev/sitrep/store"
)

// answerGamedayCommand is go, or no-go.
func (a *app) answerGamedayCommand(use, short string, goes bool) *cobra.Command {
	var note string
	c := &cobra.Command{
		Use: use, Short: short, Args: cobra.NoArgs,
		Long: "Answers the question that a game day waits at, from whatever terminal: the answer goes onto the timeline, where the game day reads it.",
		RunE: func(cmd *cobra.Command, _ []string) error {
			return a.withStore(cmd.Context(), func(db *store.DB) error {
				past, err := a.pastGamedays(cmd.Context(), db)
				if err != nil {
					return err
				}
				r, step, err := openQuestion(past)
				if err != nil {
					return err
				}
				by, err := a.by(nil)
				if err != nil {
					return err
				}
				answer, err := recordAnswer(cmd.Context(), db, by, r, gameday.Answer{Step: step, Go: goes, Note: note})
				if err != nil {
					return err
				}
				return a.printAnswer(r, answer)
			})
		},
	}
	c.Flags().StringVar(&note, "note", "", "why, or what you saw")
	return c
}

// printAnswer says what was recorded, and what the game day waits for yet.
func (a *app) printAnswer(r gameday.Result, answer gameday.Answer) error {
	if a.flags.json {
		return a.print(answerView{r.Run, answer, append([]string{}, stillAsked(r, answer)...)})
	}
	_, err := fmt.Fprintln(a.stdout, sanitise(answerText(r, answer)))
	return err
}

// answerView is an answer that was recorded, and who is still asked.
type answerView struct {
	Run string `json:"run"`
	gameday.Answer
	Missing []string `json:"missing"`
}

// answerText is "GD-3 ready: ana: go; go is still wanted of bob until 03:12:44Z".
func answerText(r gameday.Result, answer gameday.Answer) string {
	text := fmt.Sprintf("%s %s: recorded %s", r.Run, answer.Step, answer)
	step := r.Present()
	if step == nil {
		return text
	}
	missing := stillAsked(r, answer)
	switch {
	case !answer.Go:
		return text + "; the game day ends"
	case len(missing) == 0:
		return text + "; nobody else is asked, it goes on"
	case !slices.Contains(step.Of, answer.By):
		text += fmt.Sprintf("; it is not theirs to say: go is wanted of %s", strings.Join(missing, ", "))
	default:
		text += fmt.Sprintf("; go is still wanted of %s", strings.Join(missing, ", "))
	}
	if step.Until != nil {
		text += " until " + stamp(*step.Until)
	}
	return text
}

// stillAsked is who has not said go once this answer counts.
func stillAsked(r gameday.Result, answer gameday.Answer) []string {
	step := r.Present()
	if step == nil {
		return nil
	}
	after := *step
	after.Answers = append(slices.Clone(step.Answers), answer)
	return after.Missing()
}

// openQuestion is the run that waits for an answer, and its step.
func openQuestion(past []gameday.Result) (gameday.Result, string, error) {
	for _, r := range slices.Backward(past) {
		if s := r.Present(); s != nil && s.Asks {
			return r, s.ID, nil
		}
	}
	return gameday.Result{}, "", errors.New("no game day asks anything now; sitrep gameday show says where it is, and sitrep chaos halt ends it")
}

// recordAnswer puts an answer on the timeline, in the name of by, wherever it was given.
func recordAnswer(ctx context.Context, t incident.Timeline, by incident.By, r gameday.Result, answer gameday.Answer) (gameday.Answer, error) {
	answer.By, answer.At = string(by.Actor), by.At.UTC()
	rep := r.Report(gameday.KindAnswered, by.At, fmt.Sprintf("step %s: %s", answer.Step, answer))
	rep.Answer = &answer
	_, err := t.Decide(ctx, incident.ID(r.Drill), func(inc incident.Incident) ([]incident.Event, error) {
		return []incident.Event{gamedayEvent(by, inc.ID, rep)}, nil
	})
	return answer, err
}

// answers are those to a step, as the timeline has them: who says it is the event's word.
// Whoever sits at this terminal may give theirs by a key.
func (g *gamedayRun) answers(ctx context.Context, step string) iter.Seq[gameday.Answer] {
	return func(yield func(gameday.Answer) bool) {
		keys := &operatorWatch{done: make(chan struct{})}
		if err := keys.take("/dev/tty"); err != nil {
			g.note(err)
		}
		defer func() { g.note(keys.Close()) }()
		fmt.Fprintln(g.stderr, "sitrep: sitrep gameday go answers from any terminal, or no-go")
		if keys.there() {
			fmt.Fprintln(g.stderr, "sitrep: here y does, or n")
			keys.work.Go(func() { keys.typed(func(key byte) { g.answerKey(step, key) }) })
		}
		for cursor := g.first; ; {
			events, err := g.db.After(ctx, cursor, mostEvents)
			for _, e := range events {
				cursor = e.Seq
				var rep gameday.Report
				if e.Kind != incident.GamedayAnswered || e.Payload(&rep) != nil || rep.ID != g.head.ID || rep.Answer == nil || rep.Answer.Step != step {
					continue
				}
				rep.Answer.By = string(e.Actor)
				if !yield(*rep.Answer) {
					return
				}
			}
			if err == nil {
				err = g.db.Wait(ctx, cursor)
			}
			if err != nil && pauseFor(ctx, time.Second) != nil {
				return
			}
		}
	}
}

// answerKey is an answer from this terminal.
func (g *gamedayRun) answerKey(step string, key byte) {
	if key != 'y' && key != 'n' {
		return
	}
	by, err := g.by(nil)
	if err == nil {
		_, err = recordAnswer(context.Background(), g.db, by, g.head, gameday.Answer{Step: step, Go: key == 'y'})
	}
	if err != nil {
		fmt.Fprintf(g.stderr, "sitrep: the answer is not recorded: %s\n", sanitise(err.Error()))
	}
}
