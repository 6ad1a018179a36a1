package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/sitrep-dev/sitrep/incident"
	"github.com/sitrep-dev/sitrep/query/alert"
	"github.com/sitrep-dev/sitrep/store"
	"github.com/sitrep-dev/sitrep/strictyaml"
)

// silencing is what a person asks for.
type silencing struct {
	matchers      alert.Matchers
	length        time.Duration
	comment       string
	incident      incident.ID
	untilResolved bool
}

func (a *app) silenceCommand() *cobra.Command {
	group := &cobra.Command{Use: "silence", Short: "keep Alertmanager from telling of alerts, for a while"}
	var all bool
	list := &cobra.Command{
		Use: "list", Short: "silences, with who made them and until when", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return a.listSilences(cmd.Context(), all) },
	}
	list.Flags().BoolVar(&all, "all", false, "those that have ended, too")
	preview := &cobra.Command{
		Use: "preview MATCHER...", Short: "which of the alerts of now a silence would hide", Args: cobra.MinimumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error { return a.previewSilence(cmd.Context(), args) },
	}
	expire := &cobra.Command{
		Use: "expire ID...", Short: "end silences now", Args: cobra.MinimumNArgs(1),
		RunE: func(cmd *cobra.Command, ids []string) error { return a.expireSilences(cmd.Context(), ids) },
	}
	group.AddCommand(list, preview, a.createSilenceCommand(), a.extendSilenceCommand(), expire)
	return group
}

func (a *app) createSilenceCommand() *cobra.Command {
	var s silencing
	var length, id string
	c := &cobra.Command{
		Use: "create MATCHER...", Short: "hide the alerts that all matchers match", Args: cobra.MinimumNArgs(1),
		Long: `A matcher is service=checkout, region!=eu, pod=~"web-.*" or pod!~"web-.*". The
alerts go on firing; Alertmanager tells nobody of them. With --incident the
silence stands on its timeline, and with --until-resolved it ends with it.`,
		RunE: func(cmd *cobra.Command, args []string) (err error) {
			if s.matchers, err = alert.ParseMatchers(args); err != nil {
				return withCode(exitUsage, err)
			}
			if s.length, err = strictyaml.ParseDuration(length); err != nil || s.length <= 0 {
				return usage("--for: %q is no time such as 2h", length)
			}
			if s.incident = incident.ID(strings.ToUpper(id)); s.untilResolved && s.incident == "" {
				return usage("--until-resolved needs --incident: which one?")
			}
			return a.createSilence(cmd.Context(), s)
		},
	}
	c.Flags().StringVar(&length, "for", "2h", "how long, at most")
	c.Flags().StringVar(&s.comment, "comment", "", "why; needed without --incident")
	c.Flags().StringVar(&id, "incident", "", "the `incident` that it is about")
	c.Flags().BoolVar(&s.untilResolved, "until-resolved", false, "end it when the incident is resolved")
	return c
}

func (a *app) createSilence(ctx context.Context, s silencing) error {
	if err := a.confirm(s.matchers.Target()); err != nil {
		return err
	}
	m, err := a.mustAlertmanager(ctx)
	if err != nil {
		return err
	}
	defer m.CloseIdle()
	by, err := a.by(nil)
	if err != nil {
		return err
	}
	hit := "what it hides is not known"
	if list, err := m.Alerts(ctx); err == nil {
		hit = "hides " + count(len(s.matchers.Preview(list)), "alert") + " of now"
	}
	return a.withStore(ctx, func(db *store.DB) error {
		id, ends, err := silence(ctx, db, m, by, s)
		if err != nil {
			return withCode(exitInconclusive, err)
		}
		if a.flags.json {
			return a.print(map[string]any{"id": id, "matchers": s.matchers, "ends_at": ends})
		}
		_, err = fmt.Fprintf(a.stdout, "%s\n", id)
		fmt.Fprintf(a.stderr, "sitrep: silence until %s, %s\n", stamp(ends), hit)
		return err
	})
}

