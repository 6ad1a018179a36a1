package query

import "slices"

// Ask has only these panels asked from now on, by their places on the board; the
// others keep what they show. Before it is called all are asked.
func (p *Poller) Ask(panels []int) {
	only := map[int]bool{}
	for _, i := range panels {
		only[i] = true
	}
	p.mu.Lock()
	p.only = only
	p.mu.Unlock()
	p.Refresh()
}

// jobs are the queries of the panels that are asked.
func (p *Poller) jobs() []job {
	p.mu.Lock()
	only := p.only
	p.mu.Unlock()
	all := jobs(p.Board)
	if only == nil {
		return all
	}
	return slices.DeleteFunc(all, func(j job) bool { return !only[j.panel] })
}
