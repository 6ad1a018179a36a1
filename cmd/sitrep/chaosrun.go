package main

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/sitrep-dev/sitrep/chaos"
	"github.com/sitrep-dev/sitrep/chaos/gameday"
	"github.com/sitrep-dev/sitrep/tui/pane"
)

const (
	judgePatience = 10 * time.Second // for targets and rules to say what a run would be
	mostRuns      = 20               // that a screen remembers
	trailLength   = 60               // values of each probe and guard that it shows
)

// judgeChaos asks what runs of experiments would be now, one after the other, and
// shows each as it is known. It touches nothing.
func (o *operator) judgeChaos(ctx context.Context, names []string) (pane.Receipt, error) {
	for _, e := range o.ready().experiments {
		if !slices.Contains(names, e.Name) {
			continue
		}
		one, cancel := context.WithTimeout(ctx, judgePatience)
		j := judgedNow(o.app.preview(one, e, o.app.flags.confirm))
		cancel()
		if ctx.Err() != nil {
			return pane.Receipt{}, ctx.Err()
		}
		o.mailbox.Update(func(w *pane.World) { w.Chaos.Judged = withJudged(w.Chaos.Judged, e.Name, j) })
	}
	return pane.Receipt{}, nil
}

// withJudged is what was judged after one more answer.
func withJudged(all map[string]pane.Judged, name string, j pane.Judged) map[string]pane.Judged {
	if all = maps.Clone(all); all == nil {
		all = map[string]pane.Judged{}
	}
	all[name] = j
	return all
}

// judgedNow is a preview as the screen shows it. What stands in its way is a refusal
// too: of a rule, or because nobody answers.
func judgedNow(p chaos.Preview, err error) pane.Judged {
	j := pane.Judged{At: time.Now(), Plan: p.Text, Confirm: p.Confirm}
	if err == nil {
		err = p.Refused
	}
	if err != nil {
		j.Refused = err.Error()
	}
	return j
}

// confirmChaos tells a run that a person still sees what it does.
func (o *operator) confirmChaos(run string) (pane.Receipt, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	for id, h := range o.runs {
		if o.names[id] == run {
			h.Confirm()
			return pane.Receipt{}, nil
		}
	}
	if o.day.confirm(run) {
		return pane.Receipt{}, nil
	}
	return pane.Receipt{}, fmt.Errorf("confirm %s: this screen has not started it; whoever has must confirm it, or it is undone", run)
}

// withReport is the runs after one more report.
func withReport(runs []pane.ChaosRun, r chaos.Report, targets string) []pane.ChaosRun {
	runs = slices.Clone(runs)
	i := slices.IndexFunc(runs, func(c pane.ChaosRun) bool { return sameRun(c, r.ID, r.Run) })
	if i < 0 {
		runs = append(runs, pane.ChaosRun{Run: r.Run, Experiment: r.Experiment, Targets: targets, Began: r.At})
		i = len(runs) - 1
	}
	c := &runs[i]
	c.Last, c.ID, c.Holder = r, r.ID, ""
	if r.Sample != nil {
		withSample(c, pane.SampleKey(r.Kind, r.Sample.Name), *r.Sample)
	} else {
		c.Said = r.Text
	}
	if r.Outcome != nil {
		c.Outcome, c.Asks = r.Outcome, ""
	}
	if r.Remaining > 0 {
		c.Ends = r.At.Add(time.Duration(r.Remaining))
	}
	c.Over = time.Time{}
	if r.Rest > 0 {
		c.Over = r.At.Add(time.Duration(r.Rest))
	}
	withFault(c, r)
	switch {
	case r.Kind == chaos.KindConfirm:
		c.Asks, c.AskedTill = r.Text, r.At.Add(chaos.ConfirmWithin)
	case r.Kind == chaos.KindConfirmed || r.Phase == chaos.Undoing || r.Phase == chaos.Gone:
		c.Asks = ""
	}
	return runs[max(0, len(runs)-mostRuns):]
}

