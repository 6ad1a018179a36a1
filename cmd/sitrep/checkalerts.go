package main

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/sitrep-dev/sitrep/health"
	"github.com/sitrep-dev/sitrep/query"
	"github.com/sitrep-dev/sitrep/query/alert"
)

// checkAlerts makes alerts of checks that fail. Whoever runs the ladder tells the desk
// of them: every process looks for itself, and two that differ would end each other's
// alerts. The others show what they see.
//
// What fires is what the timeline says, and how the checks stand is what the runner
// says; the difference is told. So a restart, another process or a clock that was set
// tells nothing twice, and durations are those of the monotonic clock.
type checkAlerts struct {
	desk     *alertDesk
	runner   *health.Runner // nil: there are no checks; those that there were are over
	mine     func() bool    // this process runs the ladder
	silences func() []alert.Silence
}

// How often it is looked whether a check that fails is an alert by now, and how often
// at most the timeline is read for whoever does not tell.
const (
	checkAlertsEvery = time.Second
	othersEvery      = 5 * time.Second
)

// Run goes on until ctx ends; latest is told what is wrong now whenever that changes.
func (c *checkAlerts) Run(ctx context.Context, latest func([]alert.Alert, error)) error {
	tick := time.NewTicker(checkAlertsEvery)
	defer tick.Stop()
	var read time.Time
	var shown []alert.Alert
	told, first := false, true
	for {
		now := time.Now()
		mine := c.mine()
		err := error(nil)
		if mine != told || mine || now.Sub(read) >= othersEvery {
			err, read = c.turn(ctx, mine, mine && !told, now), now
		}
		if ctx.Err() != nil {
			return ctx.Err()
		}
		told = mine && err == nil
		if list := c.list(now); first || err != nil || !slices.EqualFunc(list, shown, sameAlert) {
			first, shown = err != nil, list
			latest(list, err)
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-tick.C:
		}
	}
}

// sameAlert says that a screen shows two alerts alike: one that is told news redraws much.
func sameAlert(a, b alert.Alert) bool {
	return a.Fingerprint == b.Fingerprint && a.State == b.State && maps.Equal(a.Annotations, b.Annotations) && slices.Equal(a.Silenced, b.Silenced)
}

// turn tells the desk what the timeline does not say yet, if this process tells; else
// it has the desk read what others told.
func (c *checkAlerts) turn(ctx context.Context, tells, anew bool, now time.Time) error {
	var standings []health.Standing
	if c.runner != nil {
		standings = c.runner.Standings()
	}
	silences := c.silences() // before the desk is held: the watch holds it the other way round
	return c.desk.takeChecks(ctx, now, anew, func(firing []alert.Alert) (reports []alert.Report, tell bool) {
		return checkReports(standings, firing, silences, now), tells
	})
}

// checkReports is what has changed between what fires by the timeline and how the
// checks stand.
func checkReports(standings []health.Standing, firing []alert.Alert, silences []alert.Silence, now time.Time) []alert.Report {
	var ended, fired []alert.Report
	was := map[[2]string]bool{} // name and check of what fires
	known := map[string]bool{}  // by fingerprint
	for _, a := range firing {
		was[[2]string{a.Name, a.Labels["check"]}], known[a.Fingerprint] = true, true
		if over, why := checkIsOver(standings, a); over {
			ended = append(ended, alert.Report{Alert: a, Ended: true, Why: why})
		}
	}
	for _, s := range standings {
		if s.Check.Alerting.Off || s.Trouble.Alert == "" {
			continue
		}
		// What fired before other labels were configured, fires.
		if !s.Trouble.Lasts(now) && !was[[2]string{s.Trouble.Alert, s.Check.Name}] {
			continue
		}
		if a := checkAlert(s.Trouble, alert.Firing); !known[a.Fingerprint] && len(silencedBy(a, silences, now)) == 0 {
			fired = append(fired, alert.Report{Alert: a})
		}
	}
	return append(ended, fired...)
}

// checkIsOver says whether an alert that fires has ended, and why if not because the
// check is well. A check that nobody could look at yet says nothing.
func checkIsOver(standings []health.Standing, a alert.Alert) (over bool, why string) {
	i := slices.IndexFunc(standings, func(s health.Standing) bool { return s.Check.Name == a.Labels["check"] })
	switch {
	case i < 0:
		return true, "check removed"
	case standings[i].Check.Alerting.Off:
		return true, "the check's alerts are off"
	case !standings[i].Looked:
		return false, ""
	case standings[i].Trouble.Alert == "":
		return true, ""
	}
	return checkAlert(standings[i].Trouble, alert.Firing).Fingerprint != a.Fingerprint, "it is another alert now"
}

