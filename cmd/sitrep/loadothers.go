package main

import (
	"context"
	"errors"
	"slices"
	"sync"
	"time"

	"github.com/sitrep-dev/sitrep/loadtest"
	"github.com/sitrep-dev/sitrep/tui/pane"
)

// othersLoad is a run that another process does, as this screen shows it.
type othersLoad struct {
	*loadtest.Follower
	run, plan string
	watch     *loadWatch
	stop      func()
}

// watchLoads shows load that other processes send, a command or a game day, while this screen
// sends none itself.
func (o *operator) watchLoads(ctx context.Context) error {
	var shown *othersLoad
	defer func() {
		if shown != nil {
			shown.stop()
		}
	}()
	look := time.NewTicker(time.Second)
	defer look.Stop()
	for {
		var err error
		if shown, err = o.followLoad(ctx, shown); err != nil {
			return err
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-look.C:
		}
	}
}

// followLoad shows what is new of the newest run of others, or how the one that was shown
// has ended.
func (o *operator) followLoad(ctx context.Context, shown *othersLoad) (*othersLoad, error) {
	o.mu.Lock()
	own := o.load != nil
	o.mu.Unlock()
	last := mostCourse
	if shown != nil { // seconds that were written late are among the last
		last = max(int(time.Since(shown.watch.began()).Seconds())-shown.Next(), 0) + 10
	}
	head, seconds, rows, err := o.db.RunningLoad(ctx, "", last)
	goesOn := err == nil
	if err != nil && !errors.Is(err, loadtest.ErrNoRun) {
		return shown, err
	}
	if shown != nil && (own || !goesOn || head.Run != shown.run) {
		shown.stop()
		if !own {
			o.endOfOthers(ctx, shown)
		}
		return nil, nil
	}
	if own || !goesOn {
		return nil, nil
	}
	if shown == nil {
		shown = o.beginOthers(ctx, head)
	}
	fresh, err := shown.Take(seconds, rows)
	if err != nil {
		return shown, err
	}
	if len(fresh) > 0 {
		shown.watch.take(head.StartedAt, fresh...)
	}
	p := shown.Progress(time.Now())
	o.mailbox.Update(func(w *pane.World) {
		w.Load.Run, w.Load.Plan, w.Load.Live, w.Load.Others = shown.run, shown.plan, &p, true
	})
	return shown, nil
}

// beginOthers shows a run from now on, beside what its target says.
func (o *operator) beginOthers(ctx context.Context, head loadtest.Result) *othersLoad {
	service, plans := "", o.ready().plans
	if i := slices.IndexFunc(plans, func(p loadtest.Plan) bool { return p.Name == head.Plan }); i >= 0 {
		service = plans[i].Service
	}
	watch := newLoadWatch(service, o.boards, o.look, o.mailbox)
	watching, end := context.WithCancel(ctx)
	var watched sync.WaitGroup
	watched.Go(func() { watch.run(watching) })
	watched.Go(func() { watch.ask(watching) })
	return &othersLoad{Follower: loadtest.NewFollower(head), run: head.Run, plan: head.Plan, watch: watch, stop: func() {
		end()
		watched.Wait()
	}}
}

// endOfOthers shows how a run has ended.
func (o *operator) endOfOthers(ctx context.Context, shown *othersLoad) {
	res, err := o.db.LoadRun(ctx, shown.run)
	res.Seconds, res.Rows = nil, nil
	o.mailbox.Update(func(w *pane.World) {
		w.Load.Live = nil
		if err == nil {
			w.Load.Run, w.Load.Result = shown.run, &res
		}
	})
}
