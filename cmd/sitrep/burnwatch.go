package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/sitrep-dev/sitrep/chaos"
	"github.com/sitrep-dev/sitrep/incident"
	"github.com/sitrep-dev/sitrep/query"
	"github.com/sitrep-dev/sitrep/query/alert"
	"github.com/sitrep-dev/sitrep/query/slo"
	"github.com/sitrep-dev/sitrep/store"
)

// burnWatch watches the objectives. The process that runs the ladder asks the servers,
// keeps what they say, and tells what burns to the desk of the alerts; every other one
// reads what is kept.
type burnWatch struct {
	db          *store.DB
	desk        *alertDesk
	objectives  []slo.Objective
	experiments []chaos.Experiment
	source      string // of the events: tui, daemon
	mine        func() bool
	server      func(name string) (query.Source, error)
	scrape      func(ctx context.Context, o slo.Objective) (time.Duration, error)
	tell        func([]slo.Status)
	problem     func(string)

	costed map[string]bool // ends of incidents whose cost is on the timeline, by their cause
}

// burnsEvery is how often the servers are asked, and others look at what is kept.
const burnsEvery = time.Minute

// newBurnWatch is the watch over the objectives of the configuration; nil without any.
func (c *centre) newBurnWatch(source string) *burnWatch {
	if len(c.objectives) == 0 {
		return nil
	}
	w := &burnWatch{
		db: c.db, desk: c.desk, objectives: c.objectives, source: source, mine: c.mine.Load, server: c.sources.Named,
		tell: c.news.slos, problem: c.news.problem,
		scrape: func(ctx context.Context, o slo.Objective) (time.Duration, error) {
			if o.Source != "" {
				client, err := c.app.server(ctx, o.Source)
				if err != nil {
					return 0, err
				}
				defer client.CloseIdle()
				return client.ScrapeInterval(ctx)
			}
			return c.client.ScrapeInterval(ctx)
		},
	}
	for _, x := range c.ready().experiments {
		w.experiments = append(w.experiments, x.Experiment)
	}
	return w
}

// Run watches until ctx ends.
func (w *burnWatch) Run(ctx context.Context) error {
	said := complaint{problem: w.problem}
	watch := slo.NewWatch(slo.WatchConfig{
		Objectives: w.objectives, Source: w.server, Scrape: w.scrape, Ledger: w.db, Leads: w.mine, Every: burnsEvery,
		Told:    func(ctx context.Context, o slo.Objective) ([]string, error) { return w.told(ctx, o, time.Now()) },
		Changed: func(ctx context.Context, c slo.Change, s slo.Status) error { return w.changed(ctx, c, s, time.Now()) },
		Publish: func(all []slo.Status) {
			w.tell(all)
			err := w.after(ctx, all, time.Now())
			for _, s := range all {
				err = errors.Join(err, s.Err)
			}
			said.say(firstError(err))
		},
	})
	if err := w.settle(ctx); err != nil {
		return err
	}
	g, ctx := errgroup.WithContext(ctx)
	g.Go(func() error { return watch.Run(ctx) })
	g.Go(func() error { return w.coarsen(ctx) })
	return g.Wait()
}

// settle waits a little for the lease, which a process that has just begun takes in a
// moment: else the first look would only read.
func (w *burnWatch) settle(ctx context.Context) error {
	for range 10 {
		if w.mine() {
			return nil
		}
		if err := pauseFor(ctx, 500*time.Millisecond); err != nil {
			return err
		}
	}
	return nil
}

// firstError is the first line of an error; the others are of the same server, mostly.
func firstError(err error) string {
	var list interface{ Unwrap() []error }
	for errors.As(err, &list) {
		errs := list.Unwrap()
		if len(errs) == 0 {
			break
		}
		err = errs[0]
		list = nil
	}
	return errorText(err)
}

// coarsen puts old slots together once a day.
func (w *burnWatch) coarsen(ctx context.Context) error {
	for pause := time.Minute; ; pause = 24 * time.Hour {
		if err := pauseFor(ctx, pause); err != nil {
			return err
		}
		if !w.mine() {
			continue
		}
		if err := w.db.CoarsenSlots(ctx, time.Now()); err != nil && ctx.Err() == nil {
			w.problem(err.Error())
		}
	}
}

// after is what a look leaves to be done besides: burns of objectives that are gone
// end, and incidents that are over get what they cost.
func (w *burnWatch) after(ctx context.Context, all []slo.Status, now time.Time) error {
	if !w.mine() {
		return nil
	}
	return errors.Join(w.endOrphans(ctx, now), w.costs(ctx, all, now))
}

// told are the rules of which the timeline says that they fire. One that was a drill's
// is told anew when the drill is over and it burns on: then it is real.
func (w *burnWatch) told(ctx context.Context, o slo.Objective, now time.Time) (list []string, err error) {
	told, err := burnsTold(ctx, w.db, o, now)
	if err != nil {
		return nil, err
	}
	for _, r := range o.Rules {
		t := told[r.Name]
		if !t.Firing {
			continue
		}
		if over, err := w.outlived(ctx, o, t, r, now); err != nil {
			return nil, err
		} else if over {
			continue
		}
		list = append(list, r.Name)
	}
	return list, nil
}

// outlived says that a burn was attached to a drill of which the short window knows
// nothing any more: the drill ended a while ago, or nothing that it did lasts.
func (w *burnWatch) outlived(ctx context.Context, o slo.Objective, t toldBurn, r slo.Rule, now time.Time) (bool, error) {
	if t.Incident == "" {
		return false, nil
	}
	inc, err := w.db.Incident(ctx, t.Incident)
	if err != nil {
		return false, err
	}
	switch {
	case !inc.Drill:
		return false, nil
	case inc.Status.Over():
		return now.Sub(inc.Clocks.Resolved) > burnGrace(r), nil
	}
	drill, _, err := w.drill(ctx, o, r, now)
	return drill == "", err
}