// withSample takes a value in. What was published is left alone.
func withSample(c *pane.ChaosRun, key string, s chaos.Sample) {
	samples, trail := maps.Clone(c.Samples), maps.Clone(c.Trail)
	if samples == nil {
		samples, trail = map[string]chaos.Sample{}, map[string][]float64{}
	}
	v := math.NaN()
	if s.Value != nil {
		v = *s.Value
	}
	before := trail[key]
	samples[key], trail[key] = s, append(slices.Clone(before[max(0, len(before)-trailLength+1):]), v)
	c.Samples, c.Trail = samples, trail
}

// withFault takes in what became of a fault.
func withFault(c *pane.ChaosRun, r chaos.Report) {
	c.Faults = slices.Clone(c.Faults)
	for _, f := range r.Faults {
		c.Faults = append(c.Faults, chaos.FaultOutcome{ID: f.ID, Kind: f.Kind, Target: f.Target, Tier: f.Tier})
	}
	if r.Fault == nil {
		return
	}
	i := slices.IndexFunc(c.Faults, func(f chaos.FaultOutcome) bool { return f.ID == r.Fault.ID })
	if i < 0 {
		return
	}
	switch f, at := &c.Faults[i], r.At; r.Kind {
	case chaos.KindInjected:
		f.InjectedAt = &at
	case chaos.KindObserved:
		f.Effect = r.Text
	case chaos.KindUndone:
		f.GoneAt = &at
	}
}

// withOthers shows the open runs that nobody here follows as they are now, says of
// those that are followed when nobody ends them any more, and ends what is over.
func withOthers(runs []pane.ChaosRun, open []chaos.OpenRun) []pane.ChaosRun {
	runs = slices.Clone(runs)
	for i, r := range runs {
		still := slices.ContainsFunc(open, func(o chaos.OpenRun) bool { return sameRun(r, o.ID, o.Run) })
		if r.Last.ID == "" && r.Outcome == nil && !still {
			runs[i].Outcome, runs[i].Left = endOfOther(r), ""
		}
	}
	for _, o := range open {
		i := slices.IndexFunc(runs, func(r pane.ChaosRun) bool { return sameRun(r, o.ID, o.Run) && r.Outcome == nil })
		switch {
		case i < 0:
			runs = append(runs, otherRun(o))
		case runs[i].Last.ID == "":
			runs[i] = otherRun(o)
		default:
			runs[i].Left, runs[i].Production = leftBehind(o), o.Production
		}
	}
	return runs[max(0, len(runs)-mostRuns):]
}

// sameRun says whether a run on the screen is that one. Each store counts its own, so that
// two may have one name: where the ULID is known, it counts.
func sameRun(r pane.ChaosRun, id, name string) bool {
	if r.ID != "" && id != "" {
		return r.ID == id
	}
	return r.Run == name
}

// withEnds says of the runs that nobody here follows how they ended, by their journals.
func withEnds(runs []pane.ChaosRun, ends map[string]*chaos.Outcome) []pane.ChaosRun {
	runs = slices.Clone(runs)
	for i, r := range runs {
		if out := ends[r.ID]; out != nil && r.Last.ID == "" && r.Outcome != nil {
			runs[i].Outcome, runs[i].Faults = out, out.Faults
		}
	}
	return runs
}

const (
	processesDead  = "its processes are dead"
	journalDamaged = "its journal is damaged"
)

// leftBehind is why nobody ends a run, empty while somebody does: a runner knows
// what it did, whatever became of its journal.
func leftBehind(o chaos.OpenRun) string {
	switch {
	case o.Live:
		return ""
	case o.Damage != "":
		return journalDamaged
	}
	return processesDead
}

