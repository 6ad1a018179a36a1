package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/oklog/ulid/v2"

	"github.com/sitrep-dev/sitrep/chaos"
	"github.com/sitrep-dev/sitrep/chaos/gameday"
	"github.com/sitrep-dev/sitrep/escalation"
	"github.com/sitrep-dev/sitrep/incident"
	"github.com/sitrep-dev/sitrep/loadtest"
	"github.com/sitrep-dev/sitrep/query/alert"
	"github.com/sitrep-dev/sitrep/store"
)

// recorder turns what chaos, load and queries report into events.
type recorder struct {
	db     *store.DB
	by     incident.By            // who acts, and through what
	freeze func() json.RawMessage // the signals now; must not block
}

func (r *recorder) append(ctx context.Context, by incident.By, at time.Time, kind incident.Kind, text, once string, data any) (first bool, err error) {
	written, err := r.db.Append(ctx, incident.Event{
		At: at, Kind: kind, Actor: by.Actor, Claimed: by.Claimed, Via: by.Via, Source: by.Source, Text: text, Data: incident.Payload(data), Evidence: r.freeze(), Once: once,
	})
	return len(written) > 0, err
}

// chaos records the facts among a runner's reports; samples are left out. The
// second line of defence is Once: the screen and the command that follow the
// same run report its facts once.
func (r *recorder) chaos(ctx context.Context, rep chaos.Report) error {
	_, err := r.chaosOnce(ctx, rep)
	return err
}

// chaosOnce is chaos, and says whether nobody had recorded it before.
func (r *recorder) chaosOnce(ctx context.Context, rep chaos.Report) (first bool, err error) {
	kind, is := map[string]incident.Kind{
		chaos.KindStarted: incident.ChaosStarted, chaos.KindInjected: incident.ChaosInjected,
		chaos.KindUndone: incident.ChaosUndone, chaos.KindFinished: incident.ChaosFinished,
	}[rep.Kind]
	once := rep.ID + "/" + rep.Kind
	if rep.Kind == chaos.KindGuard && rep.Sample != nil && rep.Sample.Tripped {
		kind, is, once = incident.ChaosGuardTripped, true, once+"/"+rep.Sample.Name
	}
	if !is {
		return false, nil
	}
	text := rep.Text
	if rep.Fault != nil {
		once += "/" + rep.Fault.ID
		text = fmt.Sprintf("%s %s on %s: %s", rep.Kind, rep.Fault.Kind, rep.Fault.Target, rep.Text)
	}
	first, err = r.append(ctx, r.by, rep.At, kind, fmt.Sprintf("%s %s: %s", rep.Run, rep.Experiment, text), once, rep)
	if err == nil && rep.Kind == chaos.KindFinished {
		err = proveItems(ctx, r.db, rep.At)
	}
	return first, err
}

// journals puts on the timeline what became of runs whose recorder died before it could
// say so: of their faults, and how they ended. It is for runs that this store knows, as
// other stores of this host have their own. What was recorded is left out by Once. It
// returns how those ended that it has recorded, and whether there are others that are over
// and whose starter has yet to say so.
func (r *recorder) journals(ctx context.Context, dir string, now time.Time) (ended []chaos.Report, waits bool, err error) {
	unfinished, err := r.unfinished(ctx, dir, now)
	for _, id := range unfinished {
		l, readErr := chaos.ReadLog(journalOf(dir, id))
		if readErr != nil {
			err = errors.Join(err, readErr)
			continue
		}
		undoneErr := r.undone(ctx, l)
		err = errors.Join(err, undoneErr)
		out := l.Outcome()
		if out == nil || undoneErr != nil { // once its end is recorded, nobody asks for its faults again
			continue
		}
		if !l.Untold(now) {
			waits = true
			continue
		}
		end := chaos.Report{
			Run: l.Opened.Run, ID: id, Experiment: l.Opened.Experiment, Kind: chaos.KindFinished, At: l.ClosedAt, Phase: chaos.Finished,
			Text: out.Said(), Outcome: out,
		}
		first, endErr := r.chaosOnce(ctx, end)
		if err = errors.Join(err, endErr); first {
			ended = append(ended, end)
		}
	}
	return ended, waits, err
}

