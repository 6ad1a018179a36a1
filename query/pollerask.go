package query

import "slices"

// order is which panels are asked, by their keys, and which of them first. Panels
// that it does not know (another choice brought them) are asked unless they stand
// in a row that is collapsed at first.
type order struct {
	rank map[string]int // -1 = is not asked
}

// Ask has only these panels asked from now on, by their places on the board that
// was reported last, the first ones first; the others keep what they show. Before
// it is called all are asked.
func (p *Poller) Ask(panels []int) {
	p.mu.Lock()
	shown := p.shown
	if shown.board == nil { // nothing was reported yet
		b := p.want.board
		if b == nil {
			b = p.Board
		}
		shown = *b.expand(nil)
	}
	o := &order{rank: map[string]int{}}
	for _, key := range shown.keys {
		o.rank[key] = -1
	}
	for n, i := range panels {
		if i >= 0 && i < len(shown.keys) {
			o.rank[shown.keys[i]] = n
		}
	}
	p.order = o
	p.mu.Unlock()
	p.remind(poke{more: true})
}

// asked are the panels that are asked, in the order in which they are.
func (r *run) asked() []int {
	r.mu.Lock()
	o := r.order
	r.mu.Unlock()
	var panels []int
	rank := map[int]int{}
	for i := range r.showing.board.Panels {
		rank[i] = o.of(r.showing, i)
		if rank[i] >= 0 && r.showing.board.Panels[i].Type.Asks() {
			panels = append(panels, i)
		}
	}
	slices.SortStableFunc(panels, func(a, b int) int { return rank[a] - rank[b] })
	return panels
}

// of is the rank of panel i.
func (o *order) of(e *expanded, i int) int {
	if o == nil {
		return 0
	}
	if rank, known := o.rank[e.keys[i]]; known {
		return rank
	}
	if row := e.board.RowOf(i); row >= 0 && e.board.Rows[row].Collapsed && !e.board.Panels[i].Signal {
		return -1
	}
	return len(e.board.Panels)
}
