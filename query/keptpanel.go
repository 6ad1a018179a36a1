package query

// tame brings a panel that was kept within what a board's file can say: its bytes may be
// damaged or written by anybody, and those who draw rely on the loader's checks.
func (p *Panel) tame() {
	p.Top = max(p.Top, 0)
	if p.Log != 2 && p.Log != 10 {
		p.Log = 0
	}
	if at := p.Place; at != nil && (at.X < 0 || at.W < 1 || at.X > GridColumns-at.W || at.W > GridColumns || at.Y < 0 || at.Y > farthestPlace || at.H < 1 || at.H > highestPlace) {
		p.Place = nil // it flows
	}
	p.Width = max(p.Width, 0)
	for i := range p.Overrides {
		p.Overrides[i].Set.Width = max(p.Overrides[i].Set.Width, 0)
	}
}