// silence creates it and says so on the timeline. One whose incident is over, or is
// none, is refused before anything goes out.
func silence(ctx context.Context, db *store.DB, m *alert.Manager, by incident.By, s silencing) (id string, ends time.Time, err error) {
	comment := strings.TrimSpace(s.comment)
	if s.incident != "" {
		inc, err := db.Incident(ctx, s.incident)
		switch {
		case err != nil:
			return "", ends, withCode(exitUsage, err)
		case s.untilResolved && inc.Status.Over():
			return "", ends, usage("%s is %s already: there is nothing to wait for", inc.ID, inc.Status)
		case comment == "":
			comment = inc.Title
		}
		comment += fmt.Sprintf(" (%s)", inc.ID)
	}
	if comment == "" {
		return "", ends, usage("say why (--comment TEXT): whoever finds it silenced will ask")
	}
	ends = by.At.Add(s.length).UTC().Truncate(time.Millisecond)
	id, err = m.PutSilence(ctx, alert.Silence{Matchers: s.matchers, StartsAt: by.At, EndsAt: ends, CreatedBy: string(by.Actor), Comment: comment})
	if err != nil {
		return "", ends, err
	}
	text := fmt.Sprintf("silenced %s until %s: %s", s.matchers, stamp(ends), comment)
	data := incident.Silenced{Silence: id, Matchers: s.matchers.String(), EndsAt: ends, UntilResolved: s.untilResolved}
	if err := appendBy(ctx, db, by, s.incident, incident.AlertSilenced, text, "", data); err != nil {
		return id, ends, fmt.Errorf("the silence %s is in Alertmanager, but not on the timeline: %w", id, err)
	}
	return id, ends, nil
}

func (a *app) extendSilenceCommand() *cobra.Command {
	var length string
	c := &cobra.Command{
		Use: "extend ID", Short: "have a silence end later, or sooner", Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			d, err := strictyaml.ParseDuration(length)
			if err != nil || d <= 0 {
				return usage("--for: %q is no time such as 2h", length)
			}
			return a.extendSilence(cmd.Context(), args[0], d)
		},
	}
	c.Flags().StringVar(&length, "for", "2h", "how long from now")
	return c
}

func (a *app) extendSilence(ctx context.Context, id string, length time.Duration) error {
	m, err := a.mustAlertmanager(ctx)
	if err != nil {
		return err
	}
	defer m.CloseIdle()
	s, err := m.Silence(ctx, id)
	switch {
	case err != nil:
		return silenceError(err)
	case s.State == alert.SilenceExpired:
		return fmt.Errorf("the silence %s has ended at %s: create a new one", id, stamp(s.EndsAt))
	}
	if err := a.confirm(s.Matchers.Target()); err != nil {
		return err
	}
	by, err := a.by(nil)
	if err != nil {
		return err
	}
	s.EndsAt = by.At.Add(length).UTC().Truncate(time.Millisecond)
	return a.withStore(ctx, func(db *store.DB) error {
		next, err := m.PutSilence(ctx, s)
		if err != nil {
			return silenceError(err)
		}
		ours, err := ourSilence(ctx, db, id, by.At)
		if err != nil {
			return err
		}
		data := incident.Silenced{Silence: next, Matchers: s.Matchers.String(), EndsAt: s.EndsAt, UntilResolved: ours.UntilResolved}
		err = appendBy(ctx, db, by, ours.incident, incident.AlertSilenced, fmt.Sprintf("silence of %s now until %s", s.Matchers, stamp(s.EndsAt)), "", data)
		if err != nil {
			return err
		}
		_, err = fmt.Fprintf(a.stdout, "%s until %s\n", next, stamp(s.EndsAt))
		return err
	})
}

