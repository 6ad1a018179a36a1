package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/sitrep-dev/sitrep/query"
	"github.com/sitrep-dev/sitrep/query/embedded"
	"github.com/sitrep-dev/sitrep/strictyaml"
)

// A command that does not stay looks at the checks once, and only if a board asks
// them: what they find at that moment is known then, and nothing of before.

// errNotLooked is what panels of checks say where nobody has looked.
var errNotLooked = errors.New("what the checks found is known to an open sitrep and to sitrep daemon, each from when it began")

// notLooked is the source of checks in a command that does not look at them.
type notLooked struct{}

func (notLooked) Range(context.Context, string, query.Grid) (query.Frame, error) {
	return query.Frame{}, errNotLooked
}

// mayAskChecks says that a panel or a variable of the board asks the checks, or may:
// a variable chooses whom.
func mayAskChecks(b *query.Board) bool {
	may := func(source string) bool {
		return source == checksSource || strings.Contains(source, "$") || strings.Contains(source, "[[")
	}
	return may(b.Source) ||
		slices.ContainsFunc(b.Variables, func(v query.Variable) bool { return may(v.Source) }) ||
		slices.ContainsFunc(b.Panels, func(p query.Panel) bool {
			return may(p.Source) || slices.ContainsFunc(p.Queries, func(q query.Query) bool { return may(q.Source) })
		})
}

// asksChecks says that a panel of a filled-in board asks the checks.
func asksChecks(b *query.Board, p *query.Panel) bool {
	return p.Type.Asks() && slices.ContainsFunc(p.Queries, func(q query.Query) bool {
		return !q.Hidden && cmp.Or(q.Source, p.Source, b.Source) == checksSource
	})
}

// lookedOnce has the checks looked at, if the configuration has some and the board may
// ask them, and puts them among the sources.
func (a *app) lookedOnce(ctx context.Context, b *query.Board, sources query.Sources) error {
	if _, has := sources[checksSource]; !has || !mayAskChecks(b) {
		return nil
	}
	client, err := a.checksOnce(ctx)
	if err != nil {
		return err
	}
	sources[checksSource] = client
	return nil
}

// ofChecks asks those panels of a snapshot again that ask the checks, at the moment at
// which these were looked at: the points of a chart lie before it.
func (a *app) ofChecks(ctx context.Context, snap *query.Snapshot, past query.Past) {
	board := *snap.Board
	board.Panels, board.Rows, board.Variables, board.Presets = nil, nil, nil, nil
	var which []int
	for i := range snap.Board.Panels {
		if p := &snap.Board.Panels[i]; asksChecks(snap.Board, p) {
			which = append(which, i)
			board.Panels = append(board.Panels, *p)
		}
	}
	if len(which) == 0 {
		return
	}
	now := time.Now()
	moment := onceMoment(now)
	moment.Sources = past.Sources
	again := query.Look(ctx, past.Sources[""], &board, moment, now)
	for n, i := range which {
		snap.Panels[i] = again.Panels[n]
		if err := onceUnknowable(&again.Board.Panels[n], snap.Board.Range); err != nil && snap.Panels[i].Err == nil {
			snap.Panels[i].Err, snap.Panels[i].Frame.Series = err, nil
		}
	}
}

// onceUnknowable is why a panel of checks cannot be answered after one look; nil if it can.
func onceUnknowable(p *query.Panel, span time.Duration) error {
	for i := range p.Queries {
		if q := &p.Queries[i]; !q.Hidden {
			if err := beforeTheLook(query.Interpolate(q.Expr, query.Window{Step: time.Second, Span: span})); err != nil {
				return err
			}
		}
	}
	return nil
}

// beforeTheLook is why an expression about checks cannot be answered after one look.
func beforeTheLook(expr string) error {
	back := embedded.Reach(expr)
	if back == 0 {
		return nil
	}
	return withCode(exitInconclusive, fmt.Errorf("it looks back %s, and the checks were looked at once: that cannot be known (an open sitrep, or sitrep daemon, would have it)", strictyaml.FormatDuration(back)))
}
