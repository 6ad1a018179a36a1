package main

import (
	"context"
	_ "embed"
	"fmt"
	"html/template"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/sitrep-dev/sitrep/readiness"
)

func (a *app) scorecardCommand() *cobra.Command {
	page := ""
	c := &cobra.Command{
		Use: "scorecard [SERVICE]…", Short: "a grade for each service, with the reason for every mark",
		Long: "Grades each service from A to F: by the budgets of its objectives, lowered by what is missing of its readiness (docs/scorecard.md).\n" +
			"It ends with 3 if a service has a D or an F.",
		RunE: func(cmd *cobra.Command, args []string) error { return a.scorecard(cmd.Context(), args, page) },
	}
	c.Flags().StringVar(&page, "html", "", "write a page to that `FILE` instead")
	return c
}

// cardView is a service of `scorecard --json`.
type cardView struct {
	Service   string     `json:"service"`
	Grade     string     `json:"grade"`
	Why       string     `json:"why"`
	Measured  []markView `json:"measured"`
	Readiness []markView `json:"readiness"`
}

type markView struct {
	Name  string `json:"name"`
	State string `json:"state"`
	Why   string `json:"why"`
	Do    string `json:"do,omitempty"`
}

func viewOfCard(c readiness.Card) cardView {
	marks := func(list []readiness.Mark) []markView {
		out := make([]markView, len(list))
		for i, m := range list {
			out[i] = markView{m.Name, string(m.State), sanitise(m.Why), m.Do}
		}
		return out
	}
	return cardView{sanitise(c.Service), string(c.Grade), sanitise(c.Why), marks(c.Measured), marks(c.Readiness)}
}

func (a *app) scorecard(ctx context.Context, services []string, page string) error {
	var cards []cardView
	var now time.Time
	err := a.withKnowledge(ctx, func(e *knowledge) error {
		known := e.services()
		if len(known) == 0 {
			return withCode(exitUsage, errNoServices)
		}
		if len(services) == 0 {
			services = known
		}
		for _, s := range services {
			if !slices.Contains(known, s) {
				return usage("nothing names a service %q; known are %s", s, strings.Join(known, ", "))
			}
			cards = append(cards, viewOfCard(readiness.Assess(e.of(s), e.now)))
		}
		now = e.now
		return nil
	})
	if err != nil {
		return err
	}
	switch {
	case page != "":
		err = a.writePage(page, cards, now)
	case a.flags.json:
		err = a.print(cards)
	default:
		err = a.printCards(cards)
	}
	if err != nil {
		return err
	}
	var poor []string
	for _, c := range cards {
		if c.Grade == "D" || c.Grade == "F" {
			poor = append(poor, c.Service+": "+c.Grade)
		}
	}
	if len(poor) > 0 {
		return withCode(exitNotHeld, fmt.Errorf("%s", strings.Join(poor, ", ")))
	}
	return nil
}

func (a *app) printCards(cards []cardView) error {
	for i, c := range cards {
		if i > 0 {
			fmt.Fprintln(a.stdout)
		}
		if _, err := fmt.Fprintf(a.stdout, "%s  %s  %s\n", c.Service, c.Grade, c.Why); err != nil {
			return err
		}
		rows := [][]string{}
		for _, m := range append(slices.Clone(c.Measured), c.Readiness...) {
			why := m.Why
			if m.Do != "" {
				why += "; " + m.Do
			}
			rows = append(rows, []string{" ", m.State, m.Name, why})
		}
		if err := table(a.stdout, rows); err != nil {
			return err
		}
	}
	return nil
}

//go:embed scorecard.html
var scorecardPage string

// writePage writes the cards as a page of its own: no script, nothing from elsewhere.
func (a *app) writePage(file string, cards []cardView, now time.Time) error {
	t, err := template.New("scorecard").Parse(scorecardPage)
	if err != nil {
		return err
	}
	var b strings.Builder
	if err := t.Execute(&b, map[string]any{"Cards": cards, "At": now.UTC().Format("2006-01-02 15:04 UTC")}); err != nil {
		return err
	}
	return os.WriteFile(file, []byte(b.String()), 0o644)
}
