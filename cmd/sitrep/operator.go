package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/sitrep-dev/sitrep/chaos"
	"github.com/sitrep-dev/sitrep/escalation"
	"github.com/sitrep-dev/sitrep/incident"
	"github.com/sitrep-dev/sitrep/incident/postmortem"
	"github.com/sitrep-dev/sitrep/incident/runbook"
	"github.com/sitrep-dev/sitrep/loadtest"
	"github.com/sitrep-dev/sitrep/tui"
	"github.com/sitrep-dev/sitrep/tui/pane"
)

// operator carries out what a person asks for on the screen. What it starts
// lives as long as the program, not as the order; wait returns once all of it
// is over and undone.
type operator struct {
	*centre
	desk     *incident.Desk
	mailbox  *tui.Mailbox
	board    *shownBoard // nil without a board
	explore  *explorer
	duties   *duties
	gatherer *gatherer
	life     context.Context

	mu     sync.Mutex
	runs   map[string]*chaos.Handle // by ULID
	names  map[string]string        // CH-1, by ULID, of runs
	load   context.CancelFunc       // of the load run; nil if none
	edited map[incident.ID]openEdit // post-mortems that are in an editor
	day    *startedDay              // nil if none was started here
	work   sync.WaitGroup
}

func newOperator(life context.Context, c *centre, m *tui.Mailbox, board *shownBoard) *operator {
	return &operator{
		centre: c, desk: incident.NewDesk(c.db), mailbox: m, board: board, life: life,
		runs: map[string]*chaos.Handle{}, names: map[string]string{}, edited: map[incident.ID]openEdit{},
	}
}

// wait returns when every run is over. Their contexts must have ended.
func (o *operator) wait() { o.work.Wait() }

// Do is pane.Operator's.
func (o *operator) Do(ctx context.Context, order pane.Order) (pane.Receipt, error) {
	switch order := order.(type) {
	case pane.Declare:
		return o.declare(ctx, order)
	case pane.StartChaos:
		return o.startChaos(ctx, order)
	case pane.JudgeChaos:
		return o.judgeChaos(ctx, order.Names)
	case pane.ConfirmChaos:
		return o.confirmChaos(order.Run)
	case pane.StartLoad:
		return o.startLoad(ctx, order.Name)
	case pane.JudgeGameday:
		return o.judgeGameday(ctx, order.Name)
	case pane.StartGameday:
		return o.startGameday(ctx, order)
	case pane.AnswerGameday:
		return o.answerGameday(ctx, order)
	case pane.Verify:
		return o.verify(ctx, order)
	case pane.AbortAll:
		return o.abortAll(ctx)
	case pane.MakeDraft:
		return o.makeDraft(ctx, order.ID)
	case pane.OpenDraft:
		return o.openDraft(ctx, order.ID)
	case pane.SaveDraft:
		return o.saveDraft(ctx, order)
	case pane.LeaveDraft:
		return o.leaveDraft(order.ID)
	case pane.ExportDraft:
		return o.exportDraft(ctx, order)
	case pane.AskStep:
		return o.askStep(ctx, order)
	case pane.OpenFrozen:
		return o.openFrozen(ctx, order)
	case pane.LookInto:
		return o.lookInto(ctx, order)
	case pane.InboxOrder:
		return o.actThere(ctx, order)
	case pane.Silence:
		return o.silence(ctx, order)
	case pane.EndSilence:
		return o.endSilence(ctx, order)
	case pane.Elevate:
		return o.elevate(ctx, order)
	case pane.MarkAlerts:
		return o.mark(ctx, order)
	case pane.Sign:
		return o.sign(ctx, order)
	case pane.KeepBoard:
		return o.keepBoard(ctx, order)
	case pane.ExportPanel:
		return o.exportPanel(order)
	case pane.Window:
		if o.board != nil {
			o.board.SetWindow(order.Span, order.Columns, order.End)
		}
		return pane.Receipt{}, nil
	case pane.ShowBoard:
		if o.board != nil {
			return pane.Receipt{}, o.board.Show(order.Name)
		}
		return pane.Receipt{}, nil
	case pane.AskPanels:
		if o.board != nil {
			o.board.Ask(order.Panels)
		}
		return pane.Receipt{}, nil
	case pane.SetValues:
		if o.board != nil {
			return pane.Receipt{}, o.board.SetValues(order.Values)
		}
		return pane.Receipt{}, nil
	case pane.CompareWith:
		if o.board != nil {
			o.board.Compare(order.Comparisons)
		}
		return pane.Receipt{}, nil
	case pane.RefreshNow:
		if o.board != nil {
			o.board.Refresh()
		}
		o.duties.refresh()
		o.gatherer.refresh()
		return pane.Receipt{}, nil
	}
	if r, err, mine := o.explore.do(ctx, order); mine {
		return r, err
	}
	return o.command(ctx, order)
}

