package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/sitrep-dev/sitrep/incident"
	"github.com/sitrep-dev/sitrep/query"
	"github.com/sitrep-dev/sitrep/tui"
	"github.com/sitrep-dev/sitrep/tui/pane"
)

// explorer answers what is asked from the line of PromQL, and where a chart leads to.
type explorer struct {
	client  *query.Client
	live    query.Asker // the server, or what stands in for it
	shelf   *shelf      // of what was recorded with incidents
	catalog *query.Catalog
	scrape  func(context.Context) time.Duration
	asked   *asked
	links   []linkTemplate
	scratch string // file of a board that pins are written to; "" is none
	board   *shownBoard
	mailbox *tui.Mailbox

	mu  sync.Mutex
	end context.CancelFunc // of the question that is being asked
}

func newExplorer(c *centre, m *tui.Mailbox, board *shownBoard) (*explorer, error) {
	cfg, err := c.app.config()
	if err != nil {
		return nil, err
	}
	e := &explorer{
		client: c.client, live: c.asker(), shelf: &shelf{db: c.db}, catalog: query.NewCatalog(c.client), scrape: scrapeOf(c.client), asked: openAsked(), links: cfg.Links, board: board, mailbox: m,
	}
	if cfg.Explore.Board != "" {
		e.scratch = cfg.path(cfg.Explore.Board)
	}
	m.Update(func(w *pane.World) { w.Asked, w.Server = e.asked.All(), c.client.URL() })
	return e, nil
}

// suggestions is how many words are given at once.
const suggestions = 50

// do carries out an order of the line; false for any other.
func (e *explorer) do(ctx context.Context, order pane.Order) (r pane.Receipt, err error, mine bool) {
	switch order := order.(type) {
	case pane.Warm:
		err = e.catalog.Warm(ctx)
	case pane.Suggest:
		r.Words, err = e.suggest(ctx, order)
	case pane.Find:
		r.Found, err = e.find(ctx, order.Question, order.Incident)
	case pane.Explain:
		r.Parts, err = e.explain(ctx, order.Question, order.Incident)
	case pane.Pin:
		r.Text, err = e.pin(order)
	case pane.FindLinks:
		r, err = e.findLinks(ctx, order)
	default:
		return r, nil, false
	}
	return r, err, true
}

// only ends the question that is still asked: nobody waits for it any more.
func (e *explorer) only(ctx context.Context) (context.Context, context.CancelFunc) {
	ctx, end := context.WithCancel(ctx)
	e.mu.Lock()
	if e.end != nil {
		e.end()
	}
	e.end = end
	e.mu.Unlock()
	return ctx, end
}

// whom is who is asked, and how far the scrapes are apart there: the server, or with
// an incident what was recorded with it. The end of a question is brought to what was.
func (e *explorer) whom(ctx context.Context, id incident.ID, q *query.Question) (query.Asker, error) {
	if id == "" {
		q.Scrape = e.scrape(ctx)
		return e.live, nil
	}
	r, err := e.shelf.open(ctx, id)
	if err != nil {
		return nil, err
	}
	if q.End.IsZero() {
		q.End = r.to
	}
	q.Scrape = r.every
	return r.client, r.covers(q.End.Add(-q.Span-looksBack), q.End)
}

// suggest gives the words of the server, or of what was recorded.
func (e *explorer) suggest(ctx context.Context, order pane.Suggest) ([]query.Suggestion, error) {
	catalog := e.catalog
	if order.Incident != "" {
		r, err := e.shelf.open(ctx, order.Incident)
		if err != nil {
			return nil, err
		}
		catalog = r.catalog
	}
	return catalog.Suggest(ctx, order.At, suggestions)
}

func (e *explorer) find(ctx context.Context, q query.Question, of incident.ID) (*query.Findings, error) {
	ctx, end := e.only(ctx)
	defer end()
	ask, err := e.whom(ctx, of, &q)
	if err != nil {
		return nil, err
	}
	found, err := query.Find(ctx, ask, q, time.Now())
	if err != nil {
		return nil, err
	}
	if err := e.asked.Add(q.Expr); err != nil {
		return &found, nil // the answer is what was wanted
	}
	e.mailbox.Update(func(w *pane.World) { w.Asked = e.asked.All() })
	return &found, nil
}

