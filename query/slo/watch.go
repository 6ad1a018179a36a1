package slo

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/sitrep-dev/sitrep/query"
)

// Ledger keeps slots, by the key of their objective.
type Ledger interface {
	// Slots are those kept that end after a time, oldest first.
	Slots(ctx context.Context, key string, after time.Time) ([]Slot, error)
	// KeepSlots adds slots, of all objectives in one transaction; one that is there is
	// replaced.
	KeepSlots(ctx context.Context, kept ...Kept) error
}

// Kept is slots of one objective.
type Kept struct {
	Key   string
	Slots []Slot
}

// Status is an objective as the watch last saw it.
type Status struct {
	Objective Objective
	Standing  Standing
	Tally     *Tally // what the standing was worked out from: not written to any more
	Recorded  string // the series that its server records of it, which what was before is read from; empty without
	Err       error  // of the last look; the standing is then of what is kept
	Looked    time.Time
}

// WatchConfig is what a Watch needs.
type WatchConfig struct {
	Objectives []Objective
	Source     func(name string) (query.Source, error)                       // by its name; "" is the usual one
	Scrape     func(ctx context.Context, o Objective) (time.Duration, error) // how often what it measures is scraped; nil or 0 = unknown
	Ledger     Ledger
	Leads      func() bool                                                         // of the processes on a store one asks the servers, the others read what it keeps
	Told       func(ctx context.Context, o Objective) (firing []string, err error) // the rules of which the timeline says that they fire
	Changed    func(ctx context.Context, c Change, s Status) error                 // a rule stands otherwise; only where Leads, and again if it fails
	Publish    func([]Status)
	Every      time.Duration // 30s
	Settle     time.Duration // how old a slot is before it is kept: what was scraped late counts; 2m
}

// Watch asks for the objectives' events, keeps them, and says what burns.
type Watch struct {
	WatchConfig
	list []*watched
}

// watched is an objective under watch.
type watched struct {
	Status
	tally   Tally
	burns   []Burn
	width   time.Duration
	kept    time.Time // all before is in the ledger, or will never be
	dug     time.Time // how far back the server was asked for what was before
	empty   int       // stretches in a row in which it had nothing: it has nothing older
	probed  bool      // whether it records slots is known
	asked   time.Time // when it was asked last
	settled []Slot    // to be kept
}

// dry says that the server has nothing older: two stretches without anything are no
// outage.
func (o *watched) dry() bool { return o.empty >= 2 }

// NewWatch makes a watch.
func NewWatch(c WatchConfig) *Watch {
	c.Every, c.Settle = or(c.Every, 30*time.Second), or(c.Settle, 2*time.Minute)
	w := &Watch{WatchConfig: c}
	for _, o := range c.Objectives {
		w.list = append(w.list, &watched{Status: Status{Objective: o}})
	}
	return w
}

func or(d, otherwise time.Duration) time.Duration {
	if d <= 0 {
		return otherwise
	}
	return d
}

// Run looks every so often until ctx ends.
func (w *Watch) Run(ctx context.Context) error {
	tick := time.NewTicker(w.pace())
	defer tick.Stop()
	for {
		w.Look(ctx, time.Now())
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-tick.C:
		}
	}
}

// pace is how often Run looks: often enough for the narrowest slots.
func (w *Watch) pace() time.Duration {
	pace := w.Every
	for _, o := range w.list {
		pace = min(pace, w.every(o))
	}
	return pace
}

// every is how often an objective is looked at.
func (w *Watch) every(o *watched) time.Duration {
	if o.Objective.Slot > 0 {
		return min(w.Every, o.Objective.Slot)
	}
	return w.Every
}

// due says that it is time for an objective, of those that are looked at together.
func (w *Watch) due(o *watched, now time.Time) bool {
	return now.Sub(o.asked) >= w.every(o)-w.pace()/2
}

// Look looks once at every objective, and publishes how they stand.
func (w *Watch) Look(ctx context.Context, now time.Time) []Status {
	leads := w.Leads == nil || w.Leads()
	all := make([]Status, len(w.list))
	var group errgroup.Group
	group.SetLimit(atOnce)
	for i, o := range w.list {
		group.Go(func() error {
			if w.due(o, now) {
				o.asked = now
				if o.Err = w.look(ctx, o, leads, now); o.Err == nil {
					o.Looked = now
				}
			}
			all[i] = o.status(now)
			return nil
		})
	}
	_ = group.Wait() // each has its own error
	if err := w.keep(ctx); err != nil {
		for i := range all {
			all[i].Err = errors.Join(all[i].Err, err)
		}
	}
	if w.Publish != nil && ctx.Err() == nil {
		w.Publish(all)
	}
	return all
}