// command is an order about an open incident.
func (o *operator) command(ctx context.Context, order pane.Order) (pane.Receipt, error) {
	by := o.by()
	switch order := order.(type) {
	case pane.Acknowledge:
		inc, err := o.desk.Acknowledge(ctx, by, order.ID)
		return o.told(ctx, inc, err, fmt.Sprintf("%s acknowledged by %s", order.ID, by.Actor))
	case pane.Unacknowledge:
		inc, err := o.desk.Unacknowledge(ctx, by, order.ID)
		return o.told(ctx, inc, err, fmt.Sprintf("%s given back: the ladder goes on", order.ID))
	case pane.SetSeverity:
		inc, err := o.desk.ChangeSeverity(ctx, by, order.ID, order.To, order.Reason)
		return o.told(ctx, inc, err, fmt.Sprintf("%s is %s", order.ID, order.To))
	case pane.SetService:
		inc, err := o.desk.SetService(ctx, by, order.ID, order.Service, o.policy.Reroute)
		return o.told(ctx, inc, err, fmt.Sprintf("%s is about %s", order.ID, inc.Service))
	case pane.SetStatus:
		inc, err := o.desk.ChangeStatus(ctx, by, order.ID, order.To, order.Details)
		return o.told(ctx, inc, err, fmt.Sprintf("%s is %s", order.ID, order.To))
	case pane.Escalate:
		inc, err := o.desk.Escalate(ctx, by, order.ID, order.Level, order.Reason)
		return o.told(ctx, inc, err, fmt.Sprintf("%s escalated", order.ID))
	case pane.Snooze:
		inc, err := o.desk.Snooze(ctx, by, order.ID, order.Length, "")
		return o.told(ctx, inc, err, fmt.Sprintf("%s: the ladder is quiet for %s", order.ID, span(order.Length)))
	case pane.Resolve:
		if order.Anyway != "" {
			if _, err := o.desk.Note(ctx, by, order.ID, "resolves it "+order.Anyway); err != nil {
				return pane.Receipt{}, err
			}
		}
		return o.resolve(ctx, order.ID, order.Resolution, "its post-mortem is drafted")
	case pane.Reopen:
		inc, err := o.desk.Reopen(ctx, by, order.ID)
		return o.told(ctx, inc, err, fmt.Sprintf("%s reopened", order.ID))
	case pane.Close:
		inc, err := o.desk.Close(ctx, by, order.ID)
		return o.told(ctx, inc, err, fmt.Sprintf("%s closed", order.ID))
	case pane.Update:
		inc, err := o.desk.Update(ctx, by, order.ID, order.Says)
		return o.told(ctx, inc, err, fmt.Sprintf("update on %s sent", order.ID))
	case pane.Correct:
		inc, err := o.desk.Correct(ctx, by, order.ID, incident.Ref{ID: order.Event}, order.Text)
		return o.told(ctx, inc, err, "corrected on "+string(order.ID))
	case pane.Merge:
		inc, _, err := o.desk.Merge(ctx, by, order.ID, order.Into)
		return o.told(ctx, inc, err, fmt.Sprintf("%s was merged into %s", order.ID, order.Into))
	case pane.AddItem:
		inc, err := o.desk.AddItem(ctx, by, order.ID, order.Text, order.Owner, order.Due)
		if err != nil {
			return pane.Receipt{}, err
		}
		return pane.Receipt{Text: fmt.Sprintf("%s of %s written down", inc.Items[len(inc.Items)-1].Item.Item, order.ID), Incident: order.ID}, nil
	case pane.CloseItem:
		_, err := o.desk.CloseItem(ctx, by, order.ID, order.Item)
		return pane.Receipt{Text: fmt.Sprintf("%s of %s is done", order.Item, order.ID), Incident: order.ID}, err
	case pane.Note:
		_, err := o.desk.Note(ctx, by, order.ID, order.Text)
		return pane.Receipt{Text: "noted on " + string(order.ID), Incident: order.ID}, err
	case pane.Did:
		_, err := o.desk.Did(ctx, by, order.ID, order.Action)
		text := fmt.Sprintf("recorded on %s, not as its mitigation", order.ID)
		if order.Action.Mitigates {
			text = fmt.Sprintf("recorded on %s as its mitigation", order.ID)
		}
		return pane.Receipt{Text: text, Incident: order.ID}, err
	case pane.TickStep:
		_, err := o.desk.Tick(ctx, by, order.ID, order.Step)
		return pane.Receipt{Text: "done: " + order.Step.Text, Incident: order.ID}, err
	case pane.UntickStep:
		_, err := o.desk.Untick(ctx, by, order.ID, order.Runbook, order.Step)
		return pane.Receipt{Text: "not done after all: " + order.Step, Incident: order.ID}, err
	case pane.Attach:
		_, err := o.desk.Attach(ctx, by, order.ID, order.Runbook)
		return pane.Receipt{Text: fmt.Sprintf("%s follows %s", order.ID, order.Runbook), Incident: order.ID}, err
	case pane.Assign:
		_, err := o.desk.Assign(ctx, by, order.ID, order.Role, order.Person)
		return pane.Receipt{Text: fmt.Sprintf("%s is %s of %s", order.Person, order.Role, order.ID), Incident: order.ID}, err
	}
	return pane.Receipt{}, fmt.Errorf("this sitrep does not know how to carry out %T", order)
}