// ourSilence is what the timeline knows of a silence; of one that was made elsewhere
// no more than its ID.
func ourSilence(ctx context.Context, db *store.DB, id string, now time.Time) (recordedSilence, error) {
	open, err := openSilences(ctx, db, now)
	if i := slices.IndexFunc(open, func(s recordedSilence) bool { return s.Silence == id }); i >= 0 {
		return open[i], err
	}
	return recordedSilence{Silenced: incident.Silenced{Silence: id}}, err
}

// silenceError is what to do about a refusal.
func silenceError(err error) error {
	if errors.Is(err, alert.ErrNoSilence) {
		return withCode(exitUsage, err)
	}
	return withCode(exitInconclusive, err)
}

func (a *app) expireSilences(ctx context.Context, ids []string) error {
	m, err := a.mustAlertmanager(ctx)
	if err != nil {
		return err
	}
	defer m.CloseIdle()
	there := make([]alert.Silence, len(ids))
	for i, id := range ids { // all of them, before anything ends
		if there[i], err = m.Silence(ctx, id); err != nil {
			return silenceError(err)
		}
		if err := a.confirm(there[i].Matchers.Target()); err != nil {
			return err
		}
	}
	by, err := a.by(nil)
	if err != nil {
		return err
	}
	return a.withStore(ctx, func(db *store.DB) error {
		for i, id := range ids {
			s, err := ourSilence(ctx, db, id, by.At)
			if err != nil {
				return err
			}
			s.Matchers, s.EndsAt = there[i].Matchers.String(), by.At.UTC()
			if err := expireSilence(ctx, db, m, by, s, "by "+string(by.Actor)); err != nil {
				return silenceError(err)
			}
			if _, err := fmt.Fprintf(a.stdout, "%s ended\n", sanitise(id)); err != nil {
				return err
			}
		}
		return nil
	})
}

// silenceView is a silence as JSON.
type silenceView struct {
	ID        string         `json:"id"`
	State     string         `json:"state"`
	Matchers  alert.Matchers `json:"matchers"`
	StartsAt  *time.Time     `json:"starts_at"`
	EndsAt    *time.Time     `json:"ends_at"`
	CreatedBy string         `json:"created_by"`
	Comment   string         `json:"comment"`
}

func (a *app) listSilences(ctx context.Context, all bool) error {
	m, err := a.mustAlertmanager(ctx)
	if err != nil {
		return err
	}
	defer m.CloseIdle()
	list, err := m.Silences(ctx)
	if err != nil {
		return withCode(exitInconclusive, err)
	}
	views := []silenceView{}
	rows := [][]string{{"ID", "STATE", "UNTIL", "BY", "MATCHERS", "COMMENT"}}
	for _, s := range list {
		if s.State == alert.SilenceExpired && !all {
			continue
		}
		views = append(views, silenceView{s.ID, s.State, s.Matchers, moment(s.StartsAt), moment(s.EndsAt), s.CreatedBy, s.Comment})
		rows = append(rows, []string{s.ID, s.State, stamp(s.EndsAt), s.CreatedBy, s.Matchers.String(), s.Comment})
	}
	switch {
	case a.flags.json:
		return a.print(views)
	case len(views) == 0:
		_, err := fmt.Fprintln(a.stdout, "nothing is silenced")
		return err
	}
	return table(a.stdout, rows)
}

func (a *app) previewSilence(ctx context.Context, texts []string) error {
	ms, err := alert.ParseMatchers(texts)
	if err != nil {
		return withCode(exitUsage, err)
	}
	list, _, err := a.allAlerts(ctx)
	if err != nil && len(list) == 0 {
		return err
	}
	hit := ms.Preview(list)
	if a.flags.json {
		return errors.Join(a.printAlerts(ctx, hit), err)
	}
	if _, err := fmt.Fprintf(a.stdout, "%s would hide %d of %s\n", sanitise(ms.String()), len(hit), count(len(list), "alert")); err != nil {
		return err
	}
	if len(hit) > 0 {
		return errors.Join(a.printAlerts(ctx, hit), err)
	}
	return err
}