// checkAlert is the alert about what a check found. All alerts of a check are one
// matter: they belong to the incident that is open for it.
func checkAlert(t health.Trouble, state string) alert.Alert {
	c := t.Last.Check
	labels := query.Labels{}
	maps.Copy(labels, c.Labels)
	maps.Copy(labels, query.Labels{"alertname": t.Alert, "check": c.Name, "type": string(c.Type), "severity": t.Severity})
	if c.Service != "" {
		labels["service"] = c.Service
	}
	annotations := query.Labels{"summary": t.Summary(), "description": t.Description()}
	if c.Runbook != "" {
		annotations["runbook_url"] = c.Runbook
	}
	return alert.Alert{
		Name: t.Alert, State: state, Labels: labels, Annotations: annotations, ActiveAt: t.Since.UTC().Round(0).Truncate(time.Second), Value: t.Last.Value,
		Fingerprint: alert.Fingerprint(labels), From: alert.FromChecks, Group: "check/" + c.Name,
	}
}

// silencedBy are the IDs of the silences that hide an alert at now: Alertmanager, which
// has them, does not know of checks.
func silencedBy(a alert.Alert, silences []alert.Silence, now time.Time) (ids []string) {
	for _, x := range silences {
		if x.State != alert.SilenceExpired && !now.Before(x.StartsAt) && now.Before(x.EndsAt) && x.Matchers.Match(a.Labels) {
			ids = append(ids, x.ID)
		}
	}
	return ids
}

// list is what is wrong now by this process' own looks, and what fires of checks that
// nobody looked at yet.
func (c *checkAlerts) list(now time.Time) []alert.Alert {
	firing := c.desk.fires(alert.FromChecks)
	var list []alert.Alert
	if c.runner == nil {
		return firing
	}
	at := map[string]int{}
	for i, a := range firing {
		at[a.Fingerprint] = i
	}
	silences := c.silences()
	for _, s := range c.runner.Standings() {
		if s.Check.Alerting.Off || s.Trouble.Alert == "" {
			continue
		}
		a := checkAlert(s.Trouble, alert.Pending)
		if i, known := at[a.Fingerprint]; known {
			a.ActiveAt, a.State = firing[i].ActiveAt, alert.Firing
			delete(at, a.Fingerprint)
		} else if s.Trouble.Lasts(now) {
			a.State = alert.Firing
		}
		a.Silenced = silencedBy(a, silences, now)
		list = append(list, a)
	}
	for _, i := range at {
		if over, _ := checkIsOver(c.runner.Standings(), firing[i]); !over {
			list = append(list, firing[i])
		}
	}
	slices.SortFunc(list, func(a, b alert.Alert) int {
		return cmp.Or(cmp.Compare(a.State, b.State), a.ActiveAt.Compare(b.ActiveAt), cmp.Compare(a.Fingerprint, b.Fingerprint))
	})
	return list
}

// rules are those that the checks stand for, as a screen shows them beside an alert.
func (c *checkAlerts) rules(now time.Time) []alert.Rule {
	var rules []alert.Rule
	for _, s := range c.runner.Standings() {
		if s.Check.Alerting.Off {
			continue
		}
		add := func(name, query string, labels query.Labels) {
			rules = append(rules, alert.Rule{Name: name, Group: "checks", Query: query, For: s.Check.Alerting.For, Labels: labels, Health: "ok", LastEvaluation: now})
		}
		only := fmt.Sprintf("{check=%q}", s.Check.Name)
		add(health.CheckFailed, "probe_success"+only+" == 0", query.Labels{"check": s.Check.Name})
		if s.Check.Type == health.TLS {
			for severity, left := range map[string]time.Duration{"warning": s.Check.Alerting.Warning, "critical": s.Check.Alerting.Critical} {
				add(health.CertificateExpiry, fmt.Sprintf("probe_ssl_earliest_cert_expiry%s - time() < %.0f", only, left.Seconds()), query.Labels{"check": s.Check.Name, "severity": severity})
			}
		}
	}
	return rules
}