// resolve ends an incident; said is what the receipt says beside that.
func (o *operator) resolve(ctx context.Context, id incident.ID, resolution, said string) (pane.Receipt, error) {
	inc, err := o.desk.Resolve(ctx, o.by(), id, resolution)
	if err == nil {
		_, draftErr := refreshDraft(ctx, o.db, id, o.by())
		o.note(draftErr)
	}
	return o.told(ctx, inc, err, fmt.Sprintf("%s resolved; %s", id, said))
}

// askStep asks the queries of a step and shows what comes. Why there is no answer
// is one too.
func (o *operator) askStep(ctx context.Context, order pane.AskStep) (pane.Receipt, error) {
	now := time.Now()
	waiting := map[string]runbook.Answer{}
	for _, q := range order.Queries {
		waiting[q.Text] = runbook.Answer{At: now}
	}
	o.answered(waiting)
	o.answered(askAll(ctx, o.client, order.Queries, now))
	return pane.Receipt{}, nil
}

// answered publishes answers beside those that are there.
func (o *operator) answered(fresh map[string]runbook.Answer) {
	o.mailbox.Update(func(w *pane.World) {
		all := maps.Clone(w.Answers)
		if all == nil {
			all = map[string]runbook.Answer{}
		}
		maps.Copy(all, fresh)
		w.Answers = all
	})
}

// told is the receipt of an order that the ladder may have to tell people of:
// it waits a moment to say what became of it.
func (o *operator) told(ctx context.Context, inc incident.Incident, err error, text string) (pane.Receipt, error) {
	if err != nil {
		return pane.Receipt{}, err
	}
	r, since := pane.Receipt{Text: text, Incident: inc.ID, Outward: true}, time.Now().Add(-time.Second)
	ctx, cancel := context.WithTimeout(ctx, receiptPatience)
	defer cancel()
	for {
		messages, err := o.db.Messages(ctx, inc.ID)
		if err != nil {
			return r, nil // the order stands; the delivery is shown by the follower
		}
		told, err := o.db.Told(ctx, inc.ID)
		if err != nil {
			return r, nil
		}
		if told >= inc.Seq && !slices.ContainsFunc(messages, escalation.Message.Open) {
			r.Text += deliveries(messages, since)
			return r, nil
		}
		select {
		case <-ctx.Done():
			r.Text += "; delivery is under way"
			return r, nil
		case <-time.After(50 * time.Millisecond):
		}
	}
}

// receiptPatience is how long a toast waits for the sinks' answers.
const receiptPatience = 4 * time.Second