// changed tells of a rule that stands otherwise: to the desk, as of any alert, and on the
// timeline. After an error it is told again; what stands stands once.
func (w *burnWatch) changed(ctx context.Context, c slo.Change, s slo.Status, now time.Time) error {
	o := s.Objective
	told, err := burnsTold(ctx, w.db, o, now)
	if err != nil {
		return err
	}
	was := told[c.Burn.Rule.Name]
	a := burnAlert(o, c, now)
	known, burning, err := w.desk.burning(ctx, a.Fingerprint)
	if err != nil {
		return err
	}
	if burning && (c.Recovered || was.Firing) { // it is over, or was a drill's
		if err := w.desk.takeBurn(ctx, alert.Report{Alert: known, Ended: true}, "", now); err != nil {
			return err
		}
		burning = burning && c.Recovered
	}
	if was.Firing {
		a.ActiveAt = now.UTC().Truncate(time.Second) // the burn that it was is another firing
	}
	id := was.Incident
	why := ""
	if !c.Recovered {
		if !burning {
			var drill incident.ID
			if drill, why, err = w.drill(ctx, o, c.Burn.Rule, now); err != nil {
				return err
			}
			if why != "" {
				a.Annotations["summary"] += "; real: " + why
			}
			if err := w.desk.takeBurn(ctx, alert.Report{Alert: a}, drill, now); err != nil {
				return err
			}
		}
		if known, _, err = w.desk.burning(ctx, a.Fingerprint); err != nil {
			return err
		}
		id = incident.ID(known.Incident)
	}
	return w.record(ctx, c, s, id, was.Event, why, now)
}

// record puts a burn, or its end, on the timeline; once after what was there before. Why
// says why it is no drill's.
func (w *burnWatch) record(ctx context.Context, c slo.Change, s slo.Status, id incident.ID, after, why string, now time.Time) error {
	o, b := s.Objective, c.Burn
	kind, text := incident.BurnBegan, c.String()
	if c.Recovered {
		kind = incident.BurnEnded
	}
	if why != "" {
		text += "; real: " + why
	}
	_, err := w.db.Append(ctx, incident.Event{
		Incident: id, At: now, Kind: kind, Actor: incident.Sitrep, Source: w.source, Text: text, Evidence: w.desk.freeze(),
		Once: fmt.Sprintf("slo/%s/%s/%s/%s", o.Name, b.Rule.Name, kind, after),
		Data: incident.Payload(incident.Burn{
			Objective: o.Name, Service: o.Service, Rule: b.Rule.Name, Threshold: b.Threshold, Long: b.Long, Short: b.Short,
			LongSecs: b.Rule.Long.Seconds(), ShortSecs: b.Rule.Short.Seconds(), Left: s.Standing.Left,
		}),
	})
	return err
}

// burnAlert is the alert about a rule that fires.
func burnAlert(o slo.Objective, c slo.Change, now time.Time) alert.Alert {
	labels := query.Labels(o.AlertLabels(c.Burn.Rule))
	since := c.Burn.Since
	if since.IsZero() {
		since = now
	}
	return alert.Alert{
		Name: slo.AlertName, State: alert.Firing, Labels: labels, ActiveAt: since.UTC().Truncate(time.Second), Value: c.Burn.Long,
		Annotations: query.Labels{"summary": c.String()}, Fingerprint: alert.Fingerprint(labels), From: alert.FromSLO, Group: "slo/" + o.Name, // the burns of an objective are one matter
	}
}

// burnGrace is for how long the short window of a rule remembers what has got well, and
// a look that comes late.
func burnGrace(r slo.Rule) time.Duration { return r.Short + burnsEvery }

// longestRun is for how long a run is believed to go on of which no end is recorded: an
// experiment and its recovery are shorter.
const longestRun = time.Hour

// drill is the drill whose blast radius a burn lies in; empty for what is real, with why
// it is none's.
func (w *burnWatch) drill(ctx context.Context, o slo.Objective, r slo.Rule, now time.Time) (_ incident.ID, why string, err error) {
	open, err := w.db.Incidents(ctx, true, 0)
	if err != nil {
		return "", "", err
	}
	var drills []incident.Incident
	since := now
	for _, inc := range open {
		if inc.Drill {
			drills = append(drills, inc)
			if inc.Clocks.Declared.Before(since) {
				since = inc.Clocks.Declared
			}
		}
	}
	if len(drills) == 0 {
		return "", "", nil
	}
	runs, err := hurts(ctx, w.db, w.experiments, since.Add(-longestRun), now)
	if err != nil {
		return "", "", err
	}
	drill, why := drillOf(radii(drills, runs, burnGrace(r), now), o.AlertLabels(r))
	return drill, why, nil
}

// endOrphans ends the burns of rules that the configuration does not have any more:
// nobody else would.
func (w *burnWatch) endOrphans(ctx context.Context, now time.Time) error {
	list, err := w.desk.firing(ctx, alert.FromSLO)
	if err != nil {
		return err
	}
	ours := map[string]bool{}
	for _, o := range w.objectives {
		for _, r := range o.Rules {
			ours[alert.Fingerprint(query.Labels(o.AlertLabels(r)))] = true
		}
	}
	for _, a := range list {
		if !ours[a.Fingerprint] {
			if err := w.desk.takeBurn(ctx, alert.Report{Alert: a, Ended: true}, "", now); err != nil {
				return err
			}
		}
	}
	return nil
}