// otherRun is what is known of a run that another process has started: its journal
// tells the faults, and nothing of probes and guards.
func otherRun(o chaos.OpenRun) pane.ChaosRun {
	r := pane.ChaosRun{
		Run: o.Run, ID: o.ID, Experiment: o.Experiment, Targets: strings.Join(o.Targets, ", "), Began: o.Since, Ends: o.Until, Left: leftBehind(o), Faults: o.Faults, Production: o.Production,
		Said: "started by another process",
		Last: chaos.Report{Run: o.Run, Experiment: o.Experiment, Phase: phaseOf(o), At: o.Since, Text: "started by another process"},
	}
	if o.Live { // else whoever looks has it for a moment
		r.Holder = o.Holder()
	}
	switch r.Left { // no plan holds any more
	case processesDead:
		r.Ends, r.Said = time.Time{}, "its processes are dead: sitrep undoes it now"
	case journalDamaged:
		r.Ends, r.Said = time.Time{}, "its journal is damaged ("+o.Damage+"): sitrep chaos recover says what to look at"
	}
	r.Last.Text = r.Said
	return r
}

// phaseOf is where a run stands as far as its journal tells.
func phaseOf(o chaos.OpenRun) chaos.Phase {
	switch {
	case o.Undoing:
		return chaos.Undoing
	case len(o.Faults) == 0:
		return chaos.Baseline
	}
	gone := true
	for _, f := range o.Faults {
		if f.GoneAt == nil && f.InjectedAt == nil {
			return chaos.Injecting
		}
		gone = gone && f.GoneAt != nil
	}
	if gone {
		return chaos.Recovering
	}
	return chaos.Holding
}

// endOfOther is what is known of how it ended.
func endOfOther(r pane.ChaosRun) *chaos.Outcome {
	switch r.Left {
	case processesDead:
		return &chaos.Outcome{Run: r.Run, Verdict: chaos.Aborted, Reason: "its processes died; it is undone"}
	case journalDamaged:
		return &chaos.Outcome{Run: r.Run, Verdict: chaos.Aborted, Reason: "its damaged journal was removed"}
	}
	return &chaos.Outcome{Run: r.Run, Reason: "ended; its own process knows how"}
}

// startChaos starts a run and answers once its runner is at work or has
// refused.
func (o *operator) startChaos(ctx context.Context, order pane.StartChaos) (pane.Receipt, error) {
	experiments := o.ready().experiments
	i := slices.IndexFunc(experiments, func(e experiment) bool { return e.Name == order.Name })
	if i < 0 {
		return pane.Receipt{}, fmt.Errorf("there is no experiment %q", order.Name)
	}
	req, err := o.app.chaosRequest(ctx, o.db, experiments[i])
	if err != nil {
		return pane.Receipt{}, err
	}
	if order.Confirm != "" {
		req.Confirm = order.Confirm
	}
	h, err := chaos.Spawn(o.life, req)
	if err != nil {
		return pane.Receipt{}, err
	}
	o.mu.Lock()
	o.runs[req.ID], o.names[req.ID] = h, req.Run
	o.mu.Unlock()
	begun := make(chan chaos.Report, 1)
	o.work.Go(func() { o.followChaos(h, req.ID, experiments[i].Experiment, begun) })
	select {
	case first := <-begun:
		if first.Kind == chaos.KindFinished {
			return pane.Receipt{}, fmt.Errorf("%s %s: %s", req.Run, order.Name, first.Text)
		}
		return pane.Receipt{Text: fmt.Sprintf("%s %s: %s", req.Run, order.Name, first.Text)}, nil
	case <-ctx.Done():
		return pane.Receipt{}, ctx.Err()
	}
}

// followChaos records and shows a run until it is over.
func (o *operator) followChaos(h *chaos.Handle, id string, e chaos.Experiment, begun chan<- chaos.Report) {
	keep := context.WithoutCancel(o.life)
	for r := range h.Reports() {
		select {
		case begun <- r:
		default: // only the first one is waited for
		}
		o.note(o.rec.chaos(keep, r))
		o.mailbox.Update(func(w *pane.World) { w.Chaos.Runs = withReport(w.Chaos.Runs, r, whom(e)) })
	}
	out, err := h.Wait()
	if err != nil {
		o.news.problem(err.Error())
		if out.Verdict == "" {
			out.Verdict, out.Reason = chaos.Inconclusive, err.Error()
		}
	}
	select {
	case begun <- chaos.Report{Kind: chaos.KindFinished, Text: out.Reason}:
	default:
	}
	o.mu.Lock()
	delete(o.runs, id)
	delete(o.names, id)
	o.mu.Unlock()
}