// deliveries says what became of the messages queued after at.
func deliveries(messages []escalation.Message, at time.Time) string {
	text, said := "", map[string]bool{}
	for _, m := range messages {
		if m.QueuedAt.Before(at) || m.State == escalation.Superseded {
			continue
		}
		who := "Slack"
		if m.Kind() == "pagerduty" {
			who = fmt.Sprintf("%s PagerDuty %s", m.Level, m.Operation)
		}
		if one := fmt.Sprintf("; %s %s", who, m.State); !said[one] {
			said[one] = true
			text += one
		}
	}
	return text
}

func (o *operator) declare(ctx context.Context, order pane.Declare) (pane.Receipt, error) {
	d := incident.Declaration{
		Title: order.Title, Severity: order.Severity, Service: order.Service, Drill: order.Drill, Policy: o.policy.Frozen(order.Service),
	}
	once := ""
	for _, al := range o.mailbox.World().Alerts.List {
		if order.Alert == "" || al.Fingerprint != order.Alert {
			continue
		}
		d = declarationOf(al, order.Severity, o.policy)
		d.Title, d.Drill, once = order.Title, order.Drill, cmp.Or(al.Recorded, al.Cause())+"/declared"
		if order.Service != "" {
			d.Service = order.Service
		}
	}
	inc, err := o.desk.Declare(ctx, o.by(), once, d)
	err = goesOn(ctx, o.db, err)
	return o.told(ctx, inc, err, fmt.Sprintf("%s %s declared", inc.ID, inc.Severity))
}

func (o *operator) makeDraft(ctx context.Context, id incident.ID) (pane.Receipt, error) {
	s, err := refreshDraft(ctx, o.db, id, o.by())
	if err != nil {
		return pane.Receipt{}, err
	}
	return pane.Receipt{Text: fmt.Sprintf("%s drafted, version %d", s.ID, s.Version), Incident: id}, nil
}

// openEdit is a post-mortem in an editor, as it was handed out.
type openEdit struct {
	handed postmortem.Stored
	sheet  *sheet
}

func (o *operator) openDraft(ctx context.Context, id incident.ID) (pane.Receipt, error) {
	s, err := o.db.Postmortems().Load(ctx, id)
	if errors.Is(err, postmortem.ErrNone) {
		s, err = refreshDraft(ctx, o.db, id, o.by())
	}
	if err != nil {
		return pane.Receipt{}, err
	}
	b, err := newBench(o.db)
	if err != nil {
		return pane.Receipt{}, err
	}
	o.mu.Lock()
	before, unsaved := o.edited[id]
	delete(o.edited, id)
	o.mu.Unlock()
	if unsaved { // it could not be kept; now it is one that was left
		if err := before.sheet.lock.Close(); err != nil {
			return pane.Receipt{}, err
		}
	}
	says, err := b.takeUp(ctx, s, o.by())
	if err != nil {
		return pane.Receipt{}, err
	}
	if s, err = b.shelf.Load(ctx, id); err != nil {
		return pane.Receipt{}, err
	}
	on, err := b.begin(s)
	if err != nil {
		return pane.Receipt{}, err
	}
	o.mu.Lock()
	o.edited[id] = openEdit{s, on}
	o.mu.Unlock()
	return pane.Receipt{Text: strings.Join(says, "; "), Incident: id, Document: s.EditForm(), Path: on.file}, nil
}

func (o *operator) saveDraft(ctx context.Context, order pane.SaveDraft) (pane.Receipt, error) {
	o.mu.Lock()
	e, ok := o.edited[order.ID]
	o.mu.Unlock()
	if !ok {
		return pane.Receipt{}, fmt.Errorf("the post-mortem of %s was not handed out for editing", order.ID)
	}
	s, err := postmortem.Keep(ctx, o.db.Postmortems(), e.handed, order.Text, o.by())
	if err != nil {
		return pane.Receipt{}, err
	}
	o.mu.Lock()
	delete(o.edited, order.ID)
	o.mu.Unlock()
	text := fmt.Sprintf("%s version %d kept", s.ID, s.Version)
	if n := s.Conflicts(); n > 0 {
		text = conflictLine(s, n)
	}
	return pane.Receipt{Text: text, Incident: order.ID}, e.sheet.done()
}