// undone records the undos of a journal.
func (r *recorder) undone(ctx context.Context, l chaos.Log) (err error) {
	for _, e := range l.Entries {
		if e.UndoneAt.IsZero() {
			continue
		}
		err = errors.Join(err, r.chaos(ctx, chaos.Report{
			Run: l.Opened.Run, ID: l.Opened.ID, Experiment: l.Opened.Experiment, Kind: chaos.KindUndone, At: e.UndoneAt, Phase: chaos.Gone,
			Text: l.ClosedText, Fault: &chaos.FaultRef{ID: e.ID, Kind: e.Kind, Target: e.Target, Tier: e.Tier},
		}))
	}
	return err
}

// journalsBack is how old a journal may be for its run to be looked up.
const journalsBack = 30 * 24 * time.Hour

// unfinished are the runs, by ULID, that have a journal here, and of which this store knows
// the beginning and not the end.
func (r *recorder) unfinished(ctx context.Context, dir string, now time.Time) (ids []string, err error) {
	all, err := recentJournals(dir, now)
	if err != nil || len(all) == 0 {
		return nil, err
	}
	var keys []string
	for _, id := range all {
		keys = append(keys, id+"/"+chaos.KindStarted, id+"/"+chaos.KindFinished)
	}
	known, err := r.db.Happened(ctx, keys...)
	for _, id := range all {
		if known[id+"/"+chaos.KindStarted] && !known[id+"/"+chaos.KindFinished] {
			ids = append(ids, id)
		}
	}
	return ids, err
}

// recentJournals are the runs, by ULID, that have a journal in dir that is not too old.
func recentJournals(dir string, now time.Time) (ids []string, err error) {
	files, err := os.ReadDir(dir)
	if errors.Is(err, os.ErrNotExist) {
		return nil, nil
	}
	for _, f := range files {
		name, is := strings.CutSuffix(f.Name(), ".wal")
		id, perr := ulid.ParseStrict(name)
		if is && perr == nil && now.Sub(id.Timestamp()) < journalsBack {
			ids = append(ids, name)
		}
	}
	return ids, err
}

func journalOf(dir, id string) string { return filepath.Join(dir, id+".wal") }

// loadStarted records that a load run began.
func (r *recorder) loadStarted(ctx context.Context, run, plan, service, what string, at time.Time) error {
	_, err := r.append(ctx, r.by, at, incident.LoadStarted, fmt.Sprintf("%s %s: %s", run, plan, what), "", map[string]any{"run": run, "plan": plan, "service": service})
	return err
}

// loadFinished records how it ended.
func (r *recorder) loadFinished(ctx context.Context, res loadtest.Result, at time.Time) error {
	kind := incident.LoadFinished
	if res.Verdict == loadtest.Aborted {
		kind = incident.LoadAborted
	}
	res.Rows = nil // the archive has them
	_, err := r.append(ctx, r.by, at, kind, fmt.Sprintf("%s %s: %s", res.Run, res.Plan, describeResult(res)), "", res)
	return err
}

// gameday records what became of a game day, on the timeline of its drill.
func (r *recorder) gameday(ctx context.Context, drill incident.ID, rep gameday.Report) error {
	by := r.by
	by.Evidence = r.freeze()
	_, err := r.db.Append(ctx, gamedayEvent(by, drill, rep))
	return err
}

// gamedayEvent is a report as the timeline has it.
func gamedayEvent(by incident.By, drill incident.ID, rep gameday.Report) incident.Event {
	once := "gameday/" + rep.ID + "/" + rep.Kind
	switch {
	case rep.Step != nil:
		once += "/" + rep.Step.ID
	case rep.Answer != nil: // somebody may say it again
		once = ""
	}
	return incident.Event{
		Incident: drill, At: rep.At, Kind: incident.Kind("gameday." + rep.Kind), Actor: by.Actor, Claimed: by.Claimed, Via: by.Via, Source: by.Source,
		Text: fmt.Sprintf("%s %s: %s", rep.Run, rep.Day, rep.Text), Data: incident.Payload(rep), Evidence: by.Evidence, Once: once,
	}
}

// declarationOf says what an alert says, as an incident.
func declarationOf(a alert.Alert, severity incident.Severity, policy escalation.Policy) incident.Declaration {
	title := a.Annotations["summary"]
	if title == "" {
		title = a.Name
	}
	return incident.Declaration{
		Title: title, Severity: severity, Service: serviceOf(a), Labels: a.Labels, DetectedAt: a.ActiveAt, DetectedBy: a.Name, Policy: policy.Frozen(serviceOf(a)),
		RunbookURL: a.Annotations["runbook_url"],
	}
}

// serviceOf is what an alert is about, as far as its labels say.
func serviceOf(a alert.Alert) string {
	if s := a.Labels["service"]; s != "" {
		return s
	}
	return a.Labels["job"]
}
