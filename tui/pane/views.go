package pane

// Views are the numbered screens, in the order of their keys: Now, Board,
// Timeline, Actions, Post-mortem, Statistics. They are new, and of one root model.
func Views() []View {
	var asked Window // Now and Board show the same board: what one asked for is the other's too
	return []View{
		&now{window: window{asked: &asked}},
		&board{window: window{asked: &asked}},
		&timeline{},
		&actions{},
		&postmortem{},
		&statistics{},
	}
}