// leaveDraft ends an edit that brought nothing. What the editor had saved before it
// failed is set aside.
func (o *operator) leaveDraft(id incident.ID) (pane.Receipt, error) {
	o.mu.Lock()
	e, ok := o.edited[id]
	delete(o.edited, id)
	o.mu.Unlock()
	if !ok {
		return pane.Receipt{}, nil
	}
	text, err := os.ReadFile(e.sheet.file)
	if err != nil || strings.TrimSpace(string(text)) == "" || string(text) == e.handed.EditForm() {
		return pane.Receipt{}, e.sheet.done() // a file that is gone holds nothing
	}
	file, err := e.sheet.setAside()
	return pane.Receipt{Text: fmt.Sprintf("what the editor had saved is in %s (sitrep postmortem edit %s --from FILE takes it)", file, id), Incident: id}, err
}

func (o *operator) exportDraft(ctx context.Context, order pane.ExportDraft) (pane.Receipt, error) {
	s, err := o.db.Postmortems().Load(ctx, order.ID)
	if err != nil {
		return pane.Receipt{}, err
	}
	if _, err := os.Lstat(order.Path); err == nil {
		return pane.Receipt{}, fmt.Errorf("export %s: %s is there already and was left as it is; give another name", s.ID, order.Path)
	}
	if err := writeNew(order.Path, []byte(s.Markdown())); err != nil {
		return pane.Receipt{}, fmt.Errorf("export %s: %w", s.ID, err)
	}
	return pane.Receipt{Text: fmt.Sprintf("%s written to %s", s.ID, order.Path), Incident: order.ID, Path: order.Path}, nil
}

func (o *operator) startLoad(ctx context.Context, name string) (pane.Receipt, error) {
	plan, run, cancel, err := o.takeLoad(ctx, name, "sitrep load run "+name)
	if err != nil {
		return pane.Receipt{}, err
	}
	o.work.Go(func() {
		defer cancel()
		_, err := o.runLoad(run, plan)
		o.note(err)
	})
	return pane.Receipt{Text: fmt.Sprintf("load %s begins: %s", name, describePlan(plan))}, nil
}

// takeLoad has a plan ready to be run, as the one load of this screen; command is how it is
// started where its words have to be typed.
func (o *operator) takeLoad(ctx context.Context, name, command string) (plan loadtest.Plan, run context.Context, cancel context.CancelFunc, err error) {
	plans := o.ready().plans
	i := slices.IndexFunc(plans, func(p loadtest.Plan) bool { return p.Name == name })
	if i < 0 {
		return plan, nil, nil, fmt.Errorf("there is no plan %q", name)
	}
	plan = plans[i]
	reached, err := plan.Beyond(ctx)
	if err != nil {
		return plan, nil, nil, err
	}
	if live := productionHosts(reached); len(live) > 0 {
		what := strings.Join(live, " and ")
		return plan, nil, nil, fmt.Errorf("%s is production: start it with %s --confirm %q", what, command, what)
	}
	run, cancel = context.WithCancel(o.life)
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.load != nil {
		cancel()
		return plan, nil, nil, errors.New("a load run is going on: wait for its end, or end it with ctrl+x")
	}
	o.load = cancel
	return plan, run, cancel, nil
}

func (o *operator) runLoad(ctx context.Context, plan loadtest.Plan) (loadtest.Result, error) {
	means, closeAll := o.app.loadMeans()
	defer closeAll()
	watch := newLoadWatch(plan.Service, o.boards, o.look, o.mailbox)
	means.Keep = watch.keep
	watching, enough := context.WithCancel(o.life)
	var watched sync.WaitGroup
	watched.Go(func() { watch.run(watching) })
	watched.Go(func() { watch.ask(watching) })
	res, err := runPlan(ctx, o.db, o.rec, plan, means, func(run string, p loadtest.Progress) {
		o.mailbox.Update(func(w *pane.World) { w.Load.Run, w.Load.Plan, w.Load.Live, w.Load.Others = run, plan.Name, &p, false })
	})
	enough()
	watched.Wait()
	o.mu.Lock()
	o.load = nil
	o.mu.Unlock()
	o.mailbox.Update(func(w *pane.World) {
		w.Load.Live = nil
		if err == nil {
			shown := res
			shown.Seconds, shown.Rows = nil, nil // the course shows them, and the archive has them
			w.Load.Run, w.Load.Result = res.Run, &shown
		}
	})
	return res, err
}