// keep writes down what is settled. What fails is asked for again.
func (w *Watch) keep(ctx context.Context) error {
	var kept []Kept
	for _, o := range w.list {
		if len(o.settled) > 0 {
			kept = append(kept, Kept{o.Objective.Key(), o.settled})
		}
	}
	if len(kept) == 0 {
		return nil
	}
	if err := w.Ledger.KeepSlots(ctx, kept...); err != nil {
		return fmt.Errorf("the objectives' events cannot be kept: %w", err)
	}
	for _, o := range w.list {
		for _, s := range o.settled {
			if end := time.Unix(s.End(), 0); end.After(o.kept) {
				o.kept = end
			}
		}
		o.settled = nil
	}
	return nil
}

// Bounds of a look: so many objectives are asked for at once, and each for so long.
const (
	atOnce       = 4
	lookPatience = 10 * time.Second
)

func (w *Watch) look(ctx context.Context, o *watched, leads bool, now time.Time) error {
	if err := w.recall(ctx, o, now); err != nil {
		return err
	}
	var err error
	o.settled = nil
	if leads {
		err = w.askPatiently(ctx, o, now)
	}
	o.tally.Forget(o.horizon(now))
	return errors.Join(err, w.judge(ctx, o, leads, now))
}

// askPatiently asks the server for what is new and for what was before. The patience is
// for the server alone: one that took all of it leaves what is known to be judged.
func (w *Watch) askPatiently(ctx context.Context, o *watched, now time.Time) error {
	patient, cancel := context.WithTimeout(ctx, lookPatience)
	defer cancel()
	if err := w.ask(patient, o, now); err != nil {
		return err
	}
	return w.dig(patient, o, now)
}

// judge says what burns, and tells what is not on the timeline yet: whoever leads
// next goes on from there.
func (w *Watch) judge(ctx context.Context, o *watched, leads bool, now time.Time) error {
	told, err := w.Told(ctx, o.Objective)
	if err != nil {
		return fmt.Errorf("%s: what was told: %w", o.Objective.Name, err)
	}
	at := o.moment(now)
	if o.burns == nil {
		o.burns = o.Objective.seed(told, at)
	}
	o.burns = o.Objective.Judge(&o.tally, o.burns, at)
	if !leads {
		return nil
	}
	for _, c := range o.Objective.Changes(o.burns, told) {
		if err := w.Changed(ctx, c, o.status(now)); err != nil {
			return fmt.Errorf("%s: %w", o.Objective.Name, err)
		}
	}
	return nil
}

// recall takes over what another process has kept since the last look.
func (w *Watch) recall(ctx context.Context, o *watched, now time.Time) error {
	after := o.horizon(now)
	if o.kept.After(after) {
		after = o.kept
	}
	slots, err := w.Ledger.Slots(ctx, o.Objective.Key(), after)
	if err != nil {
		return fmt.Errorf("%s: what is kept: %w", o.Objective.Name, err)
	}
	o.tally.Put(slots...)
	if n := len(slots); n > 0 {
		o.kept = time.Unix(slots[n-1].End(), 0)
	}
	return nil
}

// horizon is where what has to be known begins: the window and a day, so that the
// window's own beginning can be looked at.
func (o *watched) horizon(now time.Time) time.Time {
	start, _ := o.Objective.Window.At(now)
	return start.Add(-day)
}

// moment is the time that the burn is judged at: the end of the youngest slot, or now
// if nothing came for a while.
func (o *watched) moment(now time.Time) time.Time {
	if last := o.tally.Last(); now.Sub(last) <= 3*max(o.width, time.Minute) {
		return last
	}
	return now
}