// abortAll ends and undoes whatever this program and any other on this host
// has going, and names it. It does not wait until health has returned.
func (o *operator) abortAll(ctx context.Context) (pane.Receipt, error) {
	by := "ctrl+x"
	if who := o.rec.by.Actor; who != "" {
		by = fmt.Sprintf("ctrl+x (%s)", who)
	}
	o.mu.Lock()
	mine, ended := map[string]bool{}, []string{}
	for id, h := range o.runs {
		mine[id] = true
		ended = append(ended, o.names[id])
		h.Abort("ended by " + by)
	}
	loading := o.load != nil
	if loading {
		o.load()
	}
	o.mu.Unlock()
	going, unread := o.db.RunningLoads(ctx) // an error is told when no fault is left
	loads, unasked := askLoads(o.db, going, by)
	for _, r := range loads {
		ended = append(ended, r.Run)
	}
	if loading && len(loads) == 0 { // it has sent nothing yet
		ended = append(ended, "the load")
	}
	slices.Sort(ended)
	dir, err := chaosDir()
	if err != nil {
		return pane.Receipt{}, err
	}
	others, err := othersRun(dir, mine)
	if err != nil {
		return pane.Receipt{}, err
	}
	if others {
		more, err := endOthers(context.WithoutCancel(ctx), dir, by)
		if err != nil {
			return pane.Receipt{}, err
		}
		for _, run := range more {
			if name, _, _ := strings.Cut(run, " "); !slices.Contains(ended, name) {
				ended = append(ended, name)
			}
		}
		if len(ended) == 0 {
			ended = append(ended, "a run that was being planned")
		}
	}
	if err := o.undone(ctx, dir); err != nil {
		return pane.Receipt{}, err
	}
	_, unended := awaitLoads(ctx, o.db, loads)
	if err := errors.Join(unread, unasked, unended); err != nil {
		return pane.Receipt{}, err
	}
	if len(ended) == 0 {
		return pane.Receipt{Text: "nothing ran: no fault is injected, no load is sent"}, nil
	}
	return pane.Receipt{Text: strings.Join(ended, ", ") + " ended by " + by + ": everything is undone"}, nil
}

// endOthers raises HALT until every run is undone. One that is raised already stays.
func endOthers(ctx context.Context, dir, by string) (ended []string, err error) {
	_, was := chaos.Halted(dir)
	ended, err = haltAll(ctx, dir, true, func() error { return chaos.EndAll(dir, by+" on another screen") })
	if !was && !errors.Is(err, errPlanned) {
		err = errors.Join(err, chaos.ClearHalt(dir))
	}
	return ended, err
}

// undone waits until nothing of this program injects or sends any more.
func (o *operator) undone(ctx context.Context, dir string) error {
	for {
		open, err := chaos.Active(dir)
		if err != nil {
			return err
		}
		o.mu.Lock()
		busy := o.load != nil
		for id := range o.runs {
			looks := slices.ContainsFunc(open, func(r chaos.OpenRun) bool { return r.ID == id && r.Undone })
			busy = busy || !looks
		}
		o.mu.Unlock()
		if !busy {
			return nil
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(50 * time.Millisecond):
		}
	}
}

// othersRun says whether other processes have runs that are not undone, plan one, or hold a
// game day.
func othersRun(dir string, mine map[string]bool) (bool, error) {
	open, err := chaos.Active(dir)
	day, dayErr := gameday.Walking(dir)
	planning, planErr := chaos.Planning(dir)
	return day != "" || planning || slices.ContainsFunc(open, func(r chaos.OpenRun) bool { return !mine[r.ID] && !r.Undone }), errors.Join(err, dayErr, planErr)
}