func (e *explorer) explain(ctx context.Context, q query.Question, of incident.ID) ([]query.Part, error) {
	ctx, end := e.only(ctx)
	defer end()
	now := time.Now()
	ask, err := e.whom(ctx, of, &q)
	if err != nil {
		return nil, err
	}
	at := q.End
	if at.IsZero() {
		at = now
	}
	return query.Explain(ctx, ask, q.Expr, q.Window(now), at)
}

// pin puts a question onto the board on the screen, and into the file for it.
func (e *explorer) pin(order pane.Pin) (string, error) {
	if fault := query.CheckExpr(order.Expr); fault != nil {
		return "", fault
	}
	panel := query.Panel{Title: order.Title, Type: query.TimeSeries, Better: query.Lower, Queries: []query.Query{{Expr: order.Expr, Legend: "__auto"}}}
	var said []string
	if e.board != nil {
		if err := e.board.Pin(panel); err != nil {
			return "", err
		}
		said = append(said, "on the board until this screen is closed")
	}
	if e.scratch != "" {
		if err := addPanel(e.scratch, order.Title, order.Expr); err != nil {
			return "", err
		}
		said = append(said, "written to "+e.scratch)
	}
	if len(said) == 0 {
		return "", errors.New("there is no board to pin to: name one in boards, or a file in explore.board")
	}
	return fmt.Sprintf("%s: %s", order.Title, strings.Join(said, ", and ")), nil
}

// exemplarReach is how far around a moment an exemplar is looked for.
const exemplarReach = 5 * time.Minute

// exemplarWithin bounds the question for one: a person waits for the link.
const exemplarWithin = 3 * time.Second

// findLinks fills the addresses that lead from a place on a chart. Those that want
// what is not known are named.
func (e *explorer) findLinks(ctx context.Context, order pane.FindLinks) (pane.Receipt, error) {
	links := order.Links
	for _, l := range e.links {
		if l.fits(order.Place.Service) {
			links = append(links, query.Link{Title: l.Title, URL: l.URL})
		}
	}
	if len(links) == 0 {
		return pane.Receipt{}, errors.New("no link leads from here: write links into the configuration or the board (docs/links.md)")
	}
	place, noTrace := e.traced(ctx, order.Place, links)
	var r pane.Receipt
	var errs []error
	for _, l := range links {
		to, err := l.Fill(place)
		if err != nil {
			if noTrace != nil && l.NeedsTrace() {
				err = fmt.Errorf("%w: %w", err, noTrace)
			}
			errs = append(errs, err)
			continue
		}
		r.Links = append(r.Links, pane.FilledLink{Title: l.Title, URL: to})
	}
	if len(r.Links) == 0 {
		return r, errors.Join(errs...)
	}
	if len(errs) > 0 {
		r.Text = "left out: " + strings.ReplaceAll(errors.Join(errs...).Error(), "\n", "; ")
	}
	return r, nil
}

// traced is the place with the trace of the nearest exemplar, if a link wants one,
// and why there is none.
func (e *explorer) traced(ctx context.Context, p query.LinkPlace, links []query.Link) (query.LinkPlace, error) {
	wanted := false
	for _, l := range links {
		wanted = wanted || l.NeedsTrace()
	}
	if !wanted {
		return p, nil
	}
	if p.Expr == "" {
		return p, errors.New("the panel has no query to ask an exemplar of")
	}
	at := p.At
	if at.IsZero() {
		at = p.To
	}
	ctx, cancel := context.WithTimeout(ctx, exemplarWithin)
	defer cancel()
	list, err := e.client.Exemplars(ctx, p.Expr, at.Add(-exemplarReach), at.Add(exemplarReach))
	if err != nil {
		return p, err
	}
	if p.TraceID = query.NearestTrace(list, at); p.TraceID == "" {
		return p, fmt.Errorf("the server has no exemplar with a trace within %s of %s", exemplarReach, at.UTC().Format("15:04:05"))
	}
	return p, nil
}