// ask reads what is new, and keeps what is old enough not to change any more.
func (w *Watch) ask(ctx context.Context, o *watched, now time.Time) error {
	source, err := w.Source(o.Objective.Source)
	if err != nil {
		return fmt.Errorf("%s: %w", o.Objective.Name, err)
	}
	if o.width == 0 {
		o.width = time.Minute
		if w.Scrape != nil {
			if scrape, err := w.Scrape(ctx, o.Objective); err == nil {
				o.width = o.Objective.Width(scrape)
			}
		}
	}
	o.probe(ctx, source, now)
	from := o.kept
	if least := now.Add(-stretch).Truncate(o.border()); !o.kept.IsZero() && from.Before(least) {
		if err := w.bridge(ctx, o, source, least); err != nil {
			return err
		}
		from = least
	}
	if o.kept.IsZero() { // the burn first; what was before is dug out afterwards
		from = now.Add(-longest(o.Objective.Rules, 6*time.Hour)).Truncate(o.width)
	}
	slots, err := Read(ctx, source, o.Objective, o.width, from, now)
	if err != nil {
		return err
	}
	o.tally.Put(slots...)
	old := slices.IndexFunc(slots, func(s Slot) bool { return s.End() > now.Add(-w.Settle).Unix() })
	if old < 0 {
		old = len(slots)
	}
	o.settled = append(o.settled, slots[:old]...)
	return nil
}

// bridge reads what happened since anybody kept anything, up to a time: nobody looked for
// longer than what is read slot by slot.
func (w *Watch) bridge(ctx context.Context, o *watched, source query.Source, to time.Time) error {
	border := o.kept.Add(o.border() - 1).Truncate(o.border()) // wide slots begin there
	if err := w.cross(ctx, o, source, o.width, o.kept, border); err != nil {
		return err
	}
	for from := border; from.Before(to); from = from.Add(stretch) {
		end := from.Add(stretch)
		if end.After(to) {
			end = to
		}
		if err := w.cross(ctx, o, source, o.border(), from, end); err != nil {
			return err
		}
	}
	return nil
}

// cross reads one stretch of a bridge.
func (w *Watch) cross(ctx context.Context, o *watched, source query.Source, width time.Duration, from, to time.Time) error {
	slots, err := o.readOlder(ctx, source, width, from, to)
	if err != nil {
		return fmt.Errorf("what was after %s: %w", from.Format(time.DateTime), err)
	}
	o.tally.Put(slots...)
	o.settled = append(o.settled, slots...)
	return nil
}

func longest(rules []Rule, least time.Duration) time.Duration {
	for _, r := range rules {
		least = max(least, r.Long)
	}
	return least
}

// How far back slots are asked for at their own width, how wide those are that are older,
// and how much of them is asked for at once: a server that has much to add up for every
// one is not asked for a month of it.
const (
	fine    = 7 * day
	coarse  = 5 * time.Minute
	stretch = 7 * day
)

// border is what the stretches that are read begin and end at, so that none cuts a slot:
// the width of those that are older.
func (o *watched) border() time.Duration { return max(coarse, o.width) }

// undug says that the window is not full, and that the server may know more of it.
func (o *watched) undug(now time.Time) bool {
	first, horizon := o.tally.First(), o.horizon(now)
	return !first.IsZero() && !o.dry() && first.After(horizon) && (o.dug.IsZero() || o.dug.After(horizon))
}

// dig asks for one more stretch of what was before sitrep looked, until the window is
// full or the server has nothing older.
func (w *Watch) dig(ctx context.Context, o *watched, now time.Time) error {
	first := o.tally.First()
	if !o.undug(now) {
		return nil
	}
	to := first
	if !o.dug.IsZero() && o.dug.Before(to) {
		to = o.dug
	}
	width, from := o.width, now.Add(-fine)
	if !from.Before(to.Add(-o.width)) {
		width = o.border()
		from = to.Add(-stretch)
	}
	if h := o.horizon(now); from.Before(h) {
		from = h
	}
	from = from.Truncate(o.border()) // where the next stretch ends: within a slot it would be of neither
	if least := to.Add(-mostPoints * width); from.Before(least) {
		from = least.Add(o.border() - 1).Truncate(o.border())
	}
	source, err := w.Source(o.Objective.Source)
	if err != nil {
		return fmt.Errorf("%s: %w", o.Objective.Name, err)
	}
	slots, err := o.readOlder(ctx, source, width, from, to)
	if err != nil {
		return fmt.Errorf("what was before %s: %w", first.Format(time.DateTime), err)
	}
	if o.dug = from; len(slots) > 0 {
		o.empty = 0
	} else {
		o.empty++
	}
	o.tally.Put(slots...)
	o.settled = append(o.settled, slots...)
	return nil
}

// status is a copy that is not written to any more.
func (o *watched) status(now time.Time) Status {
	s := o.Status
	s.Tally = o.tally.Copy()
	s.Standing = o.Objective.Stand(s.Tally, slices.Clone(o.burns), o.moment(now))
	return s
}
